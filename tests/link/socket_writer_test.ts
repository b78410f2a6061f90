/** Writes of one turn in one, and what counts as passed on. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { Flusher } from "../../src/link/flusher.ts";
import { SocketWriter } from "../../src/link/socket_writer.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A writer whose socket takes what it gets only when it is told to. */
class WriterScene {
  readonly writes: string[] = [];
  readonly socket: Duplex;
  readonly writer: SocketWriter;
  readonly #turns: (() => void)[] = [];
  readonly #taken: (() => void)[] = [];
  hasEnded = false;

  constructor() {
    const take = (text: string, done: () => void) => {
      this.writes.push(text);
      this.#taken.push(done);
    };
    this.socket = new Duplex({
      read() {},
      write: (chunk, _encoding, done) => take(String(chunk), done),
      writev: (chunks, done) => take(Buffer.concat(chunks.map(({ chunk }) => chunk)).toString(), done),
      final: (done) => {
        this.hasEnded = true;
        done();
      },
    });
    this.writer = new SocketWriter(
      this.socket as unknown as Socket,
      new Flusher(1024, (run) => this.#turns.push(run)),
    );
  }

  /** The turn is over. */
  turn(): void {
    for (const run of this.#turns.splice(0)) run();
  }

  /** The socket takes its oldest write. */
  async take(): Promise<void> {
    this.#taken.shift()?.();
    await new Promise((passed) => setImmediate(passed));
  }
}

/** A stream that counts what was passed on of it. */
const counting = () => ({
  bytes: 0,
  consumed(bytes: number) {
    this.bytes += bytes;
  },
});

Deno.test("SocketWriter: what a turn brought leaves in one write, in its order", () => {
  const scene = new WriterScene();
  for (const text of ["a", "", "b", "c"]) scene.writer.write(bytesOf(text));
  assert.deepEqual(scene.writes, []);
  scene.turn();
  assert.deepEqual(scene.writes, ["abc"]);
  scene.turn();
  assert.deepEqual(scene.writes, ["abc"], "nothing is left for another turn");
});

Deno.test("SocketWriter: bytes of streams count once the socket took them, each once", async () => {
  const scene = new WriterScene();
  const [one, other] = [counting(), counting()];
  scene.writer.write(bytesOf("abc"));
  scene.writer.credit(one, 2);
  scene.writer.credit(other, 1);
  scene.writer.credit(one, 5);
  scene.turn();
  scene.writer.write(bytesOf("d"));
  scene.writer.credit(one, 100);
  scene.turn();
  assert.deepEqual([one.bytes, other.bytes], [0, 0]);
  await scene.take();
  assert.deepEqual([one.bytes, other.bytes], [7, 1]);
  await scene.take();
  assert.deepEqual([one.bytes, other.bytes], [107, 1]);
  scene.socket.destroy();
  await once(scene.socket, "close");
  assert.deepEqual([one.bytes, other.bytes], [107, 1]);
});

Deno.test("SocketWriter: what nothing is written of counts at the end of the turn", () => {
  const scene = new WriterScene();
  const stream = counting();
  scene.writer.credit(stream, 3);
  assert.equal(stream.bytes, 0);
  scene.turn();
  assert.deepEqual([stream.bytes, scene.writes], [3, []]);
});

Deno.test("SocketWriter: what the socket did not take counts when it is gone, and later what comes for it", async () => {
  const scene = new WriterScene();
  const stream = counting();
  for (const text of ["a", "b"]) {
    scene.writer.write(bytesOf(text));
    scene.writer.credit(stream, 1);
    scene.turn();
  }
  scene.writer.write(bytesOf("c"));
  scene.writer.credit(stream, 1);
  scene.socket.destroy();
  await once(scene.socket, "close");
  scene.turn();
  assert.equal(stream.bytes, 3);
  scene.writer.write(bytesOf("d"));
  scene.writer.credit(stream, 1);
  scene.turn();
  assert.equal(stream.bytes, 4);
  assert.equal(scene.writes.join(""), "a");
});

Deno.test("SocketWriter: the end comes behind what was written, and nothing behind it", async () => {
  const scene = new WriterScene();
  const stream = counting();
  scene.writer.write(bytesOf("last"));
  scene.writer.end();
  scene.writer.write(bytesOf("more"));
  scene.writer.credit(stream, 4);
  scene.turn();
  assert.deepEqual([scene.writes, scene.hasEnded], [["last"], false]);
  await scene.take();
  assert.deepEqual([scene.hasEnded, stream.bytes], [true, 4]);
  scene.writer.credit(stream, 1);
  scene.turn();
  assert.equal(stream.bytes, 5);
});

Deno.test("SocketWriter: a peer that takes little shows it in small steps, in order and with its end", async () => {
  const scene = new WriterScene();
  const stream = counting();
  const bytes = 100 * 1024;
  const text = "abcdefgh";
  for (const letter of text) {
    scene.writer.write(bytesOf(letter.repeat(bytes)));
    scene.writer.credit(stream, bytes);
    scene.turn();
  }
  scene.writer.end();
  scene.turn();
  let waiting = scene.writer.waitingBytes;
  assert.equal(waiting, text.length * bytes);
  while (waiting > 0) {
    await scene.take();
    const taken = waiting - scene.writer.waitingBytes;
    assert.ok(taken > 0 && taken <= 4 * bytes, `${taken} bytes`);
    assert.equal(scene.hasEnded, scene.writer.waitingBytes === 0);
    waiting = scene.writer.waitingBytes;
    assert.equal(stream.bytes, text.length * bytes - waiting);
  }
  assert.equal(scene.writes.join(""), Array.from(text, (letter) => letter.repeat(bytes)).join(""));
});

Deno.test("SocketWriter: what counts without bytes of its own counts with those before it", async () => {
  const scene = new WriterScene();
  const stream = counting();
  scene.writer.write(bytesOf("a"));
  scene.turn();
  scene.writer.credit(stream, 1);
  scene.turn();
  assert.equal(stream.bytes, 0);
  await scene.take();
  assert.equal(stream.bytes, 1);
  scene.writer.credit(stream, 1);
  scene.turn();
  assert.equal(stream.bytes, 2);
});

Deno.test("SocketWriter: what was held back counts when the socket is gone", async () => {
  const scene = new WriterScene();
  const stream = counting();
  for (let times = 0; times < 8; times++) {
    scene.writer.write(new Uint8Array(100 * 1024));
    scene.writer.credit(stream, 1);
    scene.turn();
  }
  scene.socket.destroy();
  await once(scene.socket, "close");
  assert.equal(stream.bytes, 8);
});
