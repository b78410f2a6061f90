/** A small piece of a large buffer does not keep that alive where it waits for longer than a turn. */
import assert from "node:assert/strict";
import { joinDialled } from "../../src/link/dialled_stream.ts";
import { Flusher } from "../../src/link/flusher.ts";
import { SocketPump } from "../../src/link/socket_pump.ts";
import { SocketWriter } from "../../src/link/socket_writer.ts";
import { Stream } from "../../src/link/stream.ts";
import { until } from "../helpers/event_loop.ts";
import { framesPair, socketPair } from "./frames_pair.ts";
import { End, KIB, OPEN, Reader } from "./mux_pair.ts";

/** A few bytes of a buffer of 64 KiB, and whether these are of it. */
function cut(bytes: number) {
  const { buffer } = new Uint8Array(64 * KIB);
  return { part: new Uint8Array(buffer, 100, bytes), isOf: (piece: Uint8Array) => piece.buffer === buffer };
}

function opened(end: End): Stream {
  const reader = new Reader();
  const stream = end.mux.open(OPEN, reader);
  assert.ok(stream instanceof Stream);
  reader.stream = stream;
  end.flush();
  return stream;
}

Deno.test("Kept memory: what a stream writes in its turn is not copied", () => {
  const end = new End("hub");
  const stream = opened(end);
  end.pending = [];
  const { part, isOf } = cut(5000);
  stream.write(part);
  end.flush();
  assert.ok(end.pending.some(isOf));
});

Deno.test("Kept memory: what a stream may not send yet is a copy", () => {
  const end = new End("hub");
  const stream = opened(end);
  stream.write(new Uint8Array(32 * KIB));
  const { part, isOf } = cut(5000);
  stream.write(part);
  end.flush();
  end.pending = [];
  assert.ok(stream.granted(10 * KIB));
  end.flush();
  assert.equal(end.pending.some(({ length }) => length >= 5000), true);
  assert.equal(end.pending.some(isOf), false);
});

for (const kind of ["writer", "pump"] as const) {
  Deno.test(`Kept memory: a ${kind} whose socket is behind hands it a copy`, async () => {
    await using pair = await framesPair();
    await using side = await socketPair(undefined);
    const { socket } = side.near;
    side.far.pause();
    const written: Uint8Array[] = [];
    const pump = new SocketPump(side.near, new Flusher(64 * KIB));
    const writer = new SocketWriter(socket, new Flusher(64 * KIB));
    const stream = pair.hub.transport.mux.open(OPEN, pump);
    assert.ok(stream instanceof Stream);
    if (kind === "pump") pump.start(stream);
    while (socket.writableLength === 0) socket.write(new Uint8Array(512 * KIB));
    const write = socket.write.bind(socket);
    socket.write = (chunk: unknown, ...rest: unknown[]) => {
      if (chunk instanceof Uint8Array) written.push(chunk);
      return Reflect.apply(write, socket, [chunk, ...rest]);
    };
    const { part, isOf } = cut(200);
    if (kind === "pump") pump.data(part);
    else writer.write(part);
    await until(() => written.length > 0);
    assert.deepEqual([written.map(({ length }) => length), written.some(isOf)], [[200], false]);
  });
}

Deno.test("Kept memory: what waits for a connection that is being made is a copy", async () => {
  await using side = await socketPair(undefined);
  const { socket } = side.near;
  const stream = opened(new End("hub"));
  const dialled = Promise.withResolvers<typeof socket>();
  const joint = joinDialled(stream, {
    dial: () => dialled.promise,
    flusher: new Flusher(64 * KIB),
    onClosed: () => {},
  });
  const { part, isOf } = cut(200);
  stream.attach(joint);
  assert.equal(stream.receive(part, false), null);
  const written: unknown[] = [];
  socket.write = (chunk: unknown) => written.push(chunk) > 0;
  dialled.resolve(socket);
  await until(() => written.length > 0);
  const [piece] = written;
  assert.ok(piece instanceof Uint8Array);
  assert.deepEqual([piece.length, isOf(piece)], [200, false]);
});
