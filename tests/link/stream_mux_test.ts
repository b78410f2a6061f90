import assert from "node:assert/strict";
import { FULL_BYTES } from "../../src/link/stream.ts";
import { MIN_IN_FLIGHT_BYTES } from "../../src/link/in_flight.ts";
import { bytesOf, KIB, LIMITS, MuxPair, OPEN, pattern, Reader } from "./mux_pair.ts";

Deno.test("Stream mux: bytes go both ways, and both ends hear of the end once", () => {
  const pair = new MuxPair();
  const { hub, spoke } = pair;
  const opened = hub.open();
  opened.stream.write(bytesOf("to the spoke"));
  pair.settle();
  const [accepted] = spoke.accepted;
  assert.ok(accepted);
  accepted.stream.write(bytesOf("to the hub"));
  accepted.stream.end();
  pair.settle();
  assert.deepEqual([accepted.bytes, opened.bytes], [bytesOf("to the spoke"), bytesOf("to the hub")]);
  assert.deepEqual([accepted.events, opened.events], [[], ["end"]]);
  opened.stream.write(bytesOf(", still"));
  opened.stream.end();
  pair.settle();
  assert.deepEqual(accepted.bytes, bytesOf("to the spoke, still"));
  assert.deepEqual([accepted.events, opened.events], [["end", "closed"], ["end", "closed"]]);
  assert.deepEqual([hub.mux.size, spoke.mux.size], [0, 0]);
  assert.deepEqual([hub.stats.active, spoke.stats.active, hub.stats.reset], [0, 0, 0]);
});

Deno.test("Stream mux: ids are given when OpenStream is written; what was reset before never existed", () => {
  const { hub, spoke } = new MuxPair();
  const [dropped, one, two] = [hub.open(), hub.open(), hub.open()];
  dropped.stream.write(bytesOf("never"));
  dropped.stream.reset(0);
  assert.deepEqual([one.stream.id, two.stream.id], [0, 0]);
  assert.deepEqual(hub.frames().map((frame) => "streamId" in frame && [frame.kind, frame.streamId]), [
    ["open_stream", 2],
    ["open_stream", 4],
  ]);
  assert.deepEqual(dropped.events, ["reset 0 by local"]);
  assert.equal(hub.outbox.heldBytes, 0);
  spoke.open();
  assert.deepEqual(spoke.frames().map((frame) => "streamId" in frame && frame.streamId), [1]);
});

Deno.test("Stream mux: a stream that is ended at once opens with END", () => {
  const pair = new MuxPair();
  const opened = pair.spoke.open();
  opened.stream.end();
  pair.settle();
  const [accepted] = pair.hub.accepted;
  assert.deepEqual(accepted?.events, ["end"]);
  accepted?.stream.end();
  pair.settle();
  assert.deepEqual(opened.events, ["end", "closed"]);
});

Deno.test("Stream mux: large chunks go out uncopied in full frames, small ones share a frame", () => {
  const { hub } = new MuxPair({ hub: { peerInitialBytes: 64 * KIB } });
  const { stream } = hub.open();
  const large = pattern(40 * KIB);
  stream.write(large);
  for (let i = 0; i < 10; i++) stream.write(bytesOf("small"));
  hub.flush();
  const views = hub.pending.filter(({ buffer }) => buffer === large.buffer);
  assert.equal(views.reduce((sum, { length }) => sum + length, 0), large.length);
  const sizes = hub.frames().flatMap((frame) => frame.kind === "data" ? [frame.payload.length] : []);
  assert.deepEqual(sizes, [16 * KIB, 16 * KIB, 8 * KIB + 50]);
});

