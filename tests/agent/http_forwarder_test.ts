/** What the agent does with a request whose connection to the service breaks. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { forwardHttp } from "../../src/agent/http_forwarder.ts";
import { LocalPool } from "../../src/agent/local_pool.ts";
import { systemClock } from "../../src/core/ports.ts";
import { StreamCode } from "../../src/core/stream_codes.ts";
import { Flusher } from "../../src/link/flusher.ts";
import type { Stream, StreamConsumer } from "../../src/link/stream.ts";
import { TcpService } from "../helpers/tcp_echo.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** What the hub gets of one exchange. */
class HubStream {
  text = "";
  readonly over: Promise<{ code: number; notStarted: boolean } | null>;
  readonly #over = Promise.withResolvers<{ code: number; notStarted: boolean } | null>();

  constructor() {
    this.over = this.#over.promise;
  }

  write(bytes: Uint8Array): boolean {
    this.text += Buffer.from(bytes).toString("latin1");
    return true;
  }

  end(): void {
    this.#over.resolve(null);
  }

  consumed(): void {}

  reset(code: number, _reason: string, { notStarted }: { notStarted: boolean }): void {
    this.#over.resolve({ code, notStarted });
  }
}

/** A service that ends a connection at its second request, once that is whole; and an agent's pool for it. */
class Scene implements AsyncDisposable {
  /** What came over each connection. */
  readonly heard: string[] = [];
  readonly service: TcpService;
  readonly pool: LocalPool;

  private constructor(service: TcpService) {
    this.service = service;
    this.pool = new LocalPool({
      host: "127.0.0.1",
      port: service.port,
      tls: null,
      maxConnections: 4,
      idleTimeoutMs: 60_000,
      connectTimeoutMs: 60_000,
      flusher: new Flusher(1024),
    });
  }

  static async start(atSecond: (scene: Scene) => void = () => {}): Promise<Scene> {
    const scene: Scene = new Scene(
      await TcpService.start((socket) => {
        const number = scene.heard.push("") - 1;
        socket.on("data", (chunk: Uint8Array) => {
          const text = scene.heard[number] += Buffer.from(chunk).toString("latin1");
          const requests = [...text.matchAll(/\r\n\r\n(?:hello)?/g)];
          const isWhole = !/Content-Length: 5\r\n\r\n(?!hello)/.test(text);
          if (!isWhole) return;
          if (number === 0 && requests.length === 2) {
            atSecond(scene);
            socket.destroy();
          } else if (requests.length > 0) socket.write(OK);
        });
      }),
    );
    return scene;
  }

  /** Leads one request; gives what the hub gets in the end. */
  async ask(request: string): Promise<HubStream> {
    const stream = new HubStream();
    const consumer: StreamConsumer = forwardHttp(stream as unknown as Stream, {
      pool: this.pool,
      hostHeader: null,
      meter: { bytesRead: 0, bytesWritten: 0 },
      clock: systemClock,
      report: { failed() {}, answered() {}, over() {} },
    });
    consumer.data(new TextEncoder().encode(request));
    await stream.over;
    return stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pool.close();
    await this.service[Symbol.asyncDispose]();
  }
}

const FIRST = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";

Deno.test("HTTP forwarder: a request with a body that was sent is not sent again, least of all without it", async () => {
  for (const method of ["PUT", "DELETE", "OPTIONS", "GET"]) {
    await using scene = await Scene.start();
    assert.equal((await scene.ask(FIRST)).text, OK);
    const request = `${method} /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`;
    const stream = await scene.ask(request);
    assert.deepEqual(await stream.over, { code: StreamCode.localReset, notStarted: false }, method);
    assert.deepEqual(scene.heard, [FIRST + request], method);
  }
});

Deno.test("HTTP forwarder: one without a body that may be sent twice is, over a connection of its own", async () => {
  for (const [line, fields] of [["GET", ""], ["DELETE", ""], ["PUT", "Content-Length: 0\r\n"]] as const) {
    await using scene = await Scene.start();
    assert.equal((await scene.ask(FIRST)).text, OK);
    const request = `${line} /x HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
    assert.equal((await scene.ask(request)).text, OK, line);
    assert.deepEqual(scene.heard, [FIRST + request, request]);
  }
});

Deno.test("HTTP forwarder: what a service has heard of is never said not to have begun", async () => {
  await using scene = await Scene.start(({ service }) => void service[Symbol.asyncDispose]());
  assert.equal((await scene.ask(FIRST)).text, OK);
  const stream = await scene.ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.deepEqual(await stream.over, { code: StreamCode.localRefused, notStarted: false });
  const never = await scene.ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.deepEqual(await never.over, { code: StreamCode.localRefused, notStarted: true });
});
