/** Which certificates of clients are believed, and why others are not: chains of every make, on a fake clock. */
import "reflect-metadata";
import { KeyUsageFlags } from "@peculiar/x509";
import * as x509 from "@peculiar/x509";
import fc from "fast-check";
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { ClientTrust } from "../../src/auth/client_trust.ts";
import { DerTag, encodeDer, hexOf, readDerInside } from "../../src/auth/der.ts";
import { CLIENT, SERVER, TestCertificate } from "../helpers/client_certificates.ts";

const DAY_MS = 86_400_000;
const ANY_PURPOSE = "2.5.29.37.0";

interface Judging {
  readonly authorities: readonly TestCertificate[];
  readonly shown: readonly TestCertificate[];
  readonly deny?: readonly string[];
  readonly nowMs?: number;
}

/** The fault, or `null` for one that is believed. */
function faultOf({ authorities, shown, deny = [], nowMs = Date.now() }: Judging): string | null {
  const trust = new ClientTrust({ authorities: authorities.map((one) => one.x509), required: true, deny });
  const verdict = trust.check(shown.map((one) => one.x509.raw), nowMs);
  return verdict.kind === "accepted" ? null : verdict.fault;
}

Deno.test("ClientTrust: gives the names of one that its authority signed, and until when it holds", async () => {
  const authority = await TestCertificate.authority();
  const alternatives = [
    { type: "dns", value: "edge.example" },
    { type: "url", value: "urn:edge:1" },
  ] as const;
  const edge = await TestCertificate.make({ name: "edge", by: authority, alternatives, until: 2 });
  const trust = new ClientTrust({ authorities: [authority.x509], required: false, deny: [] });
  const verdict = trust.check([edge.x509.raw], Date.now());
  assert.ok(verdict.kind === "accepted");
  const { marks, ...rest } = verdict.certificate;
  assert.deepEqual(rest, {
    names: ["urn:edge:1", "edge.example", "edge"],
    fingerprint: edge.x509.fingerprint256.replaceAll(":", ""),
    expiresAtMs: edge.x509.validToDate.getTime(),
  });
  for (const { x509: { serialNumber, fingerprint256 } } of [edge, authority]) {
    assert.ok(marks.includes(serialNumber));
    assert.ok(marks.includes(fingerprint256.replaceAll(":", "")));
  }
});

Deno.test("ClientTrust: holds no longer than those who vouch for it", async () => {
  const authority = await TestCertificate.authority({ until: 3 });
  const middle = await TestCertificate.authority({ name: "middle", by: authority, until: 1 });
  const edge = await TestCertificate.make({ by: middle, until: 2 });
  const trust = new ClientTrust({ authorities: [authority.x509], required: false, deny: [] });
  const verdict = trust.check([edge.x509.raw, middle.x509.raw], Date.now());
  assert.ok(verdict.kind === "accepted");
  assert.equal(verdict.certificate.expiresAtMs, middle.x509.validToDate.getTime());
});

Deno.test("ClientTrust: takes chains in any order, with the authority in it or not", async () => {
  const authority = await TestCertificate.authority();
  const upper = await TestCertificate.authority({ name: "upper", by: authority });
  const lower = await TestCertificate.authority({ name: "lower", by: upper });
  const edge = await TestCertificate.make({ by: lower });
  for (const behind of [[lower, upper], [upper, lower], [authority, lower, upper], [lower, upper, lower]]) {
    assert.equal(faultOf({ authorities: [authority], shown: [edge, ...behind] }), null);
  }
  assert.equal(faultOf({ authorities: [authority], shown: [edge, lower] }), "untrusted");
  assert.equal(faultOf({ authorities: [authority], shown: [edge] }), "untrusted");
});

Deno.test("ClientTrust: tells authorities of the same name apart, whichever comes first", async () => {
  const old = await TestCertificate.authority();
  const next = await TestCertificate.authority();
  const stranger = await TestCertificate.authority();
  for (const authorities of [[old, next], [next, old]]) {
    for (const by of authorities) {
      assert.equal(faultOf({ authorities, shown: [await TestCertificate.make({ by })] }), null);
    }
    assert.equal(
      faultOf({ authorities, shown: [await TestCertificate.make({ by: stranger }), stranger] }),
      "untrusted",
    );
  }
});

