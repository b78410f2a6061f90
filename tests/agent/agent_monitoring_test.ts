/** What an agent serves to those who watch it. */
import assert from "node:assert/strict";
import { startAgentMonitoring } from "../../src/agent/agent_monitoring.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { TunnelAgent } from "./tunnel_agent.ts";

/** The agent's page at a path. */
async function withPages(
  edge: TunnelAgent,
  use: (get: (path: string) => Promise<{ status: number; text: string }>) => Promise<void>,
): Promise<void> {
  const exposition = startAgentMonitoring({ enabled: true, listen: { host: "127.0.0.1", port: 0 } }, {
    agent: edge.agent,
    version: "0.0.0-test",
    logger: new MemoryLogger(),
  });
  assert.ok(exposition !== null);
  try {
    await use(async (path) => {
      const response = await fetch(`http://127.0.0.1:${exposition.address.port}${path}`);
      return { status: response.status, text: await response.text() };
    });
  } finally {
    await exposition.stop();
  }
}

function valueOf(text: string, series: string): number {
  const line = text.split("\n").find((line) => line.startsWith(`${series} `));
  assert.ok(line !== undefined, `${series} is not there`);
  return Number(line.slice(series.length + 1));
}

Deno.test("Agent monitoring: metrics of tunnels, connections and errors, and the health", async () => {
  await using hub = await TestHub.start();
  await using echo = await TcpService.echo();
  const tunnels = `[{ name: db, kind: tcp, local: ${echo.port} },
    { name: gone, kind: tcp, local: ${freePort()} },
    { name: taken, kind: tcp, local: 1, remote_port: ${echo.port} }]`;
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${hub.port}`, tunnels);
  await withPages(edge, async (get) => {
    const port = await edge.port("db");
    await edge.reached("taken", "refused");
    {
      await using visitor = await Visitor.at(port);
      visitor.socket.end("hello");
      await visitor.all;
      await using refused = await Visitor.at(await edge.port("gone"));
      assert.equal(await refused.closed, "ECONNRESET");
    }
    while (edge.agent.counts.requests.size < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    let { text } = await get("/metrics");
    // It asks again now and then.
    while (valueOf(text, 'agent_tunnels{state="refused"}') !== 1) ({ text } = await get("/metrics"));
    const expected: [string, number][] = [
      ["agent_connection_status", 1],
      ["agent_connections", 1],
      ["agent_connections_total", 1],
      ['agent_tunnels{state="up"}', 2],
      ['agent_tunnels{state="refused"}', 1],
      ['agent_requests_total{name="db",result="ok"}', 1],
      ['agent_requests_total{name="gone",result="failed"}', 1],
      ['agent_request_duration_seconds_count{name="db"}', 1],
      ['agent_request_duration_seconds_bucket{le="+Inf",name="gone"}', 1],
      ['agent_errors_total{kind="local"}', 1],
      ['agent_errors_total{kind="connection"}', 0],
      ['agent_streams_active{name="db"}', 0],
      ['agent_received_bytes_total{name="db"}', 5],
      ['agent_sent_bytes_total{name="db"}', 5],
    ];
    for (const [series, value] of expected) assert.equal(valueOf(text, series), value, series);
    assert.ok(valueOf(text, 'agent_errors_total{kind="tunnel"}') >= 1);
    const { status, text: health } = await get("/healthz");
    assert.equal(status, 200);
    const { components } = JSON.parse(health);
    assert.deepEqual(components.hub, { status: "up" });
    assert.equal(components["tunnel db"].status, "up");
    assert.equal(components["tunnel taken"].status, "down");
  });
});

Deno.test("Agent monitoring: without its hub an agent is not healthy", async () => {
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${freePort()}`, "[]");
  await withPages(edge, async (get) => {
    while (edge.agent.counts.errors.connection === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const { status, text } = await get("/healthz");
    assert.deepEqual([status, JSON.parse(text).status], [503, "unready"]);
    const { text: metrics } = await get("/metrics");
    assert.equal(valueOf(metrics, "agent_connection_status"), 0);
    assert.ok(valueOf(metrics, 'agent_errors_total{kind="connection"}') >= 1);
  });
});

Deno.test("Agent monitoring: switched off it is not there, a port in use is an error", async () => {
  await using echo = await TcpService.echo();
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${freePort()}`, "[]");
  const options = { agent: edge.agent, version: "0", logger: new MemoryLogger() };
  const listen = { host: "127.0.0.1", port: echo.port };
  assert.equal(startAgentMonitoring({ enabled: false, listen }, options), null);
  assert.throws(() => startAgentMonitoring({ enabled: true, listen }, options), { code: "address_in_use" });
});
