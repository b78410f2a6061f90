import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { PlainSocket } from "../../src/link/gated_socket.ts";
import { SocketSink } from "../../src/link/socket_sink.ts";
import { WebSocketStream, type WebSocketStreamOptions } from "../../src/link/websocket_stream.ts";
// @ts-types="../../src/link/ws_types.d.ts"
import { Receiver } from "ws";
import { receiverOptions } from "../../src/link/ws_receiver.ts";
import { encodeWsClose, encodeWsFrame, WsOpcode } from "../../src/wire/ws_frame.ts";
import { concat } from "../helpers/prefixed.ts";
import { SocketServer } from "../helpers/socket_server.ts";
import { readAll, until, writeUntilBlocked } from "./duplex.ts";

const MIB = 1024 * 1024;
const NOTHING = new Uint8Array(0);

/** A stream and the server's end of its socket, with everything that the server received. */
class Pair implements AsyncDisposable {
  readonly messages: Uint8Array[] = [];
  readonly pongs: Uint8Array[] = [];
  closeCode: number | null = null;
  readonly #receiver = new Receiver(receiverOptions(64 * MIB, { isServer: true }));
  readonly #closed: Promise<void>;

  private constructor(
    readonly stream: WebSocketStream,
    readonly socket: Socket,
    readonly server: SocketServer,
  ) {
    this.#receiver.on("message", (data) => this.messages.push(data));
    this.#receiver.on("pong", (data) => this.pongs.push(data));
    this.#receiver.on("conclude", (code) => this.closeCode = code);
    this.#closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
  }

  static async open(options: Partial<WebSocketStreamOptions> = {}): Promise<Pair> {
    const { promise, resolve } = Promise.withResolvers<Socket>();
    const server = await SocketServer.open(resolve);
    const raw = connect({ port: server.port, host: "127.0.0.1" });
    await once(raw, "connect");
    const link = new PlainSocket(raw);
    link.pause();
    return new Pair(new WebSocketStream({ link, head: NOTHING, ...options }), await promise, server);
  }

  /** The server reads from now on. */
  read(): void {
    this.socket.on("data", (chunk) => this.#receiver.write(chunk));
  }

  send(opcode: WsOpcode, payload: Uint8Array): boolean {
    const { parts } = encodeWsFrame(opcode, payload);
    return parts.map((part) => this.socket.write(part)).at(-1) ?? true;
  }

  /** Until the stream is closed, by whomever. */
  closed(): Promise<void> {
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.destroy();
    await this.#closed;
    await this.server[Symbol.asyncDispose]();
  }
}

Deno.test("WebSocket stream: what is written at once is one message, and all bytes arrive in order", async () => {
  const writes = fc.array(
    fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 4 }),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  await fc.assert(
    fc.asyncProperty(writes, async (writes) => {
      await using pair = await Pair.open();
      pair.read();
      const sink = new SocketSink(pair.stream);
      const written = writes.map((parts) => new Promise<void>((done) => sink.write(parts, done)));
      await Promise.all(written);
      const total = writes.flat().reduce((sum, { length }) => sum + length, 0);
      await until(() => pair.messages.reduce((sum, { length }) => sum + length, 0) >= total);
      assert.deepEqual(concat(pair.messages), concat(writes.flat()));
      // A message never ends inside of what was written at once.
      const borders = new Set<number>();
      writes.reduce((sum, parts) => {
        const end = sum + concat(parts).length;
        borders.add(end);
        return end;
      }, 0);
      pair.messages.reduce((sum, { length }) => {
        assert.ok(borders.has(sum + length));
        return sum + length;
      }, 0);
    }),
    { numRuns: 20 },
  );
});

Deno.test("WebSocket stream: the bytes of all messages are read in order, however the server cuts them", async () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 70_000 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(messages, fc.nat(2000), async (messages, headBytes) => {
      const wire = concat(messages.flatMap((message) => [...encodeWsFrame(WsOpcode.binary, message).parts]));
      const head = wire.slice(0, headBytes);
      await using pair = await Pair.open({ head });
      pair.read();
      pair.socket.write(wire.subarray(head.length));
      pair.socket.write(concat(encodeWsClose(1000, "bye").parts));
      assert.deepEqual(await readAll(pair.stream), concat(messages));
      assert.deepEqual(pair.stream.peerClose, { code: 1000, reason: "bye" });
    }),
    { numRuns: 20 },
  );
});

Deno.test("WebSocket stream: a reader that pauses blocks the server, and memory stays flat", async () => {
  await using pair = await Pair.open();
  const chunk = new Uint8Array(64 * 1024);
  let received = 0;
  pair.stream.on("data", (bytes: Uint8Array) => received += bytes.length);
  pair.send(WsOpcode.binary, Uint8Array.of(1));
  await until(() => received === 1);
  pair.stream.pause();
  const sent = await writeUntilBlocked(pair.socket, {
    write: () => {
      pair.send(WsOpcode.binary, chunk);
      return chunk.length;
    },
    maxBytes: 100 * MIB,
  });
  assert.ok(sent < 100 * MIB, "the server was never blocked");
  assert.equal(received, 1);
  assert.ok(pair.stream.readableLength <= 3 * 64 * 1024, `${pair.stream.readableLength} bytes are kept`);
  pair.stream.resume();
  await until(() => received === sent + 1);
});