Deno.test("ClientTrust: believes nobody who vouches for himself, or for others without being an authority", async () => {
  const authority = await TestCertificate.authority();
  const itself = await TestCertificate.make();
  const impostor = await TestCertificate.authority();
  const client = await TestCertificate.make({ name: "client", by: authority });
  const silent = await TestCertificate.make({ name: "silent", by: authority, authority: null });
  const keyUsage = KeyUsageFlags.digitalSignature;
  const unable = await TestCertificate.authority({ name: "unable", by: authority, keyUsage });
  const authorities = [authority];
  assert.equal(faultOf({ authorities, shown: [itself] }), "untrusted");
  for (const by of [impostor, client, silent, unable]) {
    const shown = [await TestCertificate.make({ by }), by, authority];
    assert.equal(faultOf({ authorities, shown }), "untrusted", by.certificate.subject);
  }
});

Deno.test("ClientTrust: takes no certificate that names another issuer than the one that signed it", async () => {
  const authority = await TestCertificate.authority();
  const edge = await TestCertificate.make({ by: authority, issuer: "CN=somebody else" });
  assert.equal(faultOf({ authorities: [authority], shown: [edge] }), "untrusted");
});

Deno.test("ClientTrust: keeps to how far an authority may pass its trust on", async () => {
  const narrow = await TestCertificate.authority({ pathLength: 0 });
  const wide = await TestCertificate.authority({ pathLength: 1 });
  for (const [authority, fault] of [[narrow, "untrusted"], [wide, null]] as const) {
    const middle = await TestCertificate.authority({ name: "middle", by: authority });
    const direct = await TestCertificate.make({ by: authority });
    const edge = await TestCertificate.make({ by: middle });
    const below = await TestCertificate.authority({ name: "below", by: middle });
    const deep = await TestCertificate.make({ by: below });
    const authorities = [authority];
    assert.equal(faultOf({ authorities, shown: [direct] }), null);
    assert.equal(faultOf({ authorities, shown: [edge, middle] }), fault);
    assert.equal(faultOf({ authorities, shown: [deep, below, middle] }), "untrusted");
  }
});

Deno.test("ClientTrust: looks at the time of every certificate of a chain", async () => {
  const authority = await TestCertificate.authority({ from: -10, until: 10 });
  const middle = await TestCertificate.authority({ name: "middle", by: authority, from: -5, until: 5 });
  const edge = await TestCertificate.make({ by: middle, from: -1, until: 1 });
  const at = (days: number, shown: readonly TestCertificate[] = [edge, middle]) =>
    faultOf({ authorities: [authority], shown, nowMs: Date.now() + days * DAY_MS });
  assert.equal(at(0), null);
  assert.equal(at(2), "expired");
  assert.equal(at(-2), "not_yet_valid");
  const long = await TestCertificate.make({ by: middle, from: -20, until: 20 });
  assert.equal(at(6, [long, middle]), "expired");
  assert.equal(at(-6, [long, middle]), "not_yet_valid");
  const direct = await TestCertificate.make({ by: authority, from: -20, until: 20 });
  assert.equal(at(11, [direct]), "expired");
  assert.equal(at(-11, [direct]), "not_yet_valid");
  const end = edge.x509.validToDate.getTime();
  const judge = (nowMs: number) => faultOf({ authorities: [authority], shown: [edge, middle], nowMs });
  assert.equal(judge(end - 1), null);
  assert.equal(judge(end), "expired");
});

Deno.test("ClientTrust: takes only what is for clients", async () => {
  const authority = await TestCertificate.authority();
  const authorities = [authority];
  const fault = async (wish: Parameters<typeof TestCertificate.make>[0]) =>
    faultOf({ authorities, shown: [await TestCertificate.make({ by: authority, ...wish })] });
  assert.equal(await fault({ purposes: [CLIENT, SERVER] }), null);
  assert.equal(await fault({ keyUsage: KeyUsageFlags.digitalSignature }), null);
  assert.equal(await fault({ purposes: [SERVER] }), "usage");
  assert.equal(await fault({ purposes: null }), "usage");
  assert.equal(await fault({ purposes: [ANY_PURPOSE] }), "usage");
  assert.equal(await fault({ keyUsage: KeyUsageFlags.keyEncipherment }), "usage");
  for (
    const [purposes, expected] of [[[SERVER], "usage"], [[SERVER, CLIENT], null], [
      [ANY_PURPOSE],
      null,
    ]] as const
  ) {
    const middle = await TestCertificate.authority({ name: "middle", by: authority, purposes });
    const shown = [await TestCertificate.make({ by: middle }), middle];
    assert.equal(faultOf({ authorities, shown }), expected);
  }
});

