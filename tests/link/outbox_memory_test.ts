/** What an outbox keeps for a peer that does not read holds on to nothing but itself. */
import assert from "node:assert/strict";
import { Slab, SLAB_BYTES } from "../../src/wire/slab.ts";
import { setUp } from "./outbox_setup.ts";

const MESSAGE_BYTES = 50;

/** So many messages, each from a piece of memory that others fill. */
function* cuts(count: number) {
  const slab = new Slab();
  for (let i = 0; i < count; i++) {
    const part = slab.take(MESSAGE_BYTES).fill(i);
    for (let bytes = 0; bytes < SLAB_BYTES; bytes += 500) slab.take(500);
    yield { parts: [part], bytes: MESSAGE_BYTES };
  }
}

/** Bytes of all the memory behind some pieces. */
function behind(parts: readonly Uint8Array[]): number {
  return [...new Set(parts.map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

Deno.test("Outbox: what is sent to a peer that does not read holds on to nothing else, turn by turn", () => {
  const { outbox, sink, endTurn, drain } = setUp({ socketBytes: 1000, laneBytes: { request: 1e6 } });
  for (const message of cuts(200)) {
    outbox.push("request", message);
    endTurn();
  }
  assert.equal(sink.writes.length, 20, "the socket holds no more");
  // The first one found an empty socket, the second was there before it was known to be slow.
  assert.ok(behind(sink.writes) <= 2 * SLAB_BYTES + 18 * MESSAGE_BYTES, `${behind(sink.writes)} bytes`);
  sink.writes.length = 0;
  drain();
  assert.ok(behind(sink.writes) <= 180 * MESSAGE_BYTES, `${behind(sink.writes)} bytes`);
});

Deno.test("Outbox: what waits since the turn before makes what comes keep to itself, until nothing waits", () => {
  const { outbox, sink, endTurn, drain } = setUp({ socketBytes: 1000, laneBytes: { request: 1e6 } });
  const messages = [...cuts(100)];
  for (const message of messages.slice(0, 50)) outbox.push("request", message);
  endTurn();
  for (const message of messages.slice(50, 99)) outbox.push("request", message);
  drain();
  const whole = sink.writes.flatMap((part) => [...part]);
  assert.deepEqual(whole, messages.slice(0, 99).flatMap(({ parts }) => parts.flatMap((part) => [...part])));
  sink.writes.length = 0;
  const [last] = messages.slice(99);
  assert.ok(last);
  outbox.push("request", last);
  drain();
  assert.equal(sink.writes[0], last.parts[0], "it is written as it is");
});