Deno.test("Stream mux: a reset drops what waits, is told to the peer with its reason, and ends both", () => {
  const pair = new MuxPair();
  const { hub, spoke } = pair;
  const opened = hub.open();
  pair.settle();
  const [accepted] = spoke.accepted;
  opened.stream.write(pattern(10 * KIB));
  opened.stream.reset(9, "Idle too long");
  opened.stream.reset(1);
  assert.equal(opened.stream.write(bytesOf("x")), false);
  pair.settle();
  assert.deepEqual(accepted?.chunks, []);
  assert.deepEqual(accepted?.reset, { code: 9, reason: "Idle too long", notStarted: false, origin: "peer" });
  assert.deepEqual(opened.events, ["reset 9 by local"]);
  assert.deepEqual([hub.mux.size, spoke.mux.size, hub.outbox.heldBytes], [0, 0, 0]);
});

Deno.test("Stream mux: not started is told", () => {
  const pair = new MuxPair();
  const opened = pair.hub.open();
  pair.settle();
  pair.spoke.accepted[0]?.stream.reset(1, "Connection refused", { notStarted: true });
  pair.settle();
  assert.deepEqual(opened.reset, {
    code: 1,
    reason: "Connection refused",
    notStarted: true,
    origin: "peer",
  });
});

Deno.test("Stream mux: more than its credit waits, and goes when credit comes", () => {
  const pair = new MuxPair();
  pair.spoke.isReading = false;
  const { stream } = pair.hub.open();
  const sent = pattern(50 * KIB);
  assert.equal(stream.write(sent), true);
  pair.settle();
  const [reader] = pair.spoke.accepted;
  assert.equal(reader?.bytes.length, 32 * KIB);
  assert.equal(stream.queuedBytes, 18 * KIB);
  assert.equal(pair.spoke.mux.unreadBytes, 32 * KIB);
  reader?.read();
  pair.settle();
  assert.deepEqual(reader?.bytes, sent);
});

Deno.test("Stream mux: write says no when enough waits, and drained says when there is room", () => {
  const pair = new MuxPair();
  const reader = pair.hub.open();
  const chunk = pattern(64 * KIB);
  let writes = 1;
  while (reader.stream.write(chunk)) writes++;
  assert.equal(writes, FULL_BYTES / chunk.length);
  pair.settle();
  assert.equal(reader.drains, 1);
  assert.equal(reader.stream.write(chunk), true);
});

Deno.test("Stream mux: a stream that nobody reads does not hold up the one beside it", () => {
  const pair = new MuxPair();
  const { hub, spoke } = pair;
  spoke.isReading = false;
  const stuck = hub.open();
  stuck.stream.write(pattern(200 * KIB));
  pair.settle();
  spoke.isReading = true;
  const running = hub.open();
  const sent = pattern(200 * KIB, 3);
  running.stream.write(sent);
  pair.settle();
  assert.deepEqual(spoke.accepted[1]?.bytes, sent);
  assert.equal(spoke.accepted[0]?.bytes.length, 32 * KIB, "the stuck one holds its window and no more");
});

Deno.test("Stream mux: streams take turns, a frame each", () => {
  const { hub } = new MuxPair({ hub: { peerInitialBytes: 256 * KIB } });
  const streams = [hub.open(), hub.open(), hub.open()];
  hub.frames();
  for (const { stream } of streams) stream.write(pattern(64 * KIB));
  const ids = hub.frames().flatMap((frame) => frame.kind === "data" ? [frame.streamId] : []);
  assert.deepEqual(ids, [2, 4, 6, 2, 4, 6, 2, 4, 6, 2, 4, 6]);
});

Deno.test("Stream mux: over the accept limit a stream is refused at once, and nothing waits", () => {
  const pair = new MuxPair({ spoke: { maxStreams: 3 } });
  const opened = Array.from({ length: 50 }, () => pair.hub.open());
  pair.settle();
  assert.equal(pair.spoke.accepted.length, 3);
  assert.equal(pair.spoke.fault, null, "an agent does not count what its hub does");
  assert.deepEqual([pair.spoke.stats.refused, pair.spoke.stats.active], [47, 3]);
  for (const { reset } of opened.slice(3)) {
    assert.deepEqual(reset, { code: 6, reason: "Too many streams", notStarted: true, origin: "peer" });
  }
  opened[0]?.stream.reset(0);
  pair.settle();
  const late = pair.hub.open();
  pair.settle();
  assert.equal(late.reset, null);
});

