import assert from "node:assert/strict";
import { encodeHttpRefusal, encodeNotAvailable } from "../../src/wire/not_available.ts";

const ID = "00000000-0000-4000-8000-000000000000";
const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes ?? new Uint8Array(0));

Deno.test("Not available: the text transport gets a length-prefixed system.close", () => {
  const bytes = encodeNotAvailable("text", ID);
  assert.ok(bytes);
  assert.equal(new DataView(bytes.buffer).getUint32(0), bytes.length - 4);
  const [header, payload] = text(bytes.subarray(4)).split("\n");
  assert.equal(header, `publish:system.close:1.0.0:${ID}`);
  assert.equal(JSON.parse(payload ?? "").code, 1008);
});

Deno.test("Not available: frames get an Error frame on stream 0", () => {
  const bytes = encodeNotAvailable("frames", ID);
  assert.ok(bytes);
  assert.deepEqual([...bytes.subarray(0, 8)], [0x01, 0xff, 0, 0, 0, 0, 0, 0]);
  assert.equal(new DataView(bytes.buffer).getUint32(8), bytes.length - 12);
  assert.equal(JSON.parse(text(bytes.subarray(12))).code, "server_unavailable");
});

Deno.test("Not available: JSON lines get an error line", () => {
  const line = text(encodeNotAvailable("json", ID));
  assert.ok(line.endsWith("\n"));
  assert.equal(JSON.parse(line).code, "server_unavailable");
});

Deno.test("Not available: HTTP gets a 404, an unknown transport gets nothing", () => {
  assert.match(text(encodeNotAvailable("http", ID)), /^HTTP\/1\.1 404 Not Found\r\n/);
  assert.equal(encodeNotAvailable("unknown", ID), null);
});

Deno.test("HTTP refusal: length and closing are said", () => {
  const response = text(
    encodeHttpRefusal(503, "Service Unavailable", { body: "bäh", headers: { "Retry-After": "5" } }),
  );
  assert.match(response, /\r\nRetry-After: 5\r\n/);
  assert.match(response, /\r\nConnection: close\r\n/);
  assert.match(response, /\r\nContent-Length: 5\r\n/);
});
