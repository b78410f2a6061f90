/** What goes wrong around a TCP tunnel, and what its visitors see of it. */
import assert from "node:assert/strict";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { RunningAgent } from "../agent/running_agent.ts";
import { AgentProcess } from "../cli/agent_process.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";

const KIB = 1024;
const ignore = Deno.build.os === "windows";

/** A hub and an agent that gives it one local service. */
async function withTunnel(
  local: number,
  use: (scene: { hub: TestHub; edge: TunnelAgent; port: number }) => Promise<void>,
  settings: readonly string[] = [],
): Promise<void> {
  await using hub = await TestHub.start(settings);
  const tunnels = `[{ name: t, kind: tcp, local: ${local} }]`;
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${hub.port}`, tunnels);
  await use({ hub, edge, port: await edge.port("t") });
}

/** What a visitor gets back of what it sends, or the code with which it is cut, also while it connects. */
async function visit(port: number, text: string): Promise<string> {
  try {
    await using visitor = await Visitor.at(port);
    visitor.socket.end(text);
    return await visitor.closed ?? visitor.text;
  } catch (error) {
    return String((error as { code?: string }).code);
  }
}

Deno.test("Tunnel faults: a service that refuses or resets is a reset, and what came before it comes through", async () => {
  await withTunnel(freePort(), async ({ port, hub }) => {
    assert.equal(await visit(port, "hello"), "ECONNRESET");
    await hub.metricBecomes('trunkline_tunnel_connections_refused_total{tunnel="anonymous/edge/t"}', 1);
  });
  await using rude = await TcpService.start((socket) => {
    socket.write("so far");
    socket.once("data", () => socket.resetAndDestroy());
  });
  await withTunnel(rude.port, async ({ port }) => {
    await using visitor = await Visitor.at(port);
    await visitor.got(6);
    visitor.socket.write("and now?");
    assert.equal(await visitor.closed, "ECONNRESET");
    assert.equal(visitor.text, "so far");
  });
});

Deno.test("Tunnel faults: each side may end first, last, or both at once, and the other way goes on", async () => {
  // Answers what came when its visitor ended.
  await using afterwards = await TcpService.start((socket) => {
    const parts: Uint8Array[] = [];
    socket.on("data", (part: Uint8Array) => parts.push(part));
    socket.on("end", () => {
      for (const part of parts) socket.write(part);
      socket.end();
    });
  });
  await withTunnel(afterwards.port, async ({ port }) => {
    assert.equal(await visit(port, "visitor first"), "visitor first");
  });
  // Ends at once, and takes what still comes.
  const heard = Promise.withResolvers<string>();
  await using first = await TcpService.start((socket) => {
    let text = "";
    socket.end("bye");
    socket.on("data", (part: Uint8Array) => text += new TextDecoder().decode(part));
    socket.on("end", () => heard.resolve(text));
  });
  await withTunnel(first.port, async ({ port }) => {
    await using visitor = await Visitor.at(port);
    await visitor.all;
    assert.equal(visitor.text, "bye");
    visitor.socket.end("x".repeat(300 * KIB));
    assert.equal((await heard.promise).length, 300 * KIB);
    assert.equal(await visitor.closed, null);
  });
  await using both = await TcpService.start((socket) => {
    socket.resume();
    socket.end("both");
  });
  await withTunnel(both.port, async ({ port, hub }) => {
    assert.equal(await visit(port, "both"), "both");
    await hub.metricBecomes("tunnel_streams_active", 0);
  });
});

Deno.test("Tunnel faults: who does not read holds up its own stream alone, within its credit", async () => {
  let sent = 0;
  const chunk = new Uint8Array(64 * KIB);
  await using flood = await TcpService.start((socket) => {
    const more = () => {
      while (!socket.destroyed) {
        sent += chunk.length;
        if (!socket.write(chunk)) return;
      }
    };
    socket.on("drain", more);
    more();
  });
  await withTunnel(flood.port, async ({ port, hub }) => {
    await using lazy = await Visitor.at(port);
    lazy.socket.pause();
    await using other = await Visitor.at(port);
    await other.got(8 * 1024 * KIB);
    let before = -1;
    while (before !== sent - other.bytes.length) {
      before = sent - other.bytes.length;
      other.socket.pause();
      await hub.metric("trunkline_stream_buffered_bytes");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(await hub.metric("trunkline_stream_buffered_bytes") < 40 * 1024 * KIB);
    assert.ok(sent - other.bytes.length < 64 * 1024 * KIB, `${sent} bytes were taken of the service`);
  });
});

Deno.test({
  name: "Tunnel faults: an agent that is killed is a reset for its visitors, and its name is kept for it",
  ignore,
  fn: async () => {
    const own = freePort();
    await using hub = await TestHub.start([`tunnel.tcp_ports=${own}-${own}`]);
    await using echo = await TcpService.echo();
    const args = ["tcp", `${echo.port}`, "--agent-id", "edge", "--url", `tcp://127.0.0.1:${hub.port}`];
    await using agent = await AgentProcess.start(args);
    const port = await agent.port();
    await using visitor = await Visitor.at(port);
    visitor.socket.write("hello");
    await visitor.got(5);
    agent.kill("SIGKILL");
    assert.equal(await visitor.closed, "ECONNRESET");
    await agent.ended();
    await hub.metricBecomes('tunnel_registry_size{kind="tcp"}', 0);
    await using again = await AgentProcess.start(args);
    assert.equal(await again.port(), port, "a restarted agent has its port again");
    assert.equal(await visit(port, "again"), "again");
  },
});

