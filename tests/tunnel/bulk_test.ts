import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { targetOf } from "../agent/dialling.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { HOST, withService } from "./http_scene.ts";
import { testWays } from "./ways.ts";

const MIB = 1024 * 1024;

/** How many large reads are given back while something runs; hub and agents are in this process. */
async function givenBack(run: () => Promise<unknown>): Promise<number> {
  const { transfer } = ArrayBuffer.prototype;
  let count = 0;
  ArrayBuffer.prototype.transfer = function (length) {
    count++;
    return transfer.call(this, length);
  };
  try {
    await run();
  } finally {
    ArrayBuffer.prototype.transfer = transfer;
  }
  return count;
}

/** Rests now and then, so that what comes waits at every place of its way. */
function rest(socket: Pick<Socket, "pause" | "resume">): void {
  if (Math.random() >= 0.1) return;
  socket.pause();
  setTimeout(() => socket.resume(), 1);
}

/** Sends it all, rests now and then in reading the echo, and compares. */
async function visit(port: number, sent: Uint8Array): Promise<void> {
  await using visitor = await Visitor.at(port);
  const { socket } = visitor;
  socket.on("data", () => rest(socket));
  socket.end(sent);
  assert.ok(Buffer.compare(await visitor.all, sent) === 0, "the echo is what was sent");
  assert.equal(await visitor.closed, null);
}

testWays(
  "TCP tunnel: much in both directions at once is whole",
  async ({ settings, via: { inWebSocket, ca } }) => {
    await using hub = await TestHub.start(settings);
    await using echo = await TcpService.echo();
    const scheme = (inWebSocket ? "ws" : "tcp") + (ca === undefined ? "" : "s");
    const url = `${scheme === "tcps" ? "tls" : scheme}://localhost:${hub.port}`;
    const tunnels = `[{ name: db, kind: tcp, local: ${echo.port} }]`;
    await using edge = new TunnelAgent(url, tunnels, {
      target: targetOf(url, ca === undefined ? {} : { ca }),
    });
    const port = await edge.port("db");
    await Promise.all([1, 3, 4].map((size) => visit(port, randomBytes(size * MIB))));
  },
);

/** Sends a body, reads its echo, and compares. */
async function post(port: number, sent: Uint8Array, fields: Readonly<Record<string, string>>): Promise<void> {
  const headers = { host: HOST, connection: "close", ...fields };
  const outgoing = request({ host: "127.0.0.1", port, method: "POST", headers });
  outgoing.end(sent);
  const [response] = await once(outgoing, "response");
  const parts: Uint8Array[] = [];
  response.on("data", (part: Uint8Array) => {
    parts.push(part);
    rest(response);
  });
  await once(response, "end");
  assert.ok(Buffer.compare(Buffer.concat(parts), sent) === 0, "the echo is what was sent");
}

Deno.test("HTTP tunnel: much up and down at once is whole, with its length, in chunks, and upgraded", async () => {
  const server = createServer((request, response) => {
    const length = request.headers["content-length"];
    response.writeHead(200, length === undefined ? {} : { "content-length": length });
    request.pipe(response);
  });
  server.on("upgrade", (_, socket: Socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const upgraded = async (port: number, sent: Uint8Array) => {
    await using visitor = await Visitor.at(port);
    const { socket } = visitor;
    socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
    socket.on("data", () => rest(socket));
    socket.end(sent);
    const got = await visitor.all;
    const head = Buffer.from(got).indexOf("\r\n\r\n") + 4;
    assert.ok(Buffer.compare(got.subarray(head), sent) === 0, "the echo is what was sent");
  };
  try {
    await withService((server.address() as AddressInfo).port, async ({ port }) => {
      const sends = {
        length: () => post(port, randomBytes(4 * MIB), { "content-length": `${4 * MIB}` }),
        chunks: () => post(port, randomBytes(3 * MIB), { "transfer-encoding": "chunked" }),
        upgraded: () => upgraded(port, randomBytes(3 * MIB)),
      };
      await Promise.all(Object.values(sends).map((send) => send()));
      for (const kind of ["length", "upgraded"] as const) {
        const count = await givenBack(sends[kind]);
        assert.ok(count > 20, `${kind}: ${count} reads are given back`);
      }
    });
  } finally {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }
});