Deno.test("WebSocket stream: a server that does not read makes writing wait", async () => {
  await using pair = await Pair.open();
  const chunk = new Uint8Array(64 * 1024);
  const written = await writeUntilBlocked(pair.stream, {
    write: () => {
      pair.stream.write(chunk);
      return chunk.length;
    },
    maxBytes: 100 * MIB,
  });
  assert.ok(written < 100 * MIB, "writing never waited");
  assert.ok(pair.stream.writableLength <= 2 * 64 * 1024);
  pair.read();
  await until(() => pair.messages.reduce((sum, { length }) => sum + length, 0) === written);
});

Deno.test("WebSocket stream: answers pings, and a flood of them queues nothing", async () => {
  await using pair = await Pair.open();
  pair.stream.resume();
  for (let ping = 0; ping < 20_000; ping++) {
    pair.send(WsOpcode.ping, new Uint8Array(100).fill(ping % 251));
  }
  const last = new TextEncoder().encode("last");
  pair.send(WsOpcode.ping, last);
  pair.send(WsOpcode.binary, Uint8Array.of(7));
  await once(pair.stream, "data");
  pair.read();
  await until(() => pair.pongs.at(-1)?.length === last.length);
  assert.deepEqual(new Uint8Array(pair.pongs.at(-1) ?? []), last);
  assert.ok(pair.pongs.length < 20_000, `${pair.pongs.length} pongs`);
});

Deno.test("WebSocket stream: the server's close is answered and told, and what came before it is read", async () => {
  await using pair = await Pair.open();
  pair.read();
  pair.send(WsOpcode.binary, Uint8Array.of(1, 2, 3));
  pair.socket.write(concat(encodeWsClose(4503, "draining retry=500").parts));
  assert.deepEqual(await readAll(pair.stream), Uint8Array.of(1, 2, 3));
  await pair.closed();
  assert.deepEqual(pair.stream.peerClose, { code: 4503, reason: "draining retry=500" });
  await until(() => pair.closeCode === 4503);
});

Deno.test("WebSocket stream: end says goodbye, and the server's goodbye is its end", async () => {
  await using pair = await Pair.open();
  pair.read();
  pair.stream.resume();
  pair.stream.end(Uint8Array.of(9));
  await until(() => pair.closeCode !== null);
  assert.equal(pair.closeCode, 1000);
  assert.equal(pair.messages.length, 1);
  pair.socket.write(concat(encodeWsClose(1000, "").parts));
  await pair.closed();
  assert.equal(pair.stream.errored, null);
});

Deno.test("WebSocket stream: a server that does not answer a goodbye, or does not read ours, is cut", async () => {
  await using silent = await Pair.open({ closeTimeoutMs: 20 });
  silent.stream.resume();
  silent.stream.end();
  await silent.closed();
  await using deaf = await Pair.open({ closeTimeoutMs: 20 });
  for (let part = 0; part < 300; part++) deaf.stream.write(new Uint8Array(64 * 1024));
  deaf.stream.resume();
  deaf.socket.write(concat(encodeWsClose(1000, "").parts));
  await deaf.closed();
});

Deno.test("WebSocket stream: a connection that ends without a goodbye ends the stream", async () => {
  await using finished = await Pair.open();
  finished.stream.resume();
  finished.socket.end();
  await finished.closed();
  assert.equal(finished.stream.peerClose, null);
  await using reset = await Pair.open();
  reset.stream.resume();
  reset.socket.resetAndDestroy();
  await reset.closed();
  assert.equal(reset.stream.peerClose, null);
});

const WRONG: readonly (readonly [name: string, bytes: Uint8Array, code: number])[] = [
  ["a masked frame", Uint8Array.of(0x82, 0x81, 1, 2, 3, 4, 5), 1002],
  ["an unknown opcode", Uint8Array.of(0x83, 0x00), 1002],
  ["a reserved bit", Uint8Array.of(0xc2, 0x00), 1002],
  ["text", Uint8Array.of(0x81, 0x01, 0x61), 1002],
  ["a message over the limit", Uint8Array.of(0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 1), 1009],
  ["a length of 2^63", Uint8Array.of(0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0), 1009],
];
for (const [name, bytes, code] of WRONG) {
  Deno.test(`WebSocket stream: ${name} ends it with ${code} and an error, and nothing of it is read`, async () => {
    await using pair = await Pair.open();
    pair.read();
    let received = 0;
    pair.stream.on("data", () => received++);
    pair.socket.write(concat([bytes, ...encodeWsFrame(WsOpcode.binary, Uint8Array.of(1)).parts]));
    await pair.closed();
    assert.ok(pair.stream.errored !== null);
    assert.equal(received, 0);
    await until(() => pair.closeCode !== null);
    assert.equal(pair.closeCode, code);
  });
}

Deno.test("WebSocket stream: a message of ever more tiny fragments ends it with an error", async () => {
  await using pair = await Pair.open();
  pair.read();
  pair.stream.resume();
  const begin = Uint8Array.of(0x02, 0x01, 1);
  const next = Uint8Array.of(0x00, 0x01, 1);
  pair.socket.write(concat([begin, ...new Array<Uint8Array>(2000).fill(next)]));
  await pair.closed();
  assert.ok(pair.stream.errored !== null);
});
