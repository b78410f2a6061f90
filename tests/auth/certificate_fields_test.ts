/** Names of certificates that try to be others, and bytes that are no certificate. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import fc from "fast-check";
import assert from "node:assert/strict";
import { readCertificate } from "../../src/auth/certificate_fields.ts";
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
