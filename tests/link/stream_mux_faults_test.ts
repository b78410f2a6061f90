import assert from "node:assert/strict";
import { encodeFrame, type Frame } from "../../src/wire/frame.ts";
import { concat } from "../helpers/prefixed.ts";
import { bytesOf, End, KIB, LIMITS, MuxPair, OPEN, pattern } from "./mux_pair.ts";

const open = (streamId: number, isEnd = false): Frame => ({
  kind: "open_stream",
  streamId,
  open: OPEN,
  isEnd,
});
const data = (streamId: number, payload: Uint8Array, isEnd = false): Frame => ({
  kind: "data",
  streamId,
  payload,
  isEnd,
});
const close = (streamId: number): Frame => ({
  kind: "close_stream",
  streamId,
  code: 0,
  notStarted: false,
  reason: "",
});
const credit = (streamId: number, bytes: number): Frame => ({
  kind: "window_update",
  streamId,
  credit: bytes,
});

/** What a hub is sent, and how that ends. */
const faults: readonly [string, readonly Frame[], RegExp][] = [
  ["an id that was there", [open(5), close(5), open(5)], /^Stream 5 cannot be opened: it has been there$/],
  ["an id below the highest", [open(5), open(3)], /^Stream 3 cannot be opened: it has been there$/],
  ["an id of the wrong parity", [open(2)], /^Stream 2 cannot be opened by this side$/],
  ["data of a stream that never was", [open(1), data(3, bytesOf("x"))], /^Stream 3 was never opened$/],
  ["data of a stream that the hub never opened", [data(2, bytesOf("x"))], /^Stream 2 was never opened$/],
  ["credit for a stream that never was", [credit(7, 1)], /^Stream 7 was never opened$/],
  ["a reset of a stream that never was", [close(9)], /^Stream 9 was never opened$/],
  [
    "data after END",
    [open(1), data(1, bytesOf("x"), true), data(1, bytesOf("y"))],
    /^Stream 1 got data after/,
  ],
  ["END after END", [open(1, true), data(1, bytesOf(""), true)], /^Stream 1 got data after its END$/],
  ["credit above 2 GiB", [open(1), credit(1, 2 ** 31 - 1)], /^Stream 1 got more credit than there is$/],
  [
    "more data than credit",
    [open(1), data(1, pattern(16 * KIB)), data(1, pattern(16 * KIB)), data(1, bytesOf("x"))],
    /^Stream 1 got more data than its credit$/,
  ],
  [
    "an answer to a heartbeat that never went",
    [{ kind: "heartbeat", opaque: new Uint8Array(8).fill(1), isAck: true }],
    /^A heartbeat came back that never went$/,
  ],
];

for (const [what, frames, message] of faults) {
  Deno.test(`Stream mux: ${what} ends the connection`, () => {
    const hub = new End("hub");
    hub.isReading = false;
    hub.inject(...frames.slice(0, -1));
    const before = hub.fault;
    hub.inject(...frames.slice(-1));
    assert.equal(before, null);
    assert.equal(hub.fault?.closeCode, 1002);
    assert.match(hub.fault?.message ?? "", message);
  });
}

Deno.test("Stream mux: what comes for a stream that is gone is ignored", () => {
  const pair = new MuxPair();
  const { hub, spoke } = pair;
  const opened = hub.open();
  pair.settle();
  opened.stream.reset(0);
  hub.inject(data(2, pattern(16 * KIB)), credit(2, 5), close(2), data(2, bytesOf(""), true));
  spoke.open().stream.reset(0);
  assert.equal(hub.fault, null);
  assert.deepEqual(opened.chunks, []);
  assert.equal(hub.mux.unreadBytes, 0);
});

Deno.test("Stream mux: more than 200 opened and reset streams a second end a spoke's connection", () => {
  const hub = new End("hub");
  let id = 1;
  for (let second = 0; second < 3; second++) {
    for (let i = 0; i < 200; i++, id += 2) hub.inject(open(id), close(id));
    assert.equal(hub.fault, null);
    hub.clock.ms += 1000;
  }
  for (let i = 0; i < 1000 && hub.fault === null; i++, id += 2) hub.inject(open(id), close(id));
  assert.equal(hub.fault?.closeCode, 1008);
  assert.equal(hub.stats.reset, 801);
  assert.deepEqual([hub.mux.size, hub.stats.active], [0, 0]);
});

