import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { PlainSocket } from "../../src/link/gated_socket.ts";
import { SocketSink } from "../../src/link/socket_sink.ts";
import { Turns } from "../../src/link/turns.ts";
import { type ServerEnd, WebSocketStream } from "../../src/link/websocket_stream.ts";
import { encodeMaskedFrame } from "../../src/wire/ws_masked_frame.ts";
import { encodeWsClose, WsOpcode } from "../../src/wire/ws_frame.ts";
import { concat } from "../helpers/prefixed.ts";
import { SocketServer } from "../helpers/socket_server.ts";
import { readAll, until, writeUntilBlocked } from "./duplex.ts";
import { LIMITS } from "./pair.ts";

const MIB = 1024 * 1024;
const NOTHING = new Uint8Array(0);
const MASK = Uint8Array.of(1, 2, 3, 4);

interface Settings {
  readonly head?: Uint8Array;
  readonly turns?: Turns;
  readonly messages?: number;
  readonly isMessage?: (bytes: Uint8Array) => boolean;
  readonly guests?: NonNullable<ServerEnd["guests"]>;
}

/** The server's end as a stream, and a client that masks its frames. */
class Pair implements AsyncDisposable {
  readonly #server: SocketServer;
  readonly #closed: Promise<void>;
  /** What the client got. */
  received: Uint8Array = NOTHING;

  private constructor(readonly stream: WebSocketStream, readonly socket: Socket, server: SocketServer) {
    this.#server = server;
    this.#closed = new Promise((resolve) => stream.once("close", () => resolve()));
    socket.on("data", (chunk: Uint8Array) => this.received = concat([this.received, chunk]));
    socket.on("error", () => {});
  }

  static async open(
    { head = NOTHING, turns = new Turns(), messages = 64, isMessage = () => true, guests }: Settings = {},
  ) {
    const { promise, resolve } = Promise.withResolvers<Socket>();
    const server = await SocketServer.open(resolve);
    const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    const link = new PlainSocket(await promise);
    link.pause();
    const end = {
      turns,
      readLimits: { ...LIMITS, messages },
      isMessage,
      ...(guests === undefined ? {} : { guests }),
    };
    return new Pair(new WebSocketStream({ link, head, server: end }), socket, server);
  }

  send(opcode: WsOpcode, payload: Uint8Array): void {
    this.socket.write(encodeMaskedFrame(opcode, [payload], MASK));
  }

  closed(): Promise<void> {
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.destroy();
    this.socket.destroy();
    await this.#closed;
    await this.#server[Symbol.asyncDispose]();
  }
}

Deno.test("WebSocket server stream: the bytes of all messages are read in order, whatever was read before", async () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 70_000 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(messages, fc.nat(9000), async (messages, headBytes) => {
      const wire = concat(messages.map((message) => encodeMaskedFrame(WsOpcode.binary, [message], MASK)));
      const head = wire.slice(0, headBytes);
      await using pair = await Pair.open({ head });
      pair.socket.write(wire.subarray(head.length));
      pair.socket.write(encodeMaskedFrame(WsOpcode.close, [Uint8Array.of(3, 232)], MASK));
      assert.deepEqual(await readAll(pair.stream), concat(messages));
      assert.deepEqual(pair.stream.peerClose, { code: 1000, reason: "" });
    }),
    { numRuns: 20 },
  );
});

Deno.test("WebSocket server stream: what is written at once is one unmasked message, and its parts are not changed", async () => {
  await using pair = await Pair.open();
  pair.stream.resume();
  const parts = [new Uint8Array(10).fill(1), new Uint8Array(70_000).fill(2)];
  await new Promise<void>((done) => new SocketSink(pair.stream).write(parts, done));
  const header = Uint8Array.of(0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x7a);
  await until(() => pair.received.length >= header.length + 70_010);
  assert.deepEqual(pair.received, concat([header, ...parts]));
});

Deno.test("WebSocket server stream: a client is read within the budget of a turn", async () => {
  const ends: (() => void)[] = [];
  const turns = new Turns((run) => void ends.push(run));
  let seen = 0;
  await using pair = await Pair.open({ turns, messages: 8, isMessage: () => ++seen > 0 });
  pair.stream.resume();
  const empty = encodeMaskedFrame(WsOpcode.binary, [], MASK);
  pair.socket.write(concat(Array.from({ length: 5000 }, () => empty)));
  await until(() => seen > 0);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(seen < 5000, "nothing more is read in this turn");
  while (seen < 5000) {
    for (const end of ends.splice(0)) end();
    await new Promise((resolve) => setImmediate(resolve));
  }
});

