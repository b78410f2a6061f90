/**
 * What a JSON Web Token says of itself before anybody has verified it: which algorithm and key, and which issuer to
 * ask. Nothing of it is believed; it only decides who verifies. Keys that a token brings along or points to (`jwk`,
 * `jku`, `x5c`, `x5u`) are never looked at.
 */
import { Buffer } from "node:buffer";
import { type JsonObject, memberOf, parseJsonObject } from "./json_object.ts";

/** The longest id of a key, in characters. */
export const MAX_KEY_ID_LENGTH = 256;

/** The form of a token. */
export type JwtText =
  | {
    readonly kind: "jwt";
    readonly algorithm: string;
    /** `null` when it names none. */
    readonly keyId: string | null;
    /** `null` when it names none, or no text. */
    readonly issuer: string | null;
  }
  /** It wants to be a JWT and is none that can be taken. */
  | { readonly kind: "malformed" }
  /** It does not look like one. */
  | { readonly kind: "no_jwt" };

const MALFORMED: JwtText = { kind: "malformed" };
const NO_JWT: JwtText = { kind: "no_jwt" };
/** `{"` in base64url: how nearly every header begins. */
const USUAL_START = "eyJ";
/** What kinds of token the field `typ` may name: an ID of a logout or a proof signed by the same keys is no login. */
const TYPES: readonly string[] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];

/** Looks at a token of at most `MAX_TOKEN_LENGTH` characters. */
export function readJwtText(token: string): JwtText {
  const segments = token.split(".", 4);
  const [first = "", second = "", third = ""] = segments;
  const header = decodeObject(first);
  if (!token.startsWith(USUAL_START) && (header === null || segments.length < 3)) return NO_JWT;
  const payload = decodeObject(second);
  if (segments.length !== 3 || header === null || payload === null || decode(third) === null) {
    return MALFORMED;
  }
  return readHeader(header, payload);
}

function readHeader(header: JsonObject, payload: JsonObject): JwtText {
  const algorithm = memberOf(header, "alg");
  const keyId = memberOf(header, "kid");
  if (typeof algorithm !== "string" || !isKeyIdOrNone(keyId) || !isTypeOrNone(memberOf(header, "typ"))) {
    return MALFORMED;
  }
  // What `crit` names has to be understood (RFC 7515, 4.1.11), and nothing is.
  if (memberOf(header, "crit") !== undefined || memberOf(header, "b64") !== undefined) return MALFORMED;
  const issuer = memberOf(payload, "iss");
  return {
    kind: "jwt",
    algorithm,
    keyId: keyId ?? null,
    issuer: typeof issuer === "string" ? issuer : null,
  };
}

function isKeyIdOrNone(value: unknown): value is string | undefined {
  return value === undefined || isKeyId(value);
}

/** Whether the value can be the id of a key. */
export function isKeyId(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_KEY_ID_LENGTH;
}

function isTypeOrNone(value: unknown): boolean {
  return value === undefined || (typeof value === "string" && TYPES.includes(value.toLowerCase()));
}

function decodeObject(segment: string): JsonObject | null {
  const bytes = segment === "" ? null : decode(segment);
  const text = bytes === null ? null : decodeUtf8(bytes);
  return text === null ? null : parseJsonObject(text);
}

/** The bytes of a segment; `null` when it is not the one way to write them, so that no token has two forms. */
function decode(segment: string): Uint8Array | null {
  const bytes = Buffer.from(segment, "base64url");
  return bytes.toString("base64url") === segment ? bytes : null;
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
