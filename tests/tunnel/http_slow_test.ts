/** Visitors and services that take their time: none is cut for that, and none makes the hub hold what it has not taken. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { visit } from "../helpers/http_visit.ts";
import { room, TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { HOST, rawService, requestText, statusOf, withService } from "./http_scene.ts";

const MIB = 1024 * 1024;
const LARGE = 128 * MIB;
/** Shorter than what is slow here. */
const SHORT = ["public.response_timeout=400ms", "public.idle_timeout=400ms", "public.header_timeout=400ms"];
/** What sockets and windows of all hops may hold together of a response. */
const MAX_ON_THE_WAY = 64 * MIB;

/** Writes one byte after the other, with a pause that is short beside the limits, for longer than they are. */
async function trickle(socket: Socket, text: string): Promise<void> {
  for (const character of text) {
    await new Promise((passed) => setTimeout(passed, 40));
    socket.write(character);
  }
}

/** A service with a large answer at `/large`, written as it is taken. */
async function largeService() {
  const progress = { written: 0 };
  const chunk = new Uint8Array(64 * 1024);
  const service = await rawService(async (socket, head) => {
    if (!head.startsWith("GET /large")) {
      return void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
    for (; progress.written < LARGE && !socket.destroyed; progress.written += chunk.length) {
      if (!socket.write(chunk)) await room(socket);
    }
  });
  return { service, progress };
}

/** Everything behind the head, counted and not kept. */
function countBody(socket: Socket): { bytes: number } {
  const count = { bytes: 0 };
  let head: string | null = "";
  socket.on("data", (chunk: Uint8Array) => {
    count.bytes += chunk.length;
    if (head === null) return;
    head += Buffer.from(chunk).toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    count.bytes -= end + 4;
    head = null;
  });
  return count;
}

Deno.test("HTTP slowly: an upload of a byte now and then goes on as long as it takes", async () => {
  let got = "";
  await using service = await TcpService.start((socket) => {
    socket.on("data", (chunk: Uint8Array) => {
      got += Buffer.from(chunk).toString();
      if (got.endsWith("and then.")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
  await withService(service.port, async ({ port }) => {
    await using visitor = await Visitor.at(port);
    visitor.socket.write(requestText("POST /", "Content-Length: 20\r\n"));
    await trickle(visitor.socket, "a byte now and then.");
    await visitor.all;
    assert.equal(statusOf(visitor.text), 200);
    assert.ok(got.endsWith("\r\n\r\na byte now and then."));
  }, { settings: SHORT });
});

Deno.test("HTTP slowly: an answer of a byte now and then arrives whole", async () => {
  await using service = await rawService(async (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
    await trickle(socket, "a byte now and then.");
  });
  await withService(service.port, async ({ port }) => {
    assert.equal((await visit(port, { host: HOST })).text, "a byte now and then.");
  }, { settings: SHORT });
});

Deno.test("HTTP slowly: who does not read holds up the service and nobody else, and gets everything in the end", async () => {
  const { service, progress } = await largeService();
  await using _service = service;
  await withService(service.port, async ({ port, hub }) => {
    await using visitor = await Visitor.at(port);
    const count = countBody(visitor.socket);
    visitor.socket.pause();
    visitor.socket.write(requestText("GET /large"));
    // Longer than every limit; others are served meanwhile.
    const startedMs = performance.now();
    for (let times = 0; performance.now() - startedMs < 1000; times++) {
      assert.equal((await visit(port, { host: HOST })).text, "ok");
    }
    assert.ok(progress.written > 0 && progress.written < MAX_ON_THE_WAY, `${progress.written} bytes`);
    assert.ok(await hub.metric("trunkline_stream_buffered_bytes") < 40 * MIB);
    visitor.socket.resume();
    await visitor.all;
    assert.equal(count.bytes, LARGE);
  }, { settings: SHORT });
});

Deno.test("HTTP slowly: a hub that stops lets a download finish, and cuts it where that takes too long", async () => {
  for (const [grace, isWhole] of [["20s", true], ["200ms", false]] as const) {
    const { service } = await largeService();
    await using _service = service;
    await withService(service.port, async ({ port, hub }) => {
      await using visitor = await Visitor.at(port);
      const count = countBody(visitor.socket);
      visitor.socket.on("end", () => visitor.socket.end());
      visitor.socket.write(requestText("GET /large"));
      await visitor.got(1000);
      visitor.socket.pause();
      const stopped = hub.server.stop();
      if (isWhole) visitor.socket.resume();
      await stopped;
      visitor.socket.resume();
      assert.equal(await visitor.closed, isWhole ? null : "ECONNRESET");
      assert.equal(count.bytes === LARGE, isWhole);
    }, { settings: [`shutdown.grace=${grace}`] });
  }
});