Deno.test("Stream mux: who accepts may refuse, with its reason", () => {
  const pair = new MuxPair();
  pair.spoke.refusal = { code: 7, reason: "No such tunnel" };
  const opened = pair.hub.open();
  opened.stream.write(bytesOf("early"));
  pair.settle();
  assert.deepEqual(opened.reset, { code: 7, reason: "No such tunnel", notStarted: true, origin: "peer" });
  assert.deepEqual([pair.spoke.fault, pair.spoke.mux.size, pair.spoke.stats.active], [null, 0, 0]);
});

Deno.test("Stream mux: after GoAway no stream begins, and those that there are finish", () => {
  const pair = new MuxPair();
  const { hub, spoke } = pair;
  const running = hub.open();
  pair.settle();
  const unwritten = hub.open();
  hub.mux.goAway({ reason: "Draining", retryAfterMs: 100 });
  hub.mux.goAway({ reason: "Again" });
  pair.settle();
  assert.deepEqual(spoke.goAways, [{ reason: "Draining", retryAfterMs: 100 }]);
  assert.equal(unwritten.reset, null, "who goes may still open");
  assert.equal(spoke.mux.open(OPEN, new Reader()), "going_away");
  running.stream.write(bytesOf("last words"));
  running.stream.end();
  spoke.accepted[0]?.stream.end();
  pair.settle();
  assert.deepEqual(spoke.accepted[0]?.events, ["end", "closed"]);
  assert.deepEqual(spoke.accepted[0]?.bytes, bytesOf("last words"));
});

Deno.test("Stream mux: a stream on its way to one who goes is refused as draining", () => {
  const pair = new MuxPair();
  const crossing = pair.spoke.open();
  pair.spoke.flush();
  pair.hub.mux.goAway({ reason: "Draining" });
  const late = pair.spoke.open();
  pair.move(pair.spoke);
  pair.hub.flush();
  pair.move(pair.hub);
  assert.deepEqual(crossing.events, ["reset 8 by peer"]);
  assert.deepEqual(late.reset, { code: 8, reason: "Draining", notStarted: true, origin: "peer" });
  assert.deepEqual(pair.spoke.frames(), [], "nothing is sent of what was never opened");
});

Deno.test("Stream mux: no more streams are opened than the peer takes, those of the peer not counted", () => {
  const pair = new MuxPair({ hub: { maxStreams: 2 } });
  const { hub, spoke } = pair;
  spoke.mux.limitOpen(2);
  hub.open();
  const [one] = [spoke.open(), spoke.open()];
  assert.equal(spoke.mux.open(OPEN, new Reader()), "too_many");
  pair.settle();
  assert.equal(spoke.mux.open(OPEN, new Reader()), "too_many");
  one.stream.reset(0);
  spoke.open();
  pair.settle();
  assert.deepEqual([hub.stats.refused, hub.accepted.length], [0, 3]);
});

Deno.test("Stream mux: bytes that wait for credit are counted with all that outboxes hold", () => {
  const pair = new MuxPair();
  const { hub } = pair;
  const { stream } = hub.open();
  pair.spoke.isReading = false;
  stream.write(pattern(32 * KIB));
  pair.settle();
  assert.equal(hub.ledger.heldBytes, 0);
  stream.write(pattern(100 * KIB));
  pair.settle();
  assert.equal(hub.ledger.heldBytes, 100 * KIB);
  pair.spoke.accepted[0]?.stream.reset(0);
  pair.settle();
  assert.equal(hub.ledger.heldBytes, 0);
});

