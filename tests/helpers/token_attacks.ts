/**
 * Attacks by token, as data: how each token is made, and why it is refused. A test runs them against the
 * authenticators; whoever tests a whole hub can run the same over the wire.
 */
import { Buffer } from "node:buffer";
import { sign } from "node:crypto";
import type { RefusalReason } from "../../src/auth/authenticator.ts";
import {
  encodeJwt,
  hmacOf,
  type Json,
  newSigningKey,
  segment,
  signerOf,
  type SigningKey,
  signJwt,
  signWithSecret,
} from "./jwt.ts";

/** What an attacker has, and more. */
export interface AttackWorld {
  /** Seconds since 1970, as the hub has them. */
  readonly now: number;
  /** Claims that are accepted when they are signed well. */
  readonly claims: Json;
  /** Signs well, with fields of the header of one's own. */
  readonly sign: (claims: unknown, header?: Json) => string;
  /** The key of RS256 that the hub believes; the attacker has its public part alone. */
  readonly key: SigningKey;
  /** A key that the hub does not know. */
  readonly stranger: SigningKey;
  /** The secret that the hub believes. */
  readonly secret: string;
}

/** One attack. */
export interface TokenAttack {
  readonly name: string;
  /** Whether the hub believes keys or a secret; left out: the same for both. */
  readonly against?: "keys" | "secret";
  readonly make: (world: AttackWorld) => string;
  readonly expected: RefusalReason;
}

/** A key that nobody knows, of the same kind and name as a known one. */
export function strangerOf(keyId: string): SigningKey {
  return newSigningKey("RS256", keyId);
}

function claim(
  name: string,
  changes: Json | ((world: AttackWorld) => Json),
  expected: RefusalReason,
): TokenAttack {
  const changed = (world: AttackWorld) => typeof changes === "function" ? changes(world) : changes;
  return { name, expected, make: (world) => world.sign({ ...world.claims, ...changed(world) }) };
}

function header(name: string, fields: Json, expected: RefusalReason): TokenAttack {
  return { name, expected, make: (world) => world.sign(world.claims, fields) };
}

function form(name: string, change: (token: string) => string, expected: RefusalReason): TokenAttack {
  return { name, expected, make: (world) => change(world.sign(world.claims)) };
}

function byKeys(name: string, make: TokenAttack["make"], expected: RefusalReason): TokenAttack {
  return { name, against: "keys", make, expected };
}

function bySecret(name: string, make: TokenAttack["make"], expected: RefusalReason): TokenAttack {
  return { name, against: "secret", make, expected };
}

const nothing = () => new Uint8Array();

/** Takes a signature from one token and puts it under other words. */
function graft(token: string, { at, value }: { at: 0 | 1; value: unknown }): string {
  return token.split(".").map((part, index) => index === at ? segment(value) : part).join(".");
}

