import assert from "node:assert/strict";
import fc from "fast-check";
import { parseIp } from "../../src/core/ip_range.ts";
import { decodeProxyHeader, encodeProxyHeader, MAX_PROXY_HEADER_BYTES } from "../../src/wire/proxy_header.ts";

const ascii = (text: string) => new TextEncoder().encode(text);
const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

function version2(familyProtocol: number, body: readonly number[], command = 1): Uint8Array {
  return Uint8Array.of(
    ...SIGNATURE,
    0x20 | command,
    familyProtocol,
    body.length >> 8,
    body.length & 0xff,
    ...body,
  );
}

const IPV4_BODY = [192, 0, 2, 7, 198, 51, 100, 1, 0x1f, 0x90, 0x01, 0xbb];
const IPV6_BODY = [
  0x20,
  0x01,
  0x0d,
  0xb8,
  ...new Array<number>(11).fill(0),
  9,
  ...new Array<number>(16).fill(1),
  0,
  80,
  1,
  187,
];

Deno.test("PROXY header: version 1 gives the source", () => {
  for (
    const [line, ip] of [["TCP4 192.0.2.7 198.51.100.1 8080 443", "192.0.2.7"], [
      "TCP6 2001:db8::9 ::1 8080 443",
      "2001:db8::9",
    ]]
  ) {
    const bytes = ascii(`PROXY ${line}\r\nGET /`);
    assert.deepEqual(decodeProxyHeader(bytes), {
      kind: "header",
      bytes: bytes.length - 5,
      source: { ip, port: 8080 },
    });
  }
});

Deno.test("PROXY header: version 2 gives the source and skips what follows the addresses", () => {
  const v4 = version2(0x11, [...IPV4_BODY, 0x04, 0x00, 0x01, 0xff]);
  assert.deepEqual(decodeProxyHeader(v4), {
    kind: "header",
    bytes: v4.length,
    source: { ip: "192.0.2.7", port: 8080 },
  });
  const v6 = version2(0x21, IPV6_BODY);
  assert.deepEqual(decodeProxyHeader(v6), {
    kind: "header",
    bytes: v6.length,
    source: { ip: "2001:db8:0:0:0:0:0:9", port: 80 },
  });
});

Deno.test("PROXY header: LOCAL and UNKNOWN leave the address of the connection", () => {
  assert.deepEqual(decodeProxyHeader(ascii("PROXY UNKNOWN\r\n")), {
    kind: "header",
    bytes: 15,
    source: null,
  });
  assert.deepEqual(decodeProxyHeader(version2(0x00, [], 0)), { kind: "header", bytes: 16, source: null });
});

Deno.test("PROXY header: every cut of a header is incomplete, and never anything else", () => {
  const headers = [
    ascii("PROXY TCP4 192.0.2.7 198.51.100.1 8080 443\r\n"),
    version2(0x11, IPV4_BODY),
    version2(0x21, IPV6_BODY),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...headers),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (header, part) => {
        const cut = header.subarray(0, Math.floor(header.length * part));
        assert.equal(decodeProxyHeader(cut).kind, "incomplete");
      },
    ),
  );
});

Deno.test("PROXY header: what is none is refused with a reason", () => {
  const invalid = [
    ascii("GET / HTTP/1.1\r\n"),
    ascii("PROXY TCP4 192.0.2.7 198.51.100.1 8080\r\n"),
    ascii("PROXY TCP4 192.0.2.7 198.51.100.1 80800 443\r\n"),
    ascii("PROXY TCP4 2001:db8::9 198.51.100.1 8080 443\r\n"),
    ascii("PROXY TCP4 192.0.2.256 198.51.100.1 8080 443\r\n"),
    ascii("PROXY TCP6 192.0.2.7 ::1 8080 443\r\n"),
    ascii("PROXY UDP4 192.0.2.7 198.51.100.1 8080 443\r\n"),
    ascii("PROXY TCP4 192.0.2.7 198.51.100.1 8080 443\n"),
    ascii(`PROXY ${"x".repeat(107)}`),
    version2(0x12, IPV4_BODY),
    version2(0x11, IPV4_BODY.slice(1)),
    version2(0x21, IPV4_BODY),
    version2(0x11, IPV4_BODY, 2),
    Uint8Array.of(...SIGNATURE, 0x31, 0x11, 0, 12, ...IPV4_BODY),
  ];
  for (const bytes of invalid) {
    const result = decodeProxyHeader(bytes);
    assert.equal(result.kind, "invalid", new TextDecoder().decode(bytes));
    assert.ok(result.kind === "invalid" && result.reason.length > 0);
  }
});

Deno.test("PROXY header: what is written is read as it was meant, whole and in any pieces", () => {
  const ip = fc.oneof(fc.ipV4(), fc.ipV6());
  const endpoint = fc.record({ ip, port: fc.integer({ min: 0, max: 65535 }) });
  fc.assert(fc.property(endpoint, endpoint, (source, destination) => {
    const bytes = encodeProxyHeader(source, destination);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decodeProxyHeader(bytes.subarray(0, length)).kind, "incomplete");
    }
    const result = decodeProxyHeader(Uint8Array.of(...bytes, 1, 2, 3));
    assert.ok(result.kind === "header" && result.source !== null);
    assert.equal(result.bytes, bytes.length);
    assert.deepEqual(parseIp(result.source.ip), parseIp(source.ip));
    assert.equal(result.source.port, source.port);
  }));
  const local = decodeProxyHeader(encodeProxyHeader({ ip: "", port: 0 }, { ip: "", port: 0 }));
  assert.ok(local.kind === "header" && local.source === null);
});

Deno.test("PROXY header: a length that would make the hub wait for ever is refused at once", () => {
  const head = Uint8Array.of(...SIGNATURE, 0x21, 0x11, 0xff, 0xff);
  assert.equal(decodeProxyHeader(head).kind, "invalid");
});

Deno.test("PROXY header: random bytes never throw and never read beyond what is there", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, signed) => {
    const input = signed ? Uint8Array.of(...SIGNATURE, ...bytes) : bytes;
    const result = decodeProxyHeader(input);
    if (result.kind === "header") assert.ok(result.bytes <= input.length);
    if (result.kind === "incomplete") assert.ok(input.length < MAX_PROXY_HEADER_BYTES);
  }));
});
