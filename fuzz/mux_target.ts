/**
 * Streams: whatever frames a peer sends to a hub, and whatever the users of its streams do, it goes on or ends with one
 * fault, never with an exception; and streams, what they hold, and what waits to be written keep to their bounds.
 */
import assert from "node:assert/strict";
import { systemClock } from "../src/core/ports.ts";
import type { StreamLane } from "../src/link/lane_scheduler.ts";
import type { Stream, StreamConsumer } from "../src/link/stream.ts";
import { StreamMux } from "../src/link/stream_mux.ts";
import { StreamStats } from "../src/link/stream_stats.ts";
import type { Frame } from "../src/wire/frame.ts";
import { FrameDecoder } from "../src/wire/frame_decoder.ts";
import { bytesOf, concat, makeFrames } from "./frames.ts";
import type { Random } from "./random.ts";
import type { FuzzTarget } from "./target.ts";

const MAX_FRAMES = 12;
const MAX_STREAMS = 3;
const CAP_BYTES = 2048;
const ANY = { ip: "10.0.0.1", port: 1 };
const OPEN = { tunnelId: 1, src: ANY, dst: ANY };

/** Uses a stream at random. */
class RandomUser implements StreamConsumer {
  readonly #stream: Stream;
  readonly #random: Random;
  #isOver = false;

  constructor(stream: Stream, random: Random) {
    this.#stream = stream;
    this.#random = random;
  }

  data(bytes: Uint8Array): void {
    assert.ok(!this.#isOver);
    if (this.#random.oneIn(2)) this.#stream.consumed(this.#random.below(bytes.length + 1));
    if (this.#random.oneIn(8)) this.#stream.reset(this.#random.below(12));
    if (this.#random.oneIn(4)) this.#stream.write(bytes);
    if (this.#random.oneIn(8)) this.#stream.end();
  }

  end(): void {
    if (this.#random.oneIn(2)) this.#stream.end();
  }

  drained(): void {}

  closed(): void {
    assert.ok(!this.#isOver, "a stream ends once");
    this.#isOver = true;
  }
}

function createMux(random: Random): { mux: StreamMux; lane: () => StreamLane } {
  let lane: StreamLane | null = null;
  const mux = new StreamMux({
    role: random.oneIn(2) ? "hub" : "spoke",
    outbox: {
      push: () => "queued",
      pushPong: () => {},
      wake: () => {},
      isBacklogged: false,
      attachStreams: (streams) => {
        lane = streams;
      },
    },
    owner: {
      accept: (stream) => random.oneIn(8) ? { code: 7, reason: "" } : new RandomUser(stream, random),
      goingAway: () => {},
    },
    limits: {
      maxStreams: MAX_STREAMS,
      windows: { initialBytes: 256, maxBytes: 1024, connectionBytes: CAP_BYTES },
      peerInitialBytes: 256,
    },
    clock: systemClock,
    stats: new StreamStats(),
  });
  return { mux, lane: () => lane ?? assert.fail("the mux has no lane") };
}

/** Streams that are opened well, for one of the roles, and then anything. */
function makeSession(random: Random): Uint8Array {
  const parity = random.below(2);
  const opens = Array.from({ length: random.below(MAX_STREAMS + 2) }, (_, at): Frame => {
    return { kind: "open_stream", streamId: 2 * (at + 1) - parity, open: OPEN, isEnd: random.oneIn(8) };
  });
  return concat([bytesOf(opens), makeFrames(random, MAX_FRAMES)]);
}

function check(input: Uint8Array, random: Random): void {
  const { mux, lane } = createMux(random);
  const opened = random.below(3);
  for (let i = 0; i < opened; i++) mux.open(OPEN, { data() {}, end() {}, drained() {}, closed() {} });
  const decoder = new FrameDecoder(1000, {
    data: (streamId, bytes, isEnd) => mux.data(streamId, bytes, isEnd),
    frame: (frame) => mux.frame(frame),
    isSpent: () => false,
  });
  for (let at = 0; at < input.length && decoder.fault === null;) {
    const piece = input.subarray(at, at + 1 + random.below(100));
    decoder.feed(piece);
    at += piece.length;
    if (random.oneIn(3)) { for (let taken = lane().take(); taken !== undefined; taken = lane().take()); }
    assert.ok(mux.size <= MAX_STREAMS + opened, `${mux.size} streams`);
    assert.ok(mux.unreadBytes <= CAP_BYTES);
  }
  mux.close("");
  assert.equal(mux.size, 0);
  assert.equal(lane().bytes, 0);
}

/** The target. */
export const target: FuzzTarget = {
  name: "mux",
  about: "Streams: no exception, bounds kept, nothing left behind",
  make: makeSession,
  check,
};