const ALGORITHM_ATTACKS: readonly TokenAttack[] = [
  { name: "alg none", make: (w) => encodeJwt({ alg: "none" }, w.claims, nothing), expected: "algorithm" },
  { name: "alg nOnE", make: (w) => encodeJwt({ alg: "nOnE" }, w.claims, nothing), expected: "algorithm" },
  {
    name: "alg is the empty text",
    make: (w) => encodeJwt({ alg: "" }, w.claims, nothing),
    expected: "algorithm",
  },
  header("alg none under a good signature", { alg: "none" }, "algorithm"),
  header("alg is a number", { alg: 256 }, "malformed"),
  { name: "no alg", make: (w) => encodeJwt({ typ: "JWT" }, w.claims, nothing), expected: "malformed" },
  byKeys(
    "HS256 signed with the public key as PEM",
    ({ claims, key }) => {
      const pem = key.publicKey.export({ format: "pem", type: "spki" });
      return signWithSecret(claims, pem.toString(), { kid: key.keyId });
    },
    "algorithm",
  ),
  byKeys(
    "HS256 signed with the public key as DER",
    ({ claims, key }) => {
      const der = key.publicKey.export({ format: "der", type: "spki" });
      return signWithSecret(claims, der, { kid: key.keyId });
    },
    "algorithm",
  ),
  byKeys(
    "HS256 signed with the modulus",
    ({ claims, key }) =>
      signWithSecret(claims, Buffer.from(String(key.jwk["n"]), "base64url"), { kid: key.keyId }),
    "algorithm",
  ),
  byKeys("HS256 signed with nothing", ({ claims }) => signWithSecret(claims, ""), "algorithm"),
  byKeys(
    "RS512 with the right key",
    ({ claims, key }) =>
      encodeJwt({ alg: "RS512", kid: key.keyId }, claims, (input) => sign("sha512", input, key.privateKey)),
    "algorithm",
  ),
  byKeys(
    "RS1",
    ({ claims, key }) =>
      encodeJwt({ alg: "RS1", kid: key.keyId }, claims, (input) => sign("sha1", input, key.privateKey)),
    "algorithm",
  ),
  byKeys(
    "ES256 with the id of an RSA key",
    ({ claims, key }) => signJwt(claims, newSigningKey("ES256", key.keyId)),
    "unknown",
  ),
  bySecret("RS256 of a key of one's own", ({ claims, stranger }) => signJwt(claims, stranger), "algorithm"),
  bySecret(
    "HS512 with the right secret",
    ({ claims, secret }) => encodeJwt({ alg: "HS512" }, claims, hmacOf(secret, "sha512")),
    "algorithm",
  ),
  bySecret(
    "hs256 in small letters",
    ({ claims, secret }) => signWithSecret(claims, secret, { alg: "hs256" }),
    "algorithm",
  ),
];

const SIGNATURE_ATTACKS: readonly TokenAttack[] = [
  byKeys(
    "a key of one's own under a known name",
    ({ claims, stranger }) => signJwt(claims, stranger),
    "signature",
  ),
  byKeys(
    "a key of one's own without a name",
    ({ claims, stranger }) => encodeJwt({ alg: "RS256" }, claims, signerOf(stranger)),
    "signature",
  ),
  byKeys(
    "a key of one's own in the header (jwk)",
    ({ claims, stranger }) => signJwt(claims, stranger, { jwk: stranger.jwk }),
    "signature",
  ),
  byKeys(
    "keys at a URL of one's own (jku)",
    ({ claims, stranger }) => signJwt(claims, stranger, { jku: "https://attacker.example/keys" }),
    "signature",
  ),
  byKeys(
    "a certificate at a URL of one's own (x5u)",
    ({ claims, stranger }) => signJwt(claims, stranger, { x5u: "https://attacker.example/cert.pem" }),
    "signature",
  ),
  byKeys(
    "a certificate of one's own (x5c)",
    ({ claims, stranger }) =>
      signJwt(claims, stranger, {
        x5c: [segment(stranger.publicKey.export({ format: "der", type: "spki" }))],
      }),
    "signature",
  ),
  byKeys(
    "a name of a key that is not there",
    ({ claims, stranger }) => signJwt(claims, stranger, { kid: "nobody" }),
    "unknown",
  ),
  byKeys(
    "a name that every object has",
    ({ claims, stranger }) => signJwt(claims, stranger, { kid: "__proto__" }),
    "unknown",
  ),
  byKeys(
    "a name that leads into the file system",
    ({ claims, stranger }) => signJwt(claims, stranger, { kid: "../../../dev/null" }),
    "unknown",
  ),
  byKeys(
    "a signature of zeros",
    ({ claims, key }) => encodeJwt({ alg: "RS256", kid: key.keyId }, claims, () => new Uint8Array(256)),
    "signature",
  ),
  bySecret("a secret of one's own", ({ claims }) => signWithSecret(claims, "x".repeat(64)), "signature"),
  bySecret("the empty secret", ({ claims }) => signWithSecret(claims, ""), "signature"),
  bySecret(
    "a part of the secret",
    ({ claims, secret }) => signWithSecret(claims, secret.slice(0, -1)),
    "signature",
  ),
  bySecret(
    "the secret and the end of a line",
    ({ claims, secret }) => signWithSecret(claims, `${secret}\n`),
    "signature",
  ),
  bySecret(
    "a key of one's own in the header (jwk)",
    ({ claims }) => signWithSecret(claims, "mine", { jwk: { kty: "oct", k: segment("mine") } }),
    "signature",
  ),
  form("no signature", (token) => `${token.split(".").slice(0, 2).join(".")}.`, "signature"),
  form("the beginning of the signature", (token) => token.slice(0, token.lastIndexOf(".") + 21), "signature"),
  {
    name: "the signature of other claims",
    make: (w) => graft(w.sign(w.claims), { at: 1, value: { ...w.claims, sub: "root" } }),
    expected: "signature",
  },
];