Deno.test("ClientTrust: refuses whom its list names, by serial number or by fingerprint, wherever in the chain", async () => {
  const authority = await TestCertificate.authority();
  const middle = await TestCertificate.authority({ name: "middle", by: authority });
  const edge = await TestCertificate.make({ by: middle, serial: "0a0b0c" });
  const other = await TestCertificate.make({ by: middle });
  const authorities = [authority];
  const fault = (deny: string, shown = [edge, middle]) => faultOf({ authorities, shown, deny: [deny] });
  const { fingerprint256 } = edge.x509;
  for (
    const deny of ["0a0b0c", "A0B0C", "0A:0B:0C", "00:0a:0b:0c", fingerprint256, fingerprint256.toLowerCase()]
  ) {
    assert.equal(fault(deny), "denied", deny);
    assert.equal(fault(deny, [other, middle]), null, deny);
  }
  assert.equal(fault(fingerprint256.replaceAll(":", "")), "denied");
  assert.equal(fault("0B0C"), null);
  for (const one of [middle, authority]) {
    assert.equal(fault(one.x509.fingerprint256), "denied");
    assert.equal(fault(one.x509.serialNumber), "denied");
  }
});

Deno.test("ClientTrust: a denied certificate does not get in by another form of its signature", async () => {
  for (const kind of ["P-256", "P-384"] as const) {
    const authority = await TestCertificate.authority({ kind });
    const edge = await TestCertificate.make({ by: authority });
    const twin = withTurnedSignature(edge.x509.raw, kind);
    const judge = (deny: readonly string[], der: Uint8Array) =>
      new ClientTrust({ authorities: [authority.x509], required: true, deny }).check([der], Date.now());
    assert.equal(judge([], twin).kind, "accepted", "it is a good signature");
    assert.notEqual(new X509Certificate(twin).fingerprint256, edge.x509.fingerprint256);
    assert.deepEqual(judge([edge.x509.fingerprint256], twin), { kind: "refused", fault: "denied" });
    assert.deepEqual(judge([new X509Certificate(twin).fingerprint256], edge.x509.raw), {
      kind: "refused",
      fault: "denied",
    });
    const padded = withNumbers(edge.x509.raw, (r, s) => [new Uint8Array([0, ...r]), s]);
    assert.deepEqual(judge([], padded), { kind: "refused", fault: "malformed" });
  }
});

Deno.test("ClientTrust: refuses what it does not understand, and names it could be limited to", async () => {
  const authority = await TestCertificate.authority();
  const authorities = [authority];
  const extension = (
    id: string,
    isCritical: boolean,
  ) => [new x509.Extension(id, isCritical, new Uint8Array([5, 0]))];
  const edgeWith = async (further: x509.Extension[]) =>
    faultOf({ authorities, shown: [await TestCertificate.make({ by: authority, further })] });
  assert.equal(await edgeWith(extension("1.2.3.4", false)), null);
  assert.equal(await edgeWith(extension("1.2.3.4", true)), "unsupported");
  assert.equal(await edgeWith(extension("2.5.29.30", false)), "unsupported");
  const limited = await TestCertificate.authority({
    name: "m",
    by: authority,
    further: extension("2.5.29.30", true),
  });
  const shown = [await TestCertificate.make({ by: limited }), limited];
  assert.equal(faultOf({ authorities, shown }), "unsupported");
});

Deno.test("ClientTrust: looks at few certificates only, however many are shown", async () => {
  const authority = await TestCertificate.authority();
  const edge = await TestCertificate.make({ by: authority });
  const others = await Promise.all(
    Array.from({ length: 8 }, (_, at) => TestCertificate.authority({ name: `${at}` })),
  );
  assert.equal(faultOf({ authorities: [authority], shown: [edge, ...others.slice(1)] }), null);
  assert.equal(faultOf({ authorities: [authority], shown: [edge, ...others] }), "chain_too_long");
  const trust = new ClientTrust({ authorities: [authority.x509], required: true, deny: [] });
  const faults = [[], [new Uint8Array(9)], [edge.x509.raw, new Uint8Array(9)]].map((shown) =>
    trust.check(shown, Date.now())
  );
  assert.deepEqual(
    faults,
    ["missing", "malformed", "malformed"].map((fault) => ({ kind: "refused", fault })),
  );
});

