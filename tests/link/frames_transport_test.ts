import assert from "node:assert/strict";
import { encodeFrame, encodeMessageFrame, type Frame } from "../../src/wire/frame.ts";
import { until } from "../helpers/event_loop.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { concat } from "../helpers/prefixed.ts";
import { framesOn, framesPair, openOn, socketPair } from "./frames_pair.ts";
import { decoderOf } from "../wire/frames.ts";
import { bytesOf, KIB, pattern } from "./mux_pair.ts";

const CHANNEL = { name: "t", slowConsumer: "close", gapNotice: null } as const;

function messageFrame(text: string) {
  return encodeMessageFrame(new Uint8Array(0), { payload: bytesOf(text), isText: true });
}

testPlainAndTls(
  "Frames transport: streams and messages share a connection, both ways",
  async (certificates) => {
    await using pair = await framesPair({ certificates });
    const { hub, spoke } = pair;
    const [up, down] = [pattern(700 * KIB, 1), pattern(900 * KIB, 2)];
    const opened = [openOn(hub), openOn(spoke)] as const;
    opened[0].stream.write(down);
    opened[0].stream.end();
    opened[1].stream.write(up);
    opened[1].stream.end();
    for (let i = 0; i < 100; i++) {
      hub.transport.outbox.publish(messageFrame(`to the spoke ${i}`), CHANNEL);
      spoke.transport.outbox.push("request", messageFrame(`to the hub ${i}`));
    }
    await Promise.all([hub.owner.got(100), spoke.owner.got(100)]);
    await until(() => [hub, spoke].every(({ owner }) => owner.accepted[0]?.events.includes("end") === true));
    for (const { owner } of [hub, spoke]) owner.accepted[0]?.stream.end();
    await until(() => opened.every((reader) => reader.isOver));
    assert.deepEqual(spoke.owner.accepted[0]?.bytes, down);
    assert.deepEqual(hub.owner.accepted[0]?.bytes, up);
    assert.deepEqual(
      hub.owner.messages.map((message) => new TextDecoder().decode(message)).at(-1),
      "to the hub 99",
    );
    assert.equal(hub.stats.messagesReceived, 100);
    assert.equal(hub.owner.isBinary, true, "nobody checked whether it is UTF-8");
  },
);

testPlainAndTls("Frames transport: a stream that nobody reads holds up nobody", async (certificates) => {
  await using pair = await framesPair({ certificates });
  const { hub, spoke } = pair;
  const stuck = openOn(hub);
  await until(() => spoke.owner.accepted.length === 1);
  const [unread] = spoke.owner.accepted;
  assert.ok(unread);
  unread.isReading = false;
  for (let i = 0; i < 10; i++) stuck.stream.write(pattern(64 * KIB));
  const running = openOn(hub);
  const sent = pattern(4000 * KIB);
  for (let at = 0; at < sent.length; at += 50 * KIB) {
    running.stream.write(sent.subarray(at, at + 50 * KIB));
  }
  hub.transport.outbox.publish(messageFrame("beside them"), CHANNEL);
  await until(() =>
    (spoke.owner.accepted[1]?.chunks.reduce((sum, { length }) => sum + length, 0) ?? 0) === sent.length
  );
  assert.deepEqual(spoke.owner.accepted[1]?.bytes, sent);
  assert.equal(unread.unread, 32 * KIB);
  assert.equal(spoke.owner.messages.length, 1);
  unread.isReading = true;
  unread.read();
  await until(() => unread.chunks.reduce((sum, { length }) => sum + length, 0) === 640 * KIB);
});

testPlainAndTls(
  "Frames transport: a goodbye is an Error frame, and ends all streams of both",
  async (certificates) => {
    await using pair = await framesPair({ certificates });
    const { hub, spoke } = pair;
    const opened = openOn(spoke);
    await until(() => hub.owner.accepted.length === 1);
    hub.transport.outbox.publish(messageFrame("before"), CHANNEL);
    hub.transport.close(4503, "The hub stops", { retryAfterMs: 50 });
    await Promise.all([hub.owner.closed, spoke.owner.closed]);
    assert.deepEqual(spoke.owner.events, ["closing 4503 The hub stops", "closed"]);
    assert.deepEqual(hub.owner.events, ["closing 4503 The hub stops", "closed"]);
    assert.equal(spoke.owner.messages.length, 1, "what waited comes before a goodbye in peace");
    assert.deepEqual(opened.events, ["reset 0 by link"]);
    assert.deepEqual(hub.owner.accepted[0]?.events, ["reset 0 by link"]);
  },
);