const HEADER_ATTACKS: readonly TokenAttack[] = [
  header("crit names something known", { crit: ["exp"], exp: 1 }, "malformed"),
  header("crit names something unknown", { crit: ["x"], x: 1 }, "malformed"),
  header("crit is empty", { crit: [] }, "malformed"),
  header("b64 is off", { b64: false, crit: ["b64"] }, "malformed"),
  header("kid is a number", { kid: 1 }, "malformed"),
  header("kid is a list", { kid: ["first"] }, "malformed"),
  header("kid is too long", { kid: "k".repeat(257) }, "malformed"),
  header("typ of a logout", { typ: "logout+jwt" }, "malformed"),
  header("typ of a proof", { typ: "dpop+jwt" }, "malformed"),
  header("typ is an object", { typ: {} }, "malformed"),
];

const FORM_ATTACKS: readonly TokenAttack[] = [
  { name: "nothing", make: () => "", expected: "malformed" },
  { name: "something else", make: () => "opensesame", expected: "unknown" },
  { name: "dots", make: () => "..", expected: "unknown" },
  claim("too long", { padding: "x".repeat(16 * 1024) }, "malformed"),
  form("two parts", (token) => token.split(".").slice(0, 2).join("."), "malformed"),
  form("four parts", (token) => `${token}.e30`, "malformed"),
  form("five parts, as of an encrypted one", (token) => `${token}.e30.e30`, "malformed"),
  form("padding", (token) => `${token}=`, "malformed"),
  form("the end of a line", (token) => `${token}\n`, "malformed"),
  form("a space in front", (token) => ` ${token}`, "unknown"),
  form("with the word Bearer", (token) => `Bearer ${token}`, "unknown"),
  form("signature in the other alphabet", (token) => `${token.slice(0, -3)}+/+`, "malformed"),
  { name: "claims are a list", make: (w) => w.sign([w.claims]), expected: "malformed" },
  { name: "claims are no JSON", make: (w) => w.sign("{sub:alice}"), expected: "malformed" },
  { name: "claims are null", make: (w) => w.sign("null"), expected: "malformed" },
  {
    name: "claims are no UTF-8",
    make: (w) => w.sign(Buffer.from([0x7b, 0xff, 0x7d])),
    expected: "malformed",
  },
  { name: "claims are nested deeply", make: (w) => w.sign("[".repeat(10_000)), expected: "malformed" },
  {
    name: "header is a list",
    make: (w) => graft(w.sign(w.claims), { at: 0, value: [] }),
    expected: "unknown",
  },
  { name: "header is cut off", make: () => "eyJhbGciOiJIUzI1NiI.e30.e30", expected: "malformed" },
];

const TIME_ATTACKS: readonly TokenAttack[] = [
  claim("expired long ago", ({ now }) => ({ exp: now - 3600 }), "expired"),
  claim("expired just beyond the tolerance", ({ now }) => ({ exp: now - 5 }), "expired"),
  claim("exp is 0", { exp: 0 }, "expired"),
  claim("exp is below 0", { exp: -1 }, "expired"),
  claim("no exp", { exp: undefined }, "claim"),
  claim("exp is a text", { exp: "9999999999" }, "claim"),
  claim("exp is null", { exp: null }, "claim"),
  claim("exp is beyond all time", { exp: 1e300 }, "claim"),
  claim("exp is beyond all dates", { exp: 8.7e12 }, "claim"),
  claim("exp is a number of milliseconds too large by one", { exp: 8.64e12 - 4.999 }, "claim"),
  claim("not valid yet", ({ now }) => ({ nbf: now + 3600 }), "not_yet_valid"),
  claim("nbf is a text", { nbf: "0" }, "claim"),
  claim("iat is a text", { iat: "0" }, "claim"),
];