Deno.test("Tunnel faults: a hub that is started anew has its agents back under their ports, and messages too", async () => {
  const [hubPort, port, own] = [freePort(), freePort(), freePort()];
  // The usual ports are those of other hubs too.
  const settings = [
    `hub.listen=127.0.0.1:${hubPort}`,
    "shutdown.grace=0s",
    `tunnel.tcp_ports=${own}-${own}`,
  ];
  await using echo = await TcpService.echo();
  const url = `tcp://127.0.0.1:${hubPort}`;
  await using edge = new TunnelAgent(
    url,
    `[
    { name: fixed, kind: tcp, local: ${echo.port}, remote_port: ${port} },
    { name: any, kind: tcp, local: ${echo.port} }]`,
  );
  await using user = new RunningAgent(url, { agentId: "user" });
  let any = 0;
  const heard: string[] = [];
  {
    await using hub = await TestHub.start(settings);
    await edge.reached("fixed", "up");
    any = await edge.port("any");
    await user.was("up");
    await user.link.messages.subscribe(
      "news",
      ({ payload }) => void heard.push(new TextDecoder().decode(payload)),
    );
    await edge.agent.link.messages.deliver("news", "before");
    // Load at the moment of the end.
    const visits = Array.from({ length: 50 }, () => visit(port, "hello"));
    await hub.server.stop();
    for (const seen of await Promise.all(visits)) assert.match(seen, /^(hello|ECONN(RESET|REFUSED))$/);
  }
  assert.notEqual(edge.state("fixed")?.kind, "up");
  await using _again = await TestHub.start(settings);
  await edge.reached("fixed", "up");
  assert.equal(await edge.port("any"), any, "a port that the hub chose is asked for again");
  assert.equal(await visit(port, "again"), "again");
  assert.equal(await visit(any, "again"), "again");
  await user.was("up", 2);
  for (;;) {
    try {
      await edge.agent.link.messages.deliver("news", "after");
      break;
    } catch {
      // The subscriber is not there yet.
    }
  }
  assert.deepEqual([heard[0], heard.at(-1)], ["before", "after"]);
});

Deno.test("Tunnel faults: visitors count as connections of the hub, one too many is reset", async () => {
  await using echo = await TcpService.echo();
  await withTunnel(echo.port, async ({ port, hub }) => {
    await using one = await Visitor.at(port);
    one.socket.write("1");
    await one.got(1);
    await using two = await Visitor.at(port);
    two.socket.write("2");
    await two.got(1);
    assert.equal(await visit(port, "three"), "ECONNRESET");
    await hub.metricBecomes('trunkline_tunnel_connections_refused_total{tunnel="anonymous/edge/t"}', 1);
    one.socket.end();
    await one.closed;
    while (await visit(port, "three") !== "three");
  }, ["hub.max_connections=3"]);
});