testPlainAndTls("Frames transport: heartbeats are answered", async (certificates) => {
  await using pair = await framesPair({ certificates });
  const { hub, spoke } = pair;
  const before = hub.transport.lastHeardMs;
  hub.transport.ask();
  assert.ok((await hub.transport.mux.ping(60_000) ?? -1) >= 0);
  assert.ok(hub.transport.lastHeardMs > before);
  assert.equal(await spoke.transport.mux.ping(60_000) !== null, true);
});

/** One end of frames, the other raw bytes. */
async function rawPair() {
  const sockets = await socketPair(undefined);
  const hub = framesOn(sockets.near, "hub");
  hub.transport.start(new Uint8Array(0));
  const { decoder, sink: { frames } } = decoderOf(100 * KIB);
  sockets.far.socket.on("data", (bytes: Uint8Array) => void decoder.feed(bytes));
  const send = (...sent: Frame[]) =>
    void sockets.far.socket.write(concat(sent.flatMap((frame) => encodeFrame(frame).parts)));
  return { hub, frames, send, sockets, [Symbol.asyncDispose]: () => sockets[Symbol.asyncDispose]() };
}

Deno.test("Frames transport: a fault is told by its close code, and nothing behind it is read", async () => {
  await using pair = await rawPair();
  pair.sockets.far.socket.write(Uint8Array.of(1, 0x24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  pair.send({ kind: "message", message: bytesOf("never"), isText: true });
  await until(() => pair.frames.length > 0);
  const message = "Frames of type 36 are unknown";
  assert.deepEqual(pair.frames, [
    { kind: "error", error: { code: "protocol_error", message, closeCode: 1002 } },
  ]);
  pair.sockets.far.socket.end();
  await pair.hub.owner.closed;
  assert.deepEqual(pair.hub.owner.events, [`closing 1002 ${message}`, "closed"]);
  assert.equal(pair.hub.owner.messages.length, 0);
});

Deno.test("Frames transport: a message of 4 GiB is refused at its header", async () => {
  await using pair = await rawPair();
  pair.sockets.far.socket.write(Uint8Array.of(1, 0x30, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255));
  await until(() => pair.frames.length > 0);
  assert.ok(pair.frames[0]?.kind === "error" && pair.frames[0].error.closeCode === 1009);
});

Deno.test("Frames transport: a FIN in the middle of a frame, or with streams open, is no clean end", async () => {
  for (const sent of ["half", "stream", "nothing"] as const) {
    await using pair = await rawPair();
    if (sent === "half") pair.sockets.far.socket.write(Uint8Array.of(1, 0x21, 0));
    if (sent === "stream") {
      const address = { ip: "10.0.0.1", port: 1 };
      const open = { tunnelId: 1, src: address, dst: address };
      pair.send({ kind: "open_stream", streamId: 1, open, isEnd: false });
    }
    pair.sockets.far.socket.end();
    await pair.hub.owner.closed;
    assert.deepEqual(pair.hub.owner.events, [`closing ${sent === "nothing" ? 1000 : 1006}`, "closed"]);
    assert.deepEqual(
      pair.hub.owner.accepted.map(({ events }) => events),
      sent === "stream" ? [["reset 0 by link"]] : [],
    );
  }
});

Deno.test("Frames transport: half a frame is no sign of life that lasts, and holds little", async () => {
  await using pair = await rawPair();
  pair.sockets.far.socket.write(Uint8Array.of(1, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 7));
  await until(() => pair.hub.stats.bytesReceived === 13);
  pair.hub.transport.expire();
  await until(() => pair.frames.length > 0);
  assert.ok(pair.frames[0]?.kind === "error" && pair.frames[0].error.closeCode === 4408);
});

Deno.test("Frames transport: what is for the owner goes to the owner", async () => {
  await using pair = await rawPair();
  pair.send(
    { kind: "auth_request", request: { agentId: "a", session: "s", features: [] } },
    { kind: "datagram", tunnelId: 1, flowId: 2, packet: bytesOf("x") },
    { kind: "go_away", goAway: { reason: "Enough" } },
  );
  await until(() => pair.hub.owner.goAways.length === 1);
  assert.deepEqual(pair.hub.owner.frames.map(({ kind }) => kind), ["auth_request", "datagram"]);
  assert.deepEqual(pair.hub.owner.goAways, ["Enough"]);
});

Deno.test("Frames transport: a flood of small messages is read within the budget of each turn", async () => {
  await using pair = await rawPair();
  const count = 5000;
  pair.send(...Array.from({ length: count }, (): Frame => ({
    kind: "message",
    message: bytesOf("x"),
    isText: true,
  })));
  let most = 0;
  let before = 0;
  await until(() => {
    most = Math.max(most, pair.hub.owner.messages.length - before);
    before = pair.hub.owner.messages.length;
    return before === count;
  });
  assert.ok(most <= 128, `${most} messages in a turn`);
});
