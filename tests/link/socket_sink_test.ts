import assert from "node:assert/strict";
import { SocketSink } from "../../src/link/socket_sink.ts";
import { until } from "../helpers/event_loop.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { concat } from "../helpers/prefixed.ts";
import { socketPair } from "./frames_pair.ts";
import { KIB, pattern } from "./mux_pair.ts";

Deno.test("Socket sink: a plain socket with room takes it at once, and calls nobody", async () => {
  await using pair = await socketPair(undefined);
  const sink = new SocketSink(pair.near.socket);
  const got: Uint8Array[] = [];
  pair.far.socket.on("data", (chunk: Uint8Array) => got.push(chunk)).resume();
  // The first write of a socket may take its time.
  await new Promise<void>((done) => void (sink.write([pattern(5)], done) && done()));
  let calls = 0;
  assert.equal(sink.write([pattern(9 * KIB, 1)], () => calls++), true);
  assert.equal(sink.write([pattern(1, 2)], () => calls++), true);
  assert.equal(sink.isBehind, false);
  await until(() => concat(got).length === 9 * KIB + 6);
  assert.deepEqual(concat(got), concat([pattern(5), pattern(9 * KIB, 1), pattern(1, 2)]));
  assert.equal(calls, 0);
});

testPlainAndTls(
  "Socket sink: what waits for the peer is told once, in order, when it went",
  async (certificates) => {
    await using pair = await socketPair(certificates);
    const sink = new SocketSink(pair.near.socket);
    pair.far.pause();
    const block = pattern(512 * KIB);
    const told: number[] = [];
    let sent = 0;
    while (!sink.isBehind) if (sink.write([block], () => told.push(-1))) sent++;
    for (const at of [1, 2, 3]) assert.equal(sink.write([block], () => told.push(at)), false);
    assert.equal(told.length, 0);
    let got = 0;
    pair.far.socket.on("data", (chunk: Uint8Array) => got += chunk.length);
    pair.far.resume();
    await until(() => told.length === 4 && got === (sent + 4) * block.length);
    assert.deepEqual(told, [-1, 1, 2, 3]);
    assert.equal(sink.isBehind, false);
  },
);

testPlainAndTls("Socket sink: several pieces go in order, told once", async (certificates) => {
  await using pair = await socketPair(certificates);
  const sink = new SocketSink(pair.near.socket);
  const got: Uint8Array[] = [];
  pair.far.socket.on("data", (chunk: Uint8Array) => got.push(chunk)).resume();
  const parts = [pattern(100, 1), pattern(9 * KIB, 2), pattern(10, 3)];
  await new Promise<void>((done) => assert.equal(sink.write(parts, done), false));
  await until(() => concat(got).length === 9 * KIB + 110);
  assert.deepEqual(concat(got), concat(parts));
});

Deno.test("Socket sink: a socket that is gone takes nothing and tells nobody", async () => {
  await using pair = await socketPair(undefined);
  const sink = new SocketSink(pair.near.socket);
  pair.near.socket.destroy();
  assert.equal(sink.write([pattern(10)], () => assert.fail("told")), false);
});
