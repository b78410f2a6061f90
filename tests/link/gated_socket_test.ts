import assert from "node:assert/strict";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createSecureContext } from "node:tls";
import { type GatedSocket, PlainSocket, TlsGate } from "../../src/link/gated_socket.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { relayTo } from "../helpers/tcp_echo.ts";

/** Both ends of one connection over real sockets. */
interface Pair extends AsyncDisposable {
  readonly server: GatedSocket;
  readonly client: GatedSocket;
}

type MakePair = (certificates: TestCertificates) => Promise<Pair>;

async function rawPair(): Promise<{ listener: Server; accepted: Socket; dialled: Socket }> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const listener = createServer({ allowHalfOpen: true }, resolve);
  await new Promise<void>((listening) => listener.listen(0, "127.0.0.1", listening));
  const address = listener.address();
  assert.ok(typeof address === "object" && address !== null);
  const dialled = connect(address.port, "127.0.0.1");
  return { listener, accepted: await promise, dialled };
}

const ignore = () => {};

async function closePair(listener: Server, ends: readonly GatedSocket[]): Promise<void> {
  for (const { socket } of ends) {
    socket.on("error", ignore);
    socket.destroy();
  }
  await new Promise<void>((closed) => listener.close(() => closed()));
}

const makePlainPair: MakePair = async () => {
  const { listener, accepted, dialled } = await rawPair();
  const ends = { server: new PlainSocket(accepted), client: new PlainSocket(dialled) };
  return { ...ends, [Symbol.asyncDispose]: () => closePair(listener, [ends.server, ends.client]) };
};

const makeTlsPair: MakePair = async (certificates) => {
  const { listener, accepted, dialled } = await rawPair();
  const secureContext = createSecureContext({ cert: certificates.cert, key: certificates.key });
  const server = TlsGate.server(accepted, { secureContext });
  const client = TlsGate.client(dialled, { ca: certificates.ca, servername: "localhost" });
  await new Promise<void>((secured) => client.socket.once("secureConnect", () => secured()));
  const dispose = async () => {
    await closePair(listener, [server, client]);
    accepted.destroy();
    dialled.destroy();
  };
  return { server, client, [Symbol.asyncDispose]: dispose };
};

const CHUNK = new Uint8Array(64 * 1024).map((_, i) => i * 13 + (i >> 8));

/** Writes chunks until the socket pushes back and stays that way, or `maxBytes` are written. */
async function writeUntilBlocked(socket: Socket, maxBytes: number): Promise<number> {
  let written = 0;
  while (written < maxBytes) {
    written += CHUNK.length;
    if (socket.write(CHUNK)) continue;
    if (!await drainsWithinTurns(socket, 2000)) return written;
  }
  return written;
}

/** Whether the socket drains within so many turns of the event loop in which the other end may read. */
async function drainsWithinTurns(socket: Socket, turns: number): Promise<boolean> {
  let drained = false;
  socket.once("drain", () => drained = true);
  for (let turn = 0; turn < turns && !drained; turn++) await new Promise<void>((next) => setImmediate(next));
  return drained;
}

Deno.test("Gated socket (TLS): a reset is one of the connection below, with or without bytes that wait", async () => {
  using certificates = await TestCertificates.create();
  const secureContext = createSecureContext({ cert: certificates.cert, key: certificates.key });
  for (const waiting of [0, 256]) {
    await using listener = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    await new Promise<void>((listening) => listener.listen(0, "127.0.0.1", listening));
    const address = listener.address();
    assert.ok(typeof address === "object" && address !== null);
    const ended = Promise.withResolvers<string>();
    await using between = await relayTo(address.port, ended.resolve);
    const accepted = new Promise<Socket>((resolve) => listener.once("connection", resolve));
    const dialled = connect(between.port, "127.0.0.1");
    dialled.on("error", ignore);
    const client = TlsGate.client(dialled, { ca: certificates.ca, servername: "localhost" });
    client.socket.on("error", ignore);
    const server = TlsGate.server((await accepted).on("error", ignore), { secureContext });
    server.socket.on("error", ignore);
    server.socket.write("hello");
    await new Promise<void>((first) => client.socket.once("data", () => first()));
    client.pause();
    for (let written = 0; written < waiting; written++) server.socket.write(CHUNK);
    const closed = new Promise<void>((closed) => server.socket.once("close", () => closed()));
    server.reset();
    assert.equal(await ended.promise, "ECONNRESET");
    await closed;
    client.socket.destroy();
    dialled.destroy();
  }
});

const CASES = [
  { name: "plain, server reads", make: makePlainPair, reads: "server" },
  { name: "plain, client reads", make: makePlainPair, reads: "client" },
  { name: "TLS, server reads", make: makeTlsPair, reads: "server" },
  { name: "TLS, client reads", make: makeTlsPair, reads: "client" },
] as const;

for (const { name, make, reads } of CASES) {
  Deno.test(`Gated socket (${name}): a paused reader blocks its peer and memory stays flat`, async () => {
    using certificates = await TestCertificates.create();
    await using pair = await make(certificates);
    const [reader, writer] = reads === "server" ? [pair.server, pair.client] : [pair.client, pair.server];
    let received = 0;
    reader.socket.on("data", (chunk: Uint8Array) => received += chunk.length);
    writer.socket.write("hello");
    await new Promise<void>((first) => reader.socket.once("data", () => first()));
    reader.pause();
    const before = Deno.memoryUsage().rss;
    const limit = 100 * 1024 * 1024;
    const written = await writeUntilBlocked(writer.socket, limit);
    assert.ok(written < limit, "the peer was never blocked");
    assert.equal(received, 5, "nothing is delivered while paused");
    const grown = Deno.memoryUsage().rss - before;
    assert.ok(grown < 48 * 1024 * 1024, `memory grew by ${grown} bytes for a paused peer`);
  });

  Deno.test(`Gated socket (${name}): 64 MB arrive intact over 64 pauses`, async () => {
    using certificates = await TestCertificates.create();
    await using pair = await make(certificates);
    const [reader, writer] = reads === "server" ? [pair.server, pair.client] : [pair.client, pair.server];
    const total = 64 * 1024 * 1024;
    const pauseEvery = total / 64;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let received = 0;
    let pauses = 0;
    reader.socket.on("data", (chunk: Uint8Array) => {
      for (let i = 0; i < chunk.length; i += 997) {
        if (chunk[i] !== CHUNK[(received + i) % CHUNK.length]) {
          reject(new Error(`byte ${received + i} is wrong`));
        }
      }
      received += chunk.length;
      if (received >= pauseEvery * (pauses + 1) && received < total) {
        pauses++;
        reader.pause();
        setImmediate(() => reader.resume());
      }
      if (received >= total) resolve();
    });
    const writing = (async () => {
      for (let written = 0; written < total; written += CHUNK.length) {
        if (!writer.socket.write(CHUNK)) {
          await new Promise<void>((drained) => writer.socket.once("drain", drained));
        }
      }
    })();
    await Promise.all([promise, writing]);
    assert.equal(received, total);
    assert.ok(pauses >= 32, `${pauses} pauses`);
  });
}
