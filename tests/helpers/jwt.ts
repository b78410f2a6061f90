/**
 * Makes JSON Web Tokens, right ones and such as no library would sign. Keys and signatures come from the runtime, not
 * from the library that is tested.
 */
import { Buffer } from "node:buffer";
import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { KeyAlgorithm } from "../../src/auth/key_source.ts";

/** A header or claims. */
export type Json = Record<string, unknown>;

/** A pair of keys. */
export interface SigningKey {
  readonly algorithm: KeyAlgorithm;
  readonly keyId: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** As it stands in a key set. */
  readonly jwk: Json;
}

/** A new pair. */
export function newSigningKey(algorithm: KeyAlgorithm, keyId: string, rsaBits = 2048): SigningKey {
  const { privateKey, publicKey } = generatePair(algorithm, rsaBits);
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: keyId, alg: algorithm, use: "sig" };
  return { algorithm, keyId, privateKey, publicKey, jwk };
}

function generatePair(algorithm: KeyAlgorithm, modulusLength: number) {
  switch (algorithm) {
    case "RS256":
      return generateKeyPairSync("rsa", { modulusLength });
    case "ES256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" });
    case "EdDSA":
      return generateKeyPairSync("ed25519");
  }
}

/** A token with any header and any signature. */
export function encodeJwt(header: unknown, claims: unknown, signer: (input: Buffer) => Uint8Array): string {
  const input = `${segment(header)}.${segment(claims)}`;
  return `${input}.${Buffer.from(signer(Buffer.from(input))).toString("base64url")}`;
}

/** One part of a token; bytes and texts as they are, the rest as JSON. */
export function segment(value: unknown): string {
  const isRaw = value instanceof Uint8Array || typeof value === "string";
  return Buffer.from(isRaw ? value as string : JSON.stringify(value)).toString("base64url");
}

/** A token signed with a private key. */
export function signJwt(claims: unknown, key: SigningKey, header: Json = {}): string {
  return encodeJwt({ alg: key.algorithm, kid: key.keyId, typ: "JWT", ...header }, claims, signerOf(key));
}

/** What signs with a private key. */
export function signerOf({ algorithm, privateKey }: SigningKey): (input: Buffer) => Buffer {
  const hash = algorithm === "EdDSA" ? null : "sha256";
  return (input) => sign(hash, input, { key: privateKey, dsaEncoding: "ieee-p1363" });
}

/** A token signed with a secret. */
export function signWithSecret(claims: unknown, secret: string | Uint8Array, header: Json = {}): string {
  return encodeJwt({ alg: "HS256", typ: "JWT", ...header }, claims, hmacOf(secret));
}

/** What signs with a secret. */
export function hmacOf(secret: string | Uint8Array, hash = "sha256"): (input: Buffer) => Buffer {
  return (input) => createHmac(hash, secret).update(input).digest();
}
