/** Names of certificates that try to be others, and bytes that are no certificate. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import fc from "fast-check";
import assert from "node:assert/strict";
import { createPrivateKey, sign } from "node:crypto";
import { readCertificate } from "../../src/auth/certificate_fields.ts";
import { ClientTrust } from "../../src/auth/client_trust.ts";
import { DerTag, type DerValue, encodeDer, readDer, readDerInside } from "../../src/auth/der.ts";
import { type CertificateWish, TestCertificate } from "../helpers/client_certificates.ts";

async function namesOf(wish: CertificateWish): Promise<readonly string[] | undefined> {
  return readCertificate((await TestCertificate.make(wish)).x509.raw)?.names;
}

Deno.test("CertificateFields: a name that looks like two is one", async () => {
  const tricks = [
    "alice\nCN=admin",
    "alice, CN=admin",
    "alice+CN=admin",
    "alice\0.example",
    'alice", URI:urn:admin',
  ];
  for (const name of tricks) {
    assert.deepEqual(await namesOf({ subject: [{ CN: [name] }] }), [name]);
    const alternatives = [{ type: "dns", value: name }, { type: "url", value: `urn:${name}` }] as const;
    assert.deepEqual(await namesOf({ subject: [{ O: ["x"] }], alternatives }), [`urn:${name}`, name]);
  }
});

Deno.test("CertificateFields: of several common names none counts", async () => {
  assert.deepEqual(await namesOf({ subject: [{ CN: ["alice"] }, { CN: ["admin"] }] }), []);
  assert.deepEqual(await namesOf({ subject: [{ O: ["admin"] }, { CN: ["alice"] }] }), ["alice"]);
});

Deno.test("CertificateFields: takes a bounded number of names", async () => {
  const alternatives = Array.from({ length: 200 }, (_, at) => ({ type: "dns", value: `n${at}` } as const));
  assert.equal((await namesOf({ alternatives }))?.length, 32);
  assert.deepEqual(await namesOf({ alternatives: [{ type: "dns", value: "n".repeat(2000) }] }), ["alice"]);
});

Deno.test("CertificateFields: refuses an extension that comes twice", async () => {
  const further = [new x509.BasicConstraintsExtension(true, undefined, true)];
  const twice = await TestCertificate.make({ further });
  assert.equal(readCertificate(new Uint8Array(twice.certificate.rawData)), null);
});

Deno.test("CertificateFields: reads whatever bytes come without failing", async () => {
  const alternatives = [{ type: "url", value: "urn:edge" }] as const;
  const good = new Uint8Array(
    (await TestCertificate.make({ alternatives, pathLength: 1 })).certificate.rawData,
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readCertificate(bytes)));
  const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(good.length), (changes, length) => {
      const bytes = good.slice(0, length);
      for (const { at, byte } of changes) bytes[at] = byte;
      readCertificate(bytes);
      const whole = good.slice();
      for (const { at, byte } of changes) whole[at] = byte;
      readCertificate(whole);
    }),
    { numRuns: 2000 },
  );
  for (let length = 0; length < good.length; length++) {
    assert.equal(readCertificate(good.subarray(0, length)), null);
  }
});

/** A certificate of an RSA authority, signed anew with SHA-1 and by the name that this algorithm is given. */
async function signedAnew(authority: TestCertificate, algorithmHex: string): Promise<Uint8Array> {
  const { x509: { raw } } = await TestCertificate.make({ by: authority });
  const [toBeSigned] = readDerInside(raw, DerTag.sequence) ?? [];
  const name = encodeDer(DerTag.objectId, [Uint8Array.fromHex(algorithmHex)]);
  const algorithm = encodeDer(DerTag.sequence, [name, encodeDer(0x05, [])]);
  const encode = ({ tag, body }: DerValue, at: number) => at === 2 ? algorithm : encodeDer(tag, [body]);
  const fields = (readDer(toBeSigned?.body ?? new Uint8Array()) ?? []).map(encode);
  const signed = encodeDer(DerTag.sequence, fields);
  const signature = sign("sha1", signed, createPrivateKey(authority.key));
  const bits = encodeDer(DerTag.bitString, [new Uint8Array([0]), signature]);
  return encodeDer(DerTag.sequence, [signed, algorithm, bits]);
}

Deno.test("CertificateFields: a signature that can be forged is weak by whatever name, and nobody is let in by it", async () => {
  const authority = await TestCertificate.authority({ kind: "RSA" });
  const trust = new ClientTrust({ authorities: [authority.x509], required: true, deny: [] });
  const names = {
    // PKCS #1: MD2, MD5, SHA-1.
    pkcs: ["2a864886f70d010102", "2a864886f70d010104", "2a864886f70d010105"],
    // OIW, 1.3.14.3.2: MD5 (3), SHA (15), SHA-1 with DSA (27) and RSA (29).
    oiw: ["2b0e030203", "2b0e03020f", "2b0e03021b", "2b0e03021d"],
  };
  for (const name of Object.values(names).flat()) {
    const der = await signedAnew(authority, name);
    assert.equal(readCertificate(der)?.isSignatureWeak, true, name);
    assert.equal(trust.check([der], Date.now()).kind, "refused", name);
  }
  const sha256 = await signedAnew(authority, "2a864886f70d01010b");
  assert.equal(readCertificate(sha256)?.isSignatureWeak, false);
});
