import assert from "node:assert/strict";
import { MAX_KEY_SET_BYTES, parseKeySet } from "../../src/auth/key_set.ts";
import type { WantedKey } from "../../src/auth/key_source.ts";
import { newSigningKey } from "../helpers/jwt.ts";

const rsa = newSigningKey("RS256", "rsa");
const ec = newSigningKey("ES256", "ec");
const ed = newSigningKey("EdDSA", "ed");

async function parse(keys: unknown) {
  const result = await parseKeySet(JSON.stringify({ keys }));
  assert.ok(result.ok, result.ok ? "" : result.reason);
  return result.keys;
}

async function finds(keys: unknown, wanted: WantedKey): Promise<string> {
  return (await parse(keys)).find(wanted).kind;
}

Deno.test("KeySet: finds each key by its algorithm and id", async () => {
  const keys = await parse([rsa.jwk, ec.jwk, ed.jwk]);
  assert.deepEqual([keys.size, keys.ignored], [3, 0]);
  for (const { algorithm, keyId } of [rsa, ec, ed]) {
    assert.equal(keys.find({ algorithm, keyId }).kind, "found");
    assert.equal(keys.find({ algorithm, keyId: null }).kind, "found");
    assert.equal(keys.find({ algorithm, keyId: "other" }).kind, "unknown");
    assert.equal(keys.find({ algorithm: "HS256", keyId }).kind, "unknown");
  }
});

Deno.test("KeySet: a key needs neither alg, use nor kid, and may allow more than signatures", async () => {
  const { alg: _alg, use: _use, kid: _kid, ...bare } = rsa.jwk;
  const { alg: _ed, ...edBare } = ed.jwk;
  assert.equal(await finds([bare], { algorithm: "RS256", keyId: null }), "found");
  assert.equal(await finds([{ ...edBare, alg: "Ed25519" }], { algorithm: "EdDSA", keyId: "ed" }), "found");
  assert.equal(
    await finds([{ ...bare, kid: "a", key_ops: ["sign", "verify"] }], { algorithm: "RS256", keyId: "a" }),
    "found",
  );
});

Deno.test("KeySet: a token without an id gets no key where several fit", async () => {
  const other = { ...rsa.jwk, kid: "other" };
  assert.equal(await finds([rsa.jwk, other], { algorithm: "RS256", keyId: null }), "unknown");
  assert.equal(await finds([rsa.jwk, rsa.jwk], { algorithm: "RS256", keyId: "rsa" }), "unknown");
});

Deno.test("KeySet: keys that are for something else, weak or odd are left out, and the others stay", async () => {
  const small = newSigningKey("RS256", "small", 1024);
  const odd: unknown[] = [
    { ...rsa.jwk, use: "enc" },
    { ...rsa.jwk, key_ops: ["encrypt"] },
    { ...rsa.jwk, key_ops: "verify" },
    { ...rsa.jwk, alg: "RS512" },
    { ...rsa.jwk, alg: "HS256" },
    { ...rsa.jwk, kty: "oct", k: "AAAA" },
    { ...rsa.jwk, kty: "EC" },
    { ...rsa.jwk, kid: 5 },
    { ...rsa.jwk, kid: "k".repeat(257) },
    { ...rsa.jwk, n: `AAAA${String(rsa.jwk["n"]).slice(0, 300)}` },
    { ...rsa.jwk, n: "A".repeat(400) },
    { ...rsa.jwk, n: "_".repeat(1400) },
    { ...rsa.jwk, e: undefined },
    { ...rsa.privateKey.export({ format: "jwk" }), kid: "private" },
    small.jwk,
    { ...ec.jwk, crv: "P-384" },
    { ...ec.jwk, y: undefined },
    { ...ed.jwk, crv: "X25519" },
    { ...ed.jwk, x: "AAAA" },
    {},
    [],
    null,
    "key",
    7,
  ];
  const keys = await parse([...odd, ec.jwk]);
  assert.deepEqual([keys.size, keys.ignored], [1, odd.length]);
  assert.equal(keys.find({ algorithm: "ES256", keyId: "ec" }).kind, "found");
});

Deno.test("KeySet: what is no key set, or too large a one, is refused as a whole", async () => {
  const many = JSON.stringify({ keys: Array(101).fill({}) });
  const large = JSON.stringify({ keys: [rsa.jwk], padding: "é".repeat(MAX_KEY_SET_BYTES / 2) });
  for (const text of ["", "null", "[]", "{}", '{"keys":{}}', '{"keys":', many, large]) {
    const result = await parseKeySet(text);
    assert.equal(result.ok, false, text.slice(0, 20));
  }
  assert.equal((await parse(Array(100).fill({}))).ignored, 100);
});
