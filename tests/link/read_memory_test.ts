import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { Flusher } from "../../src/link/flusher.ts";
import { MIN_IN_FLIGHT_BYTES } from "../../src/link/in_flight.ts";
import type { OutboxSink } from "../../src/link/outbox.ts";
import { isTracked, passedOn, passedOnCopied, track } from "../../src/link/read_memory.ts";
import { SocketPump } from "../../src/link/socket_pump.ts";
import { SocketWriter } from "../../src/link/socket_writer.ts";
import { encodeFrame, type Frame } from "../../src/wire/frame.ts";
import { until } from "../helpers/event_loop.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { concat } from "../helpers/prefixed.ts";
import { framesOn, socketPair } from "./frames_pair.ts";
import { End, KIB, OPEN, pattern } from "./mux_pair.ts";
import { tunnel } from "./pump_pair.ts";

const isGone = ({ buffer }: Uint8Array) => buffer instanceof ArrayBuffer && buffer.detached;

/** A read that is watched. */
function read(bytes = 64 * KIB): Uint8Array {
  const chunk = new Uint8Array(bytes);
  track(chunk);
  return chunk;
}

Deno.test("Read memory: it is gone once every byte was passed on, in whatever pieces", () => {
  const chunk = read();
  for (const [from, to] of [[60, 64], [0, 10], [10, 11], [11, 60]] as const) {
    assert.equal(isGone(chunk), false);
    passedOn(chunk.subarray(from * KIB, to * KIB));
  }
  assert.deepEqual([isGone(chunk), isTracked(chunk)], [true, false]);
});

Deno.test("Read memory: bytes that are not told of keep it", () => {
  const chunk = read();
  passedOn(chunk, 64 * KIB - 1);
  assert.deepEqual([isGone(chunk), isTracked(chunk)], [false, true]);
});

Deno.test("Read memory: nobody loses anything where more was told than there was", () => {
  const chunk = read();
  passedOn(chunk, 64 * KIB - 1);
  passedOn(chunk, 2);
  assert.deepEqual([isGone(chunk), isTracked(chunk)], [false, false]);
});

Deno.test("Read memory: what others may share, what is small and what nobody watches stays", () => {
  const shared = new Uint8Array(new ArrayBuffer(64 * KIB), 0, 64 * KIB - 1);
  const [small, unwatched] = [new Uint8Array(16 * KIB - 1), new Uint8Array(64 * KIB)];
  for (const chunk of [shared, small]) track(chunk);
  for (const chunk of [shared, small, unwatched]) {
    assert.equal(isTracked(chunk), false);
    passedOn(chunk);
    assert.equal(isGone(chunk), false);
  }
});

Deno.test("Read memory: what was copied is passed on at once, the others are told of later", () => {
  const [copied, kept] = [read(), read()];
  const other = new Uint8Array(10);
  assert.deepEqual(passedOnCopied([copied, other, kept], [new Uint8Array(64 * KIB + 10), kept]), [kept]);
  assert.deepEqual([isGone(copied), isGone(kept)], [true, false]);
});

/** A socket that takes writes one by one, and looks whether they are still there. */
class LateSink implements OutboxSink {
  readonly #writes: { parts: readonly Uint8Array[]; bytes: number; onWritten: () => void }[] = [];

  write(parts: readonly Uint8Array[], onWritten: () => void): boolean {
    this.#writes.push({ parts, bytes: lengthOf(parts), onWritten });
    return false;
  }

  /** Takes the oldest; whether there was one. */
  take(): boolean {
    const write = this.#writes.shift();
    if (write === undefined) return false;
    assert.equal(lengthOf(write.parts), write.bytes, "what was not taken yet is there");
    write.onWritten();
    return true;
  }
}

const lengthOf = (parts: readonly Uint8Array[]) => parts.reduce((sum, { length }) => sum + length, 0);

Deno.test("Read memory: whatever waits and whenever the socket takes it, nothing is gone before, and all after", () => {
  const steps = fc.oneof(
    { weight: 3, arbitrary: fc.record({ stream: fc.nat(2), kib: fc.constantFrom(1, 3, 16, 40, 64) }) },
    fc.constant("turn" as const),
    fc.constant("take" as const),
  );
  fc.assert(fc.property(fc.array(steps, { maxLength: 60 }), (program) => {
    const turns: (() => void)[] = [];
    const sink = new LateSink();
    const end = new End("hub", { peerInitialBytes: 1e9 }, { sink, turns, socketBytes: 128 * KIB });
    const streams = [1, 2, 3].map((tag) => end.open(tag).stream);
    const reads: Uint8Array[] = [];
    // More would wait for an answer of the peer; the headers of frames count too.
    let left = MIN_IN_FLIGHT_BYTES - 16 * KIB;
    const turn = () => {
      for (const run of turns.splice(0)) run();
    };
    for (const step of program) {
      if (step === "turn") turn();
      else if (step === "take") sink.take();
      else if (left >= step.kib * KIB) {
        left -= step.kib * KIB;
        const chunk = read(step.kib * KIB);
        if (chunk.length >= 16 * KIB) reads.push(chunk);
        streams[step.stream]?.write(chunk);
      }
    }
    do turn(); while (sink.take() || turns.length > 0);
    assert.equal(reads.filter((chunk) => !isGone(chunk)).length, 0);
  }));
});