Deno.test("Stream mux: a ping tells the round trip, or that none came back in time", async () => {
  const pair = new MuxPair();
  const { hub, spoke } = pair;
  const answered = hub.mux.ping(60_000);
  hub.flush();
  hub.clock.ms = 7;
  pair.move(hub);
  spoke.flush();
  pair.move(spoke);
  assert.equal(await answered, 7);
  assert.equal(hub.mux.measured.roundTripMs, 7);
  assert.equal(await hub.mux.ping(1), null);
  const cut = hub.mux.ping(60_000);
  hub.mux.close("");
  assert.equal(await cut, null);
  assert.equal(await hub.mux.ping(60_000), null);
});

Deno.test("Stream mux: no more is on its way than the bound, until a mark comes back", () => {
  const pair = new MuxPair({
    hub: { peerInitialBytes: 16 * 1024 * KIB },
    spoke: {
      windows: { initialBytes: 16 * 1024 * KIB, maxBytes: 16 * 1024 * KIB, connectionBytes: 1 << 26 },
    },
  });
  const { hub, spoke } = pair;
  for (let i = 0; i < 8; i++) hub.open().stream.write(pattern(200 * KIB));
  for (let i = 0; i < 100; i++) hub.flush();
  const onWay = hub.pending.reduce((sum, { length }) => sum + length, 0);
  assert.ok(onWay >= MIN_IN_FLIGHT_BYTES && onWay < MIN_IN_FLIGHT_BYTES + 17 * KIB, `${onWay} bytes`);
  assert.ok(hub.mux.measured.isFull);
  pair.settle();
  assert.equal(spoke.accepted.reduce((sum, { bytes }) => sum + bytes.length, 0), 8 * 200 * KIB);
  assert.equal(hub.outbox.heldBytes, 0);
});

Deno.test("Stream mux: credit of one turn is one frame a stream, however often it was given", () => {
  const pair = new MuxPair();
  const { hub, spoke } = pair;
  spoke.isReading = false;
  const streams = [hub.open(), hub.open()];
  for (const { stream } of streams) stream.write(pattern(32 * KIB));
  pair.settle();
  for (const reader of spoke.accepted) {
    for (let i = 0; i < 2; i++) reader.stream.consumed(16 * KIB);
  }
  const updates = spoke.frames().filter(({ kind }) => kind === "window_update");
  assert.deepEqual(
    updates,
    [2, 4].map((streamId) => ({ kind: "window_update", streamId, credit: 32 * KIB })),
  );
});

Deno.test("Stream mux: with its connection all streams end, and nothing is kept", () => {
  const pair = new MuxPair();
  const { hub, spoke } = pair;
  const running = hub.open();
  running.stream.write(pattern(100 * KIB));
  pair.settle();
  const unopened = hub.open();
  hub.mux.close("Gone");
  assert.deepEqual(running.reset, { code: 0, reason: "Gone", notStarted: false, origin: "link" });
  assert.deepEqual(unopened.reset, { code: 0, reason: "Gone", notStarted: true, origin: "link" });
  assert.equal(hub.mux.open(OPEN, new Reader()), "closed");
  assert.deepEqual([hub.mux.size, hub.stats.active, hub.outbox.heldBytes], [0, 0, 0]);
  assert.equal(hub.data(2, bytesOf("late"), false), null);
  spoke.mux.close("");
  assert.equal(spoke.mux.unreadBytes, 0);
});

Deno.test("Stream mux: who holds the most unread is reset when the connection holds too much", () => {
  const pair = new MuxPair({
    spoke: { windows: { ...LIMITS.windows, connectionBytes: 96 * KIB } },
  });
  const { hub, spoke } = pair;
  spoke.isReading = false;
  const readers = Array.from({ length: 5 }, () => hub.open());
  readers[1]?.stream.write(pattern(32 * KIB));
  pair.settle();
  for (const [index, { stream }] of readers.entries()) if (index !== 1) stream.write(pattern(20 * KIB));
  pair.settle();
  assert.deepEqual(readers.map(({ events }) => events), [[], ["reset 6 by peer"], [], [], []]);
  assert.ok(spoke.mux.unreadBytes <= 96 * KIB);
  assert.equal(spoke.stats.overCap, 1);
  assert.equal(spoke.fault, null);
});