Deno.test("Stream mux: streams that the hub refuses count too, so that a flood ends", () => {
  const hub = new End("hub", { maxStreams: 2 });
  for (let i = 0; i < 1000 && hub.fault === null; i++) hub.inject(open(1 + 2 * i));
  assert.equal(hub.fault?.closeCode, 1008);
  assert.deepEqual([hub.stats.refused, hub.stats.active], [201, 2]);
});

Deno.test("Stream mux: streams that cross the word of one who goes are no fault, however many", () => {
  const hub = new End("hub");
  hub.mux.goAway({ reason: "Draining" });
  for (let i = 0; i < 1000; i++) hub.inject(open(1 + 2 * i));
  assert.deepEqual([hub.fault, hub.stats.refused, hub.mux.size], [null, 1000, 0]);
});

Deno.test("Stream mux: streams that the hub itself resets count too", () => {
  const hub = new End("hub");
  let id = 1;
  for (; hub.fault === null && id < 1000; id += 2) {
    hub.inject(open(id));
    if (id < 400) hub.accepted.at(-1)?.stream.reset(0);
    else hub.inject(close(id));
  }
  assert.equal(hub.fault?.closeCode, 1008);
  assert.equal(id, 403);
});

Deno.test("Stream mux: a spoke whose streams the hub resets all too often may open no more", () => {
  const hub = new End("hub");
  let id = 1;
  for (; hub.fault === null && id < 1000; id += 2) {
    hub.inject(open(id));
    hub.accepted.at(-1)?.stream.reset(0);
  }
  assert.equal(hub.fault?.closeCode, 1008);
  assert.equal(id, 405, "200 are free, the one after them is held against the next");
});

Deno.test("Stream mux: what the hub reset of its own accord is not held against an open later on", () => {
  const hub = new End("hub", { maxStreams: 1000 });
  for (let i = 0; i < 300; i++) hub.inject(open(1 + 2 * i));
  for (const { stream } of hub.accepted) stream.reset(9, "Idle too long");
  hub.clock.ms += 3_600_000;
  hub.inject(open(601));
  assert.deepEqual([hub.fault, hub.mux.size], [null, 1]);
});

Deno.test("Stream mux: tiny pieces of large buffers cannot take more than they are counted", () => {
  const hub = new End("hub", { windows: { ...LIMITS.windows, connectionBytes: 64 * KIB } });
  hub.isReading = false;
  hub.inject(open(1));
  const bytes = concat(Array.from({ length: 64 }, () => concat(encodeFrame(data(1, bytesOf("x"))).parts)));
  const chunk = new Uint8Array(64 * KIB);
  chunk.set(bytes);
  hub.receive(chunk.subarray(0, bytes.length));
  const [reader] = hub.accepted;
  for (let i = 0; i < 3; i++) hub.receive(bytes);
  assert.deepEqual([reader?.events, hub.fault], [["reset 6 by local"], null]);
  assert.equal(reader?.chunks.length, 255);
});

Deno.test("Stream mux: a thousand streams a second that end gracefully are no fault", () => {
  const pair = new MuxPair();
  for (let i = 0; i < 1000; i++) {
    pair.spoke.open().stream.end();
    pair.settle();
    pair.hub.accepted[i]?.stream.end();
    pair.settle();
  }
  assert.ok(pair.hub.clock.ms < 1000);
  assert.equal(pair.hub.fault, null);
  assert.deepEqual([pair.hub.stats.accepted, pair.hub.stats.reset, pair.hub.mux.size], [1000, 0, 0]);
});

Deno.test("Stream mux: an agent does not count what its hub opens and resets", () => {
  const spoke = new End("spoke");
  for (let id = 2; id < 2000; id += 2) spoke.inject(open(id), close(id));
  assert.equal(spoke.fault, null);
});

Deno.test("Stream mux: refusals that nobody reads are bounded", () => {
  const spoke = new End("spoke", { maxStreams: 0 });
  for (let id = 2; id < 100_000 && spoke.fault === null; id += 2) spoke.inject(open(id));
  assert.equal(spoke.fault?.closeCode, 4413);
  assert.equal(spoke.stats.refused, 4096);
  assert.ok(spoke.outbox.heldBytes < 200 * KIB, `${spoke.outbox.heldBytes} bytes`);
});

Deno.test("Stream mux: a flood of heartbeats costs one answer a turn", () => {
  const hub = new End("hub");
  for (let i = 0; i < 1000; i++) {
    hub.inject({ kind: "heartbeat", opaque: new Uint8Array(8).fill(i), isAck: false });
  }
  assert.equal(hub.outbox.heldBytes, 20);
  assert.deepEqual(hub.frames(), [{ kind: "heartbeat", opaque: new Uint8Array(8).fill(999), isAck: true }]);
});
