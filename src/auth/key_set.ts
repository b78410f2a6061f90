/**
 * Key sets (RFC 7517): which keys of one can be used here, and finding them. Only public keys for signatures count;
 * private, symmetric, too small or otherwise odd ones are left out and counted, whatever else is in the set.
 */
import { Buffer } from "node:buffer";
import { importJWK } from "jose";
import { isJsonObject, type JsonObject, memberOf, parseJsonObject } from "./json_object.ts";
import { isKeyId } from "./jwt_text.ts";
import { type KeyAlgorithm, type KeyLookup, UNKNOWN_KEY, type WantedKey } from "./key_source.ts";

/** The largest key set, in bytes. */
export const MAX_KEY_SET_BYTES = 256 * 1024;
/** The most keys of a set, those that cannot be used included. */
export const MAX_KEYS = 100;
/** The smallest and the largest RSA key: one is weak, with the other each check costs too much. */
export const MIN_RSA_BITS = 2048;
/** See {@link MIN_RSA_BITS}. */
export const MAX_RSA_BITS = 8192;

/** A key that can be used. */
export interface PublicKey {
  readonly keyId: string | null;
  readonly algorithm: KeyAlgorithm;
  readonly key: CryptoKey;
}

/** A set, or why there is none. */
export type KeySetResult =
  | { readonly ok: true; readonly keys: KeySet }
  | { readonly ok: false; readonly reason: string };

/** The keys of one set. */
export class KeySet {
  readonly #keys: readonly PublicKey[];
  /** How many of the set cannot be used. */
  readonly ignored: number;

  constructor(keys: readonly PublicKey[], ignored: number) {
    this.#keys = keys;
    this.ignored = ignored;
  }

  /** How many can be used. */
  get size(): number {
    return this.#keys.length;
  }

  /** The key that a token names. One that names none gets the only one of its algorithm, if there is only one. */
  find({ algorithm, keyId }: WantedKey): KeyLookup {
    const fitting = this.#keys.filter((one) => one.algorithm === algorithm);
    const [first, ...more] = keyId === null ? fitting : fitting.filter((one) => one.keyId === keyId);
    return first === undefined || more.length > 0 ? UNKNOWN_KEY : { kind: "found", key: first.key };
  }
}

/** Reads the text of a key set of at most {@link MAX_KEY_SET_BYTES}. */
export async function parseKeySet(text: string): Promise<KeySetResult> {
  if (Buffer.byteLength(text) > MAX_KEY_SET_BYTES) {
    return { ok: false, reason: `the key set is larger than ${MAX_KEY_SET_BYTES} bytes` };
  }
  const set = parseJsonObject(text);
  const list = set === null ? undefined : memberOf(set, "keys");
  if (!Array.isArray(list)) return { ok: false, reason: "it is no key set: there is no list of keys" };
  if (list.length > MAX_KEYS) {
    return { ok: false, reason: `the key set has ${list.length} keys: ${MAX_KEYS} is the limit` };
  }
  const keys = await Promise.all(list.map(readKey));
  const usable = keys.filter((key) => key !== null);
  return { ok: true, keys: new KeySet(usable, keys.length - usable.length) };
}

async function readKey(raw: unknown): Promise<PublicKey | null> {
  if (!isJsonObject(raw)) return null;
  const keyId = memberOf(raw, "kid");
  const kind = kindOf(raw);
  if (kind === null || !isForSignatures(raw) || (keyId !== undefined && !isKeyId(keyId))) return null;
  const algorithm = memberOf(raw, "alg");
  if (algorithm !== undefined && algorithm !== kind.algorithm && algorithm !== kind.alias) return null;
  const key = await importPublic(kind);
  return key === null ? null : { keyId: keyId ?? null, algorithm: kind.algorithm, key };
}

interface Kind {
  readonly algorithm: KeyAlgorithm;
  /** Another name of the algorithm in keys. */
  readonly alias?: string;
  /** The public parts alone. */
  readonly publicParts: Readonly<Record<string, string>>;
}

function kindOf(raw: JsonObject): Kind | null {
  // A key whose private part is public is nobody's any more.
  if (memberOf(raw, "d") !== undefined) return null;
  const kty = memberOf(raw, "kty");
  const crv = memberOf(raw, "crv");
  if (kty === "RSA") return kindOfRsa(memberOf(raw, "n"), memberOf(raw, "e"));
  const x = memberOf(raw, "x");
  const y = memberOf(raw, "y");
  if (typeof x !== "string") return null;
  if (kty === "EC" && crv === "P-256" && typeof y === "string") {
    return { algorithm: "ES256", publicParts: { kty, crv, x, y } };
  }
  if (kty === "OKP" && crv === "Ed25519") {
    return { algorithm: "EdDSA", alias: "Ed25519", publicParts: { kty, crv, x } };
  }
  return null;
}

function kindOfRsa(n: unknown, e: unknown): Kind | null {
  if (typeof n !== "string" || typeof e !== "string") return null;
  const modulus = Buffer.from(n, "base64url");
  const first = modulus.findIndex((byte) => byte !== 0);
  const bits = first < 0 ? 0 : (modulus.length - first) * 8 - Math.clz32(modulus[first] ?? 0) + 24;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) return null;
  return { algorithm: "RS256", publicParts: { kty: "RSA", n, e } };
}

function isForSignatures(raw: JsonObject): boolean {
  const use = memberOf(raw, "use");
  const operations = memberOf(raw, "key_ops");
  return (use === undefined || use === "sig") &&
    (operations === undefined || (Array.isArray(operations) && operations.includes("verify")));
}

/** A key that the runtime does not take cannot be used, and the set counts it. */
async function importPublic({ algorithm, publicParts }: Kind): Promise<CryptoKey | null> {
  try {
    const key = await importJWK(publicParts, algorithm);
    return key instanceof CryptoKey ? key : null;
  } catch {
    return null;
  }
}