Deno.test("ClientTrust: verifies with keys of every kind that it can, and no signature that can be forged", async () => {
  for (const kind of ["P-256", "P-384", "Ed25519", "RSA", "SHA-1"] as const) {
    const authority = await TestCertificate.authority({ kind });
    const shown = [await TestCertificate.make({ by: authority })];
    const isWeak = kind === "SHA-1";
    assert.equal(faultOf({ authorities: [authority], shown }), isWeak ? "unsupported" : null, kind);
    const middle = await TestCertificate.authority({ name: "middle", by: authority });
    const below = [await TestCertificate.make({ by: middle }), middle];
    assert.equal(faultOf({ authorities: [authority], shown: below }), isWeak ? "unsupported" : null, kind);
    // What it signed itself with does not matter.
    assert.equal(faultOf({ authorities: [middle], shown: below }), null, kind);
    const forged = [await TestCertificate.make({ by: await TestCertificate.authority({ kind }) })];
    assert.equal(faultOf({ authorities: [authority], shown: forged }), "untrusted", kind);
  }
});

Deno.test("ClientTrust: whatever is changed in a certificate, it is refused or stands for the same", async () => {
  const authority = await TestCertificate.authority();
  const alternatives = [{ type: "url", value: "urn:edge" }] as const;
  const der = new Uint8Array((await TestCertificate.make({ by: authority, alternatives })).x509.raw);
  const trust = new ClientTrust({ authorities: [authority.x509], required: true, deny: [] });
  const good = trust.check([der], Date.now());
  assert.ok(good.kind === "accepted");
  const deny = [good.certificate.fingerprint];
  const denying = new ClientTrust({ authorities: [authority.x509], required: true, deny });
  const change = fc.record({ at: fc.nat(der.length - 1), byte: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const changed = der.slice();
      for (const { at, byte } of changes) changed[at] = byte;
      assert.equal(denying.check([changed], Date.now()).kind, "refused");
      const verdict = trust.check([changed], Date.now());
      if (verdict.kind === "refused") return;
      assert.deepEqual(verdict.certificate.names, good.certificate.names);
      assert.equal(verdict.certificate.expiresAtMs, good.certificate.expiresAtMs);
    }),
    { numRuns: 1500 },
  );
});

Deno.test("ClientTrust: has no authority that is none", async () => {
  const make = (authorities: X509Certificate[]) =>
    new ClientTrust({ authorities, required: false, deny: [] });
  const authority = await TestCertificate.authority();
  const edge = await TestCertificate.make({ by: authority });
  assert.throws(() => make([authority.x509, edge.x509]), /it is not one of an authority/);
  const middle = await TestCertificate.authority({ name: "middle", by: authority });
  const below = await TestCertificate.make({ by: middle });
  assert.equal(make([middle.x509]).check([below.x509.raw], Date.now()).kind, "accepted");
});

const ORDERS = {
  "P-256": 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  "P-384":
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
};

/** The certificate with its signature (r, s) as (r, n - s), which anybody can do. */
function withTurnedSignature(der: Uint8Array, kind: keyof typeof ORDERS): Uint8Array {
  return withNumbers(der, (r, s) => {
    const turned = ORDERS[kind] - BigInt(`0x${hexOf(s)}`);
    const bytes = Uint8Array.fromHex(turned.toString(16).padStart(kind === "P-256" ? 64 : 96, "0"));
    const first = bytes.findIndex((byte) => byte !== 0);
    const plain = bytes.subarray(first);
    return [r, (plain[0] ?? 0) < 0x80 ? plain : new Uint8Array([0, ...plain])];
  });
}

/** The certificate with other numbers in its signature. */
function withNumbers(
  der: Uint8Array,
  change: (r: Uint8Array, s: Uint8Array) => readonly Uint8Array[],
): Uint8Array {
  const [toBeSigned, algorithm, signature] = readDerInside(der, DerTag.sequence) ?? [];
  assert.ok(toBeSigned !== undefined && algorithm !== undefined && signature !== undefined);
  const [r, s] = readDerInside(signature.body.subarray(1), DerTag.sequence) ?? [];
  assert.ok(r !== undefined && s !== undefined);
  const numbers = change(r.body, s.body).map((number) => encodeDer(DerTag.integer, [number]));
  const bits = encodeDer(DerTag.bitString, [new Uint8Array(1), encodeDer(DerTag.sequence, numbers)]);
  const same = [toBeSigned, algorithm].map(({ tag, body }) => encodeDer(tag, [body]));
  return encodeDer(DerTag.sequence, [...same, bits]);
}
