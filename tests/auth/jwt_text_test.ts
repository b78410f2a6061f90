import assert from "node:assert/strict";
import fc from "fast-check";
import { readJwtText } from "../../src/auth/jwt_text.ts";
import { encodeJwt, segment } from "../helpers/jwt.ts";

function read(header: unknown, claims: unknown = {}) {
  return readJwtText(encodeJwt(header, claims, () => new Uint8Array(3)));
}

Deno.test("readJwtText: tells algorithm, key and issuer as they were written", () => {
  const texts = fc.record({
    algorithm: fc.string(),
    keyId: fc.string({ minLength: 1 }),
    issuer: fc.string(),
  });
  fc.assert(fc.property(texts, ({ algorithm, keyId, issuer }) => {
    const text = read({ alg: algorithm, kid: keyId }, { iss: issuer });
    assert.deepEqual(text, { kind: "jwt", algorithm, keyId, issuer });
  }));
  assert.deepEqual(read({ alg: "ES256" }, { iss: 5 }), {
    kind: "jwt",
    algorithm: "ES256",
    keyId: null,
    issuer: null,
  });
});

Deno.test("readJwtText: takes the types of logins, in any case of letters, and no type", () => {
  for (const typ of ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", undefined]) {
    assert.equal(read({ alg: "ES256", typ }).kind, "jwt", String(typ));
  }
  for (const typ of ["", "JWS", "logout+jwt", "secevent+jwt", null]) {
    assert.equal(read({ alg: "ES256", typ }).kind, "malformed", String(typ));
  }
});

Deno.test("readJwtText: a token has one form, so no other text is the same token", () => {
  const token = encodeJwt({ alg: "ES256" }, { sub: "alice" }, () => new Uint8Array([1]));
  assert.equal(readJwtText(token).kind, "jwt");
  // The last character of one byte holds four bits that say nothing.
  assert.ok(token.endsWith("AQ"));
  assert.equal(readJwtText(token.replace(/AQ$/, "AR")).kind, "malformed");
});

Deno.test("readJwtText: a header with a space in front is one too, and what has no header is no token", () => {
  assert.equal(readJwtText(`${segment('  {"alg":"ES256"}')}.${segment({})}.AAAA`).kind, "jwt");
  for (const text of ["", "a", "a.b.c", "a.b.c.d.e", `${segment(5)}.e30.AAAA`, segment(" {}")]) {
    assert.equal(readJwtText(text).kind, "no_jwt", text);
  }
});