const NAME_ATTACKS: readonly TokenAttack[] = [
  claim("no issuer", { iss: undefined }, "issuer"),
  claim("another issuer", { iss: "https://attacker.example" }, "issuer"),
  claim("the issuer and a slash", ({ claims }) => ({ iss: `${claims["iss"]}/` }), "issuer"),
  claim("a list with the issuer", ({ claims }) => ({ iss: [claims["iss"]] }), "issuer"),
  claim("no audience", { aud: undefined }, "audience"),
  claim("another audience", { aud: "someone-else" }, "audience"),
  claim("an empty list of audiences", { aud: [] }, "audience"),
  claim("the audience as an object", { aud: { hub: true } }, "audience"),
  claim("no subject", { sub: undefined }, "claim"),
  claim("the empty subject", { sub: "" }, "claim"),
  claim("the subject is a number", { sub: 0 }, "claim"),
  claim("the subject is too long", { sub: "s".repeat(256) }, "claim"),
  claim("a line break in the subject", { sub: "alice\nroot" }, "claim"),
  claim("the id is a number", { jti: 7 }, "claim"),
  claim("the id is null", { jti: null }, "claim"),
];

const RIGHT_ATTACKS: readonly TokenAttack[] = [
  claim("roles are a text", { roles: "admin" }, "claim"),
  claim("roles are null", { roles: null }, "claim"),
  claim("a role is a number", { roles: ["reader", 1] }, "claim"),
  claim("a role is too long", { roles: ["r".repeat(129)] }, "claim"),
  claim("101 roles", { roles: Array.from({ length: 101 }, (_, at) => `role-${at}`) }, "claim"),
  claim("too many roles in two claims", {
    roles: Array.from({ length: 60 }, (_, at) => `a-${at}`),
    realm_access: { roles: Array.from({ length: 60 }, (_, at) => `b-${at}`) },
  }, "claim"),
  claim("roles of the realm are an object", { realm_access: { roles: { admin: true } } }, "claim"),
  claim("the tenant is a number", { tenant_id: 1 }, "claim"),
  claim("the tenant is empty", { tenant_id: "" }, "claim"),
  claim("the tenant is null", { tenant_id: null }, "claim"),
  claim("the account is a list", { account: ["acme"] }, "claim"),
  claim("the account is too long", { account: "a".repeat(129) }, "claim"),
  claim("permissions are a list", { permissions: ["admin"] }, "claim"),
  claim("permissions have an unknown member", { permissions: { everything: true } }, "claim"),
  claim("a permission is no pattern", { permissions: { publish: ["a.#.b"] } }, "claim"),
  claim("a permission is a text", { permissions: { subscribe: "#" } }, "claim"),
  claim("admin is null", { permissions: { admin: null } }, "claim"),
  claim("admin is a text", { permissions: { admin: "true" } }, "claim"),
  claim("257 permissions", { permissions: { serve: Array(257).fill("a") } }, "claim"),
  claim("a tunnel has no name", { permissions: { tunnel: ["a b"] } }, "claim"),
  claim("a destination is too long", { permissions: { connect: [`a:${"h".repeat(600)}:1`] } }, "claim"),
];

/** All attacks. */
export const TOKEN_ATTACKS: readonly TokenAttack[] = [
  ...ALGORITHM_ATTACKS,
  ...SIGNATURE_ATTACKS,
  ...HEADER_ATTACKS,
  ...FORM_ATTACKS,
  ...TIME_ATTACKS,
  ...NAME_ATTACKS,
  ...RIGHT_ATTACKS,
];