Deno.test("WebSocket server stream: a reader that pauses blocks the client, and little is kept", async () => {
  await using pair = await Pair.open();
  let received = 0;
  pair.stream.on("data", (bytes: Uint8Array) => received += bytes.length);
  pair.send(WsOpcode.binary, Uint8Array.of(1));
  await until(() => received === 1);
  pair.stream.pause();
  const chunk = new Uint8Array(64 * 1024);
  const sent = await writeUntilBlocked(pair.socket, {
    write: () => {
      pair.send(WsOpcode.binary, chunk);
      return chunk.length;
    },
    maxBytes: 100 * MIB,
  });
  assert.ok(sent < 100 * MIB, "the client was never blocked");
  assert.ok(pair.stream.readableLength <= 3 * 64 * 1024, `${pair.stream.readableLength} bytes are kept`);
  pair.stream.resume();
  await until(() => received === sent + 1);
});

Deno.test("WebSocket server stream: what came before a FIN is read, although it waited for its turn", async () => {
  await using pair = await Pair.open({ messages: 1 });
  const one = encodeMaskedFrame(WsOpcode.binary, [Uint8Array.of(7)], MASK);
  pair.socket.end(concat(Array.from({ length: 5000 }, () => one)));
  assert.equal((await readAll(pair.stream)).length, 5000);
});

const TEXT = encodeMaskedFrame(WsOpcode.text, [Uint8Array.of(0x61)], MASK);
const WRONG: readonly (readonly [name: string, bytes: Uint8Array, code: number])[] = [
  ["an unmasked frame", Uint8Array.of(0x82, 0x01, 1), 1002],
  ["text", TEXT, 1002],
  ["a flood of text", concat(new Array<Uint8Array>(500).fill(TEXT)), 1002],
  ["what is no message", encodeMaskedFrame(WsOpcode.binary, [Uint8Array.of(0)], MASK), 1002],
  ["a message over the limit", Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 1, 1, 2, 3, 4), 1009],
];
for (const [name, bytes, code] of WRONG) {
  Deno.test(`WebSocket server stream: ${name} ends it with ${code} and an error`, async () => {
    await using pair = await Pair.open({ isMessage: ([first]) => first !== 0 });
    let received = 0;
    pair.stream.on("data", () => received++);
    pair.socket.write(bytes);
    pair.send(WsOpcode.binary, Uint8Array.of(1));
    await pair.closed();
    assert.ok(pair.stream.errored !== null);
    assert.equal(received, 0);
    await until(() => pair.received.length > 3);
    const [close = NOTHING] = encodeWsClose(code, "").parts;
    assert.deepEqual([pair.received[0], ...pair.received.subarray(2, 4)], [
      close[0],
      ...close.subarray(2, 4),
    ]);
  });
}

Deno.test("WebSocket server stream: behind a mistake nothing more is looked at", async () => {
  let seen = 0;
  await using pair = await Pair.open({ isMessage: () => ++seen < 0 });
  pair.stream.resume();
  const one = encodeMaskedFrame(WsOpcode.binary, [Uint8Array.of(7)], MASK);
  pair.socket.write(concat(new Array<Uint8Array>(500).fill(one)));
  await pair.closed();
  assert.equal(seen, 1);
});

Deno.test("WebSocket server stream: pings are answered, the last of many at least", async () => {
  await using pair = await Pair.open();
  pair.stream.resume();
  for (let ping = 0; ping < 1000; ping++) pair.send(WsOpcode.ping, Uint8Array.of(1));
  pair.send(WsOpcode.ping, Uint8Array.of(2));
  const last = Uint8Array.of(0x8a, 1, 2);
  await until(() =>
    pair.received.subarray(-3).every((byte, at) => byte === last[at]) && pair.received.length > 2
  );
});

Deno.test("WebSocket server stream: a guest's message is refused at its header when it is long, a member's is read", async () => {
  let isGuest = true;
  const guests = { maxMessageBytes: 100, isGuest: () => isGuest };
  await using member = await Pair.open({ guests });
  member.send(WsOpcode.binary, new Uint8Array(100));
  member.stream.read(0);
  await until(() => member.stream.readableLength === 100);
  isGuest = false;
  member.send(WsOpcode.binary, new Uint8Array(50_000));
  member.send(WsOpcode.close, Uint8Array.of(3, 232));
  assert.equal((await readAll(member.stream)).length, 50_100);
  isGuest = true;
  await using guest = await Pair.open({ guests });
  // The header alone, which names one byte too much.
  guest.socket.write(encodeMaskedFrame(WsOpcode.binary, [new Uint8Array(101)], MASK).subarray(0, 6));
  guest.stream.resume();
  await until(() => guest.received.length >= 4);
  assert.deepEqual([...guest.received.subarray(2, 4)], [0x03, 0xf1]);
});