/** A socket that takes writes when told to, and only then looks at them. */
class LateSocket extends Duplex {
  readonly got: Uint8Array[] = [];
  readonly #waiting: (() => void)[] = [];

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this._writev([{ chunk }], done);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: () => void): void {
    this.#waiting.push(() => {
      for (const { chunk } of chunks) this.got.push(new Uint8Array(chunk));
      done();
    });
  }

  /** Takes the oldest write; whether there was one. */
  takeOne(): boolean {
    const waiting = this.#waiting.shift();
    waiting?.();
    return waiting !== undefined;
  }
}

/** Writes of one turn after the other to a socket. */
type Write = (chunk: Uint8Array) => void;

const WRITERS: Readonly<Record<string, (socket: Socket, flusher: Flusher) => Write>> = {
  writer: (socket, flusher) => {
    const writer = new SocketWriter(socket, flusher);
    return (chunk) => writer.write(chunk);
  },
  pump: (socket, flusher) => {
    const link = { socket, pause: () => {}, resume: () => {}, reset: () => {} };
    const pump = new SocketPump(link, flusher);
    return (chunk) => pump.data(chunk);
  },
};

for (const [name, make] of Object.entries(WRITERS)) {
  Deno.test(`Read memory: a ${name} tells of nothing before the socket took it, and of all after`, () => {
    const steps = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(1, 3, 16, 40, 64) },
      fc.constantFrom("turn" as const, "take" as const),
    );
    fc.assert(fc.property(fc.array(steps, { maxLength: 40 }), (program) => {
      const turns: (() => void)[] = [];
      const socket = new LateSocket();
      const write = make(socket as unknown as Socket, new Flusher(64 * KIB, (run) => turns.push(run)));
      const turn = () => {
        for (const run of turns.splice(0)) run();
      };
      const sent: Uint8Array[] = [];
      const reads: Uint8Array[] = [];
      for (const step of program) {
        if (step === "turn") turn();
        else if (step === "take") socket.takeOne();
        else {
          const chunk = read(step * KIB).fill(sent.length + 1);
          sent.push(chunk.slice());
          if (chunk.length >= 16 * KIB) reads.push(chunk);
          write(chunk);
        }
      }
      do turn(); while (socket.takeOne() || turns.length > 0);
      assert.ok(Buffer.compare(concat(socket.got), concat(sent)) === 0, "what was written is whole");
      assert.equal(reads.filter((chunk) => !isGone(chunk)).length, 0);
    }));
  });
}

Deno.test("Read memory: a message that came in one read with data is kept", async () => {
  await using sockets = await socketPair(undefined);
  await using local = await socketPair(undefined);
  const { transport, owner } = framesOn(sockets.near, "hub");
  const pump = new SocketPump(local.near, new Flusher(64 * KIB));
  owner.takes = (stream) => {
    pump.start(stream);
    return pump;
  };
  const passed: Uint8Array[] = [];
  local.far.socket.on("data", (chunk: Uint8Array) => passed.push(chunk));
  const reads = readsOf(sockets.near.socket);
  transport.start(new Uint8Array(0));
  const data = () => ({ kind: "data", streamId: 1, payload: pattern(14 * KIB), isEnd: false }) as const;
  const payload = pattern(8 * KIB, 3);
  const send = (...frames: Frame[]) =>
    sockets.far.socket.write(concat(frames.flatMap((frame) => [...encodeFrame(frame).parts])));
  send({ kind: "open_stream", streamId: 1, open: OPEN, isEnd: false });
  await until(() => transport.mux.size === 1);
  send(data(), { kind: "message", message: payload, isText: true }, data());
  await until(() => lengthOf(passed) === 28 * KIB && owner.messages.length === 1);
  assert.ok(reads.length > 0, "they came in a large read");
  assert.deepEqual(owner.messages[0], payload);
});

/** The large reads of a socket from now on. */
function readsOf(socket: Socket): Uint8Array[] {
  const reads: Uint8Array[] = [];
  socket.on("data", (chunk: Uint8Array) => {
    if (chunk.length >= 16 * KIB && chunk.length === chunk.buffer.byteLength) reads.push(chunk);
  });
  return reads;
}

testPlainAndTls(
  "Read memory: what goes through pumps and a link is whole, and gone",
  async (certificates) => {
    await using joined = await tunnel(certificates);
    const { client, server, pair: { sockets }, pumped } = joined;
    const reads = [...pumped, sockets.near.socket, sockets.far.socket].map(readsOf);
    const got: Uint8Array[][] = [[], []];
    const ended = [false, false];
    for (const [at, socket] of [client, server].entries()) {
      socket.on("data", (chunk: Uint8Array) => {
        got[at]?.push(chunk);
        // Who rests makes what comes wait at every place of its way.
        if (Math.random() < 0.2) {
          socket.pause();
          setTimeout(() => socket.resume(), 1);
        }
      });
      socket.on("end", () => ended[at] = true);
    }
    const [up, down] = [randomBytes(8 * KIB * KIB), randomBytes(8 * KIB * KIB)];
    client.end(up);
    server.end(down);
    await until(() => ended.every((one) => one));
    assert.ok(
      Buffer.compare(concat(got[1] ?? []), up) === 0,
      "what the client sent is whole",
    );
    assert.ok(
      Buffer.compare(concat(got[0] ?? []), down) === 0,
      "what the server sent is whole",
    );
    const large = reads.flat();
    assert.ok(large.length > 20, `${large.length} large reads`);
    const left = large.filter((chunk) => !isGone(chunk)).length;
    assert.ok(left < large.length / 2, `${left} of ${large.length} are left to the collector`);
  },
);
