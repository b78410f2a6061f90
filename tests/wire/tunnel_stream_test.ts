import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_REFS, openStreamSchema } from "../../src/wire/frame_payloads.ts";
import { readRef, readTunnelStream } from "../../src/wire/tunnel_stream.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const port = fc.nat(65_535);
const ip = fc.oneof(fc.ipV4(), fc.ipV6());
const endpoint = fc.record({ ip, port });
const open = fc.record({
  tunnelId: fc.integer({ min: 0, max: 0xffff_ffff }),
  src: endpoint,
  dst: endpoint,
  sni: fc.domain(),
  ref: fc.nat(1023),
}, { requiredKeys: ["tunnelId", "src", "dst"] });

/** What the schema says of the same bytes; `null` for no. */
function bySchema(payload: Uint8Array): unknown {
  try {
    const result = openStreamSchema.safeParse(JSON.parse(decoder.decode(payload)));
    return result.success ? result.data : null;
  } catch {
    return null;
  }
}

/** What it takes the schema takes too, and both give the same. */
function assertSame(payload: Uint8Array): void {
  const read = readTunnelStream(payload);
  if (read !== null) assert.deepEqual(read, bySchema(payload));
}

Deno.test("tunnel stream: what a hub writes is read as the schema reads it", () => {
  fc.assert(fc.property(open, (value) => {
    const payload = encoder.encode(JSON.stringify(value));
    const keys = Object.keys(value).join();
    const ordered = ["", ",sni", ",ref"].some((more) => keys === `tunnelId,src,dst${more}`);
    assert.ok(!ordered || readTunnelStream(payload) !== null, "left to the schema");
    assertSame(payload);
  }));
});

Deno.test("tunnel stream: what is not exactly so is never taken for something else", () => {
  const change = fc.record({ at: fc.nat(120), with: fc.string({ maxLength: 3 }), drop: fc.nat(3) });
  fc.assert(
    fc.property(open, fc.array(change, { maxLength: 3 }), (value, changes) => {
      let text = JSON.stringify(value);
      for (const { at, with: added, drop } of changes) {
        text = text.slice(0, at) + added + text.slice(at + drop);
      }
      assertSame(encoder.encode(text));
    }),
    { numRuns: 2000 },
  );
});

const START = '{"tunnelId":1,"src":{"ip":"1.2.3.4","port":5},"dst":{"ip":"6.7.8.9","port":';
for (
  const [name, text] of [
    ["a leading zero", `${START}01}}`],
    ["a minus", `${START}-1}}`],
    ["a port that is too large", `${START}65536}}`],
    ["an exponent", `${START}1e1}}`],
    ["no port", `${START}}}`],
    ["an empty name", `${START}1},"sni":""}`],
    ["a name that is too long", `${START}1},"sni":"${"a".repeat(254)}"}`],
    ["a break in a name", `${START}1},"sni":"a\nb"}`],
    ["an escape in a name", `${START}1},"sni":"a\\u0062"}`],
    ["an end that is missing", `${START}1}`],
    ["something behind it", `${START}1}} `],
    ["an id that is too large", START.replace(":1", ":4294967296") + "1}}"],
    ["an id of eleven digits", START.replace(":1", ":12345678901") + "1}}"],
    ["an address that is too long", START.replace("1.2.3.4", "1".repeat(46)) + "1}}"],
    ["a ref that is too large", `${START}1},"ref":1024}`],
    ["a ref with something behind it", `${START}1},"ref":1}}`],
    ["nothing", ""],
  ] as const
) {
  Deno.test(`tunnel stream: ${name} is left to the schema`, () => {
    const payload = encoder.encode(text);
    assert.equal(readTunnelStream(payload), null);
  });
}

Deno.test("tunnel stream: the same address again, and another one of its length", () => {
  for (const last of ["1.2.3.4", "1.2.3.4", "1.2.3.5", "9.2.3.4", "10.2.3.4", "1.2.3.4"]) {
    const value = { tunnelId: 7, src: { ip: last, port: 1 }, dst: { ip: "1.1.1.1", port: 2 } };
    assert.deepEqual(readTunnelStream(encoder.encode(JSON.stringify(value))), value);
  }
});

Deno.test("ref: every one that there is comes back, with what stands behind it, and nothing else is one", () => {
  for (let ref = 0; ref < MAX_REFS; ref++) {
    for (const behind of ["", "\n", "\n{}", "\n1\n\n2"]) {
      const read = readRef(encoder.encode(`${ref}${behind}`));
      assert.ok(read !== null);
      assert.deepEqual([read.ref, decoder.decode(read.payload)], [ref, behind.slice(1)]);
    }
  }
  const none = [
    ["", "\n", "1024", "9999", "10240", "00001", "01", "-1", "1e1", "1.", " 1", "1 ", "1\r\n", "a"],
    ['"1"', "{}", "null", "1{}", "99999999999999999999\n"],
  ].flat();
  for (const text of none) assert.equal(readRef(encoder.encode(text)), null, text);
});
