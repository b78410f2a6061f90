import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Flusher } from "../../src/link/flusher.ts";
import { SocketPump } from "../../src/link/socket_pump.ts";
import { Stream } from "../../src/link/stream.ts";
import { until } from "../helpers/event_loop.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { concat } from "../helpers/prefixed.ts";
import { framesPair, socketPair } from "./frames_pair.ts";
import { tunnel } from "./pump_pair.ts";
import { KIB, OPEN, pattern } from "./mux_pair.ts";

/** What a socket got, and how that ended. */
class Got {
  readonly chunks: Uint8Array[] = [];
  length = 0;
  hasEnded = false;
  error: string | null = null;
  isClosed = false;

  constructor(socket: Socket) {
    socket.on("data", (chunk: Uint8Array) => {
      this.chunks.push(chunk);
      this.length += chunk.length;
    });
    socket.on("end", () => this.hasEnded = true);
    socket.on("error", (error: Error & { code?: string }) => this.error = error.code ?? "?");
    socket.on("close", () => this.isClosed = true);
  }
}

testPlainAndTls("Socket pump: bytes go both ways at once, then each way ends alone", async (certificates) => {
  await using joined = await tunnel(certificates);
  const { client, server } = joined;
  const [atClient, atServer] = [new Got(client), new Got(server)];
  const [up, down] = [pattern(3000 * KIB, 1), pattern(2000 * KIB, 2)];
  client.end(up);
  server.write(down);
  await until(() => atServer.hasEnded && atClient.length === down.length);
  assert.deepEqual(concat(atServer.chunks), up);
  assert.equal(atClient.hasEnded, false);
  server.end("after the other end");
  await until(() => atClient.hasEnded && joined.streams().every(({ isOver }) => isOver));
  assert.deepEqual(concat(atClient.chunks), concat([down, new TextEncoder().encode("after the other end")]));
  assert.deepEqual([atClient.error, atServer.error], [null, null]);
  assert.deepEqual([joined.pair.hub.transport.mux.size, joined.pair.hub.transport.mux.unreadBytes], [0, 0]);
});

testPlainAndTls(
  "Socket pump: a server that does not read stops the client, and little waits between",
  async (certificates) => {
    await using joined = await tunnel(certificates);
    const { client, server, pair } = joined;
    server.pause();
    const chunk = pattern(64 * KIB);
    const sent = 480 * chunk.length;
    for (let at = 0; at < sent; at += chunk.length) client.write(chunk);
    let still = 0;
    let before = -1;
    // What the kernel takes is unknown; that nothing moves any more for a while is what counts.
    await until(() => {
      still = client.writableLength === before ? still + 1 : 0;
      before = client.writableLength;
      return still > 2000;
    });
    assert.ok(before > 0, "the client is stopped");
    assert.ok(pair.hub.transport.mux.unreadBytes <= 256 * KIB);
    for (const stream of joined.streams()) {
      assert.ok(
        stream.queuedBytes <= 320 * KIB,
        `${stream.queuedBytes} wait`,
      );
    }
    const got = new Got(server);
    server.resume();
    client.end();
    await until(() => got.hasEnded);
    assert.equal(got.length, sent);
  },
);

testPlainAndTls("Socket pump: a reset stays a reset, from either side", async (certificates) => {
  for (const side of ["client", "server"] as const) {
    await using joined = await tunnel(certificates);
    const other = side === "client" ? joined.server : joined.client;
    const got = new Got(other);
    joined[side].write("x");
    await until(() => got.length === 1);
    joined[side].resetAndDestroy();
    await until(() => got.isClosed);
    assert.equal(got.error, "ECONNRESET");
    assert.equal(got.hasEnded, false);
    await until(() => joined.streams().every(({ isOver }) => isOver));
  }
});

Deno.test("Socket pump: a socket that is gone before the start resets its stream", async () => {
  await using pair = await framesPair();
  await using side = await socketPair(undefined);
  const pump = new SocketPump(side.near, new Flusher(64 * KIB));
  side.near.socket.destroy();
  const stream = pair.spoke.transport.mux.open(OPEN, pump);
  assert.ok(stream instanceof Stream);
  pump.start(stream);
  assert.equal(stream.isOver, true);
});

Deno.test("Socket pump: bytes that were read already go first", async () => {
  await using pair = await framesPair();
  await using side = await socketPair(undefined);
  const pump = new SocketPump(side.near, new Flusher(64 * KIB));
  const stream = pair.spoke.transport.mux.open(OPEN, pump);
  assert.ok(stream instanceof Stream);
  pump.start(stream, new TextEncoder().encode("head"));
  side.far.socket.write(", body");
  await until(() => pair.hub.owner.accepted[0]?.bytes.length === 10);
  assert.equal(new TextDecoder().decode(pair.hub.owner.accepted[0]?.bytes), "head, body");
});

for (const where of ["the pump", "the socket"] as const) {
  Deno.test(`Socket pump: what waits in ${where} when a socket breaks is not counted for ever`, async () => {
    await using pair = await framesPair();
    await using side = await socketPair(undefined);
    const isInPump = where === "the pump";
    const flusher = isInPump ? new Flusher(64 * KIB, () => {}) : new Flusher(64 * KIB);
    // A socket whose peer takes nothing.
    if (!isInPump) {
      side.near.socket.write = () => true;
      Object.defineProperty(side.near.socket, "writableLength", { value: 10 * KIB });
    }
    const pump = new SocketPump(side.near, flusher);
    const stream = pair.hub.transport.mux.open(OPEN, pump);
    assert.ok(stream instanceof Stream);
    pump.start(stream);
    await until(() => pair.spoke.owner.accepted.length === 1);
    const [agent] = pair.spoke.owner.accepted;
    agent?.stream.write(pattern(10 * KIB));
    agent?.stream.end();
    side.far.socket.end();
    await until(() => stream.isOver);
    assert.equal(pair.hub.transport.mux.unreadBytes, 10 * KIB);
    side.far.socket.resetAndDestroy();
    side.near.socket.destroy();
    await until(() => pair.hub.transport.mux.unreadBytes === 0);
  });
}
