import assert from "node:assert/strict";
import { decodeProxyHeader } from "../../src/wire/proxy_header.ts";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";

Deno.test("TCP tunnel: bytes go both ways, and each way ends alone", async () => {
  await using hub = await TestHub.start();
  await using echo = await TcpService.echo();
  await using edge = new TunnelAgent(
    `tcp://127.0.0.1:${hub.port}`,
    `[{ name: db, kind: tcp, local: ${echo.port} }]`,
  );
  await using visitor = await Visitor.at(await edge.port("db"));
  visitor.socket.write("hello");
  await visitor.got(5);
  assert.equal(visitor.text, "hello");
  visitor.socket.end(" world");
  await visitor.all;
  assert.equal(visitor.text, "hello world");
  assert.equal(await visitor.closed, null);
});

Deno.test("TCP tunnel: a service that wants it is told who visits by a PROXY header", async () => {
  await using hub = await TestHub.start();
  const { promise: heard, resolve } = Promise.withResolvers<Uint8Array>();
  const parts: Uint8Array[] = [];
  await using service = await TcpService.start((socket) => {
    socket.on("data", (part: Uint8Array) => parts.push(part));
    socket.on("end", () => {
      resolve(Uint8Array.from(parts.flatMap((part) => [...part])));
      socket.end();
    });
  });
  await using edge = new TunnelAgent(
    `tcp://127.0.0.1:${hub.port}`,
    `[{ name: db, kind: tcp, local: ${service.port}, proxy_protocol: true }]`,
  );
  const port = await edge.port("db");
  await using visitor = await Visitor.at(port);
  const source = { ip: "127.0.0.1", port: visitor.socket.localPort ?? 0 };
  visitor.socket.end("hello");
  const bytes = await heard;
  const header = decodeProxyHeader(bytes);
  assert.ok(header.kind === "header");
  assert.deepEqual(header.source, source);
  assert.equal(new TextDecoder().decode(bytes.subarray(header.bytes)), "hello");
});

Deno.test("TCP tunnel: a service that ends first still hears the visitor to the end", async () => {
  await using hub = await TestHub.start();
  const heard = Promise.withResolvers<string>();
  await using service = await TcpService.start((socket) => {
    let text = "";
    socket.end("bye");
    socket.on("data", (chunk: Uint8Array) => text += new TextDecoder().decode(chunk));
    socket.on("end", () => heard.resolve(text));
  });
  await using edge = new TunnelAgent(
    `tcp://127.0.0.1:${hub.port}`,
    `[{ name: db, kind: tcp, local: ${service.port} }]`,
  );
  await using visitor = await Visitor.at(await edge.port("db"));
  await visitor.all;
  assert.equal(visitor.text, "bye");
  visitor.socket.end("one more thing");
  assert.equal(await heard.promise, "one more thing");
  assert.equal(await visitor.closed, null);
});
