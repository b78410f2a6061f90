import assert from "node:assert/strict";
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
