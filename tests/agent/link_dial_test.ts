/** A link over real sockets: what it does where frames get through, and where they do not. */
import assert from "node:assert/strict";
import { dial, type DialledLink } from "../../src/agent/dial.ts";
import { Link, type LinkSession } from "../../src/agent/link.ts";
import type { SessionEnd } from "../../src/agent/link_failure.ts";
import { LinkPaths } from "../../src/agent/link_paths.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { systemClock } from "../../src/core/ports.ts";
import { Backoff } from "../../src/limits/backoff.ts";
import { classifyFirstByte } from "../../src/wire/first_byte.ts";
import { CutProxy } from "../helpers/cut_proxy.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { SocketServer } from "../helpers/socket_server.ts";
import { targetOf } from "./dialling.ts";
import { echo, echoFrames } from "./frame_servers.ts";

/** What stands for a login here: the hub says the first byte of frames back. */
const HELLO = Uint8Array.of(0x01);

function openSession({ link, peerClose }: DialledLink, signal: AbortSignal): Promise<LinkSession> {
  const { socket } = link;
  const { promise, resolve, reject } = Promise.withResolvers<LinkSession>();
  const { promise: closed, resolve: end } = Promise.withResolvers<SessionEnd>();
  const blocked = () => {
    reject(new TrunklineError("not_frames", "Cannot log in at the hub: frames do not get through"));
    socket.destroy();
  };
  signal.addEventListener("abort", () => socket.destroy(), { once: true });
  socket.once("data", (chunk: Uint8Array) => {
    if (classifyFirstByte(chunk[0] ?? 0) !== "frames") return blocked();
    resolve({ closed, close: () => void socket.destroy() });
  });
  socket.once("close", () => {
    blocked();
    end({ code: peerClose()?.code ?? null, reason: peerClose()?.reason ?? "", retryAfterMs: null });
  });
  socket.write(HELLO);
  link.resume();
  return promise;
}

/** A link that runs until the end of its scope, and how often it was in which state. */
class Running implements Disposable {
  readonly logger = new MemoryLogger();
  readonly #link: Link<DialledLink, LinkSession>;
  readonly #waiting: { kind: string; count: number; resolve: () => void }[] = [];
  readonly #seen = new Map<string, number>();

  constructor(url: string, { authTimeoutMs = 30_000 } = {}) {
    const target = targetOf(url);
    this.#link = new Link({
      ports: {
        dial: (path, signal) => dial(target, { path, signal }),
        discard: ({ link }) => link.socket.destroy(),
        openSession,
        stateChanged: ({ kind }) => this.#saw(kind),
      },
      paths: new LinkPaths("stream"),
      backoff: new Backoff({ random: () => 0 }),
      clock: systemClock,
      logger: this.logger,
      authTimeoutMs,
    });
    this.#link.start();
  }

  get path(): string {
    const { state } = this.#link;
    return state.kind === "up" ? state.path : state.kind;
  }

  /** Until it was in the state so many times. */
  was(kind: string, count = 1): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ kind, count, resolve });
    this.#tell();
    return promise;
  }

  [Symbol.dispose](): void {
    this.#link.stop();
  }

  #saw(kind: string): void {
    this.#seen.set(kind, (this.#seen.get(kind) ?? 0) + 1);
    this.#tell();
  }

  #tell(): void {
    for (const { kind, count, resolve } of this.#waiting) if ((this.#seen.get(kind) ?? 0) >= count) resolve();
  }
}

Deno.test("Link: goes up on a stream, and again after every cut", async () => {
  await using hub = await SocketServer.open(echo);
  await using proxy = await CutProxy.open(hub.port);
  using running = new Running(`tcp://127.0.0.1:${proxy.port}`);
  for (let round = 1; round <= 5; round++) {
    await running.was("up", round);
    assert.equal(running.path, "stream");
    proxy.cut();
  }
  await running.was("up", 6);
  assert.equal(hub.accepted, 6);
});

Deno.test("Link: where an HTTP server answers frames with an error, a WebSocket is taken", async () => {
  await using hub = await SocketServer.open((socket) => {
    socket.once("data", (chunk) => {
      if (chunk[0] === HELLO[0]) return void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      socket.pause();
      socket.unshift(chunk);
      void echoFrames([])(socket);
    });
  });
  using running = new Running(`tcp://127.0.0.1:${hub.port}`);
  await running.was("up");
  assert.equal(running.path, "websocket");
  assert.equal(running.logger.lines.filter(({ level }) => level === "warning").length, 1);
});

Deno.test("Link: where frames are met with an end or with silence, a WebSocket is taken", async () => {
  for (const end of [true, false]) {
    await using hub = await SocketServer.open((socket) => {
      socket.once("data", (chunk) => {
        if (chunk[0] === HELLO[0]) return void (end ? socket.end() : socket.resume());
        socket.pause();
        socket.unshift(chunk);
        void echoFrames([])(socket);
      });
    });
    using running = new Running(`tcp://127.0.0.1:${hub.port}`, end ? {} : { authTimeoutMs: 200 });
    await running.was("up");
    assert.equal(running.path, "websocket");
  }
});
