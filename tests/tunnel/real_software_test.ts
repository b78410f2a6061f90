/** Programs of others through a TCP tunnel, while the same agent publishes. */
import assert from "node:assert/strict";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { startSub } from "../cli/commands.ts";
import { freePort } from "../helpers/free_port.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { findTool, Program, programOutput } from "../helpers/programs.ts";
import { findOnPath } from "../helpers/tools.ts";

/** Runs something through a tunnel to a port; what the agent publishes meanwhile arrives, in its order. */
async function throughTunnel(local: number, use: (port: number) => Promise<void>): Promise<void> {
  await using hub = await TestHub.start();
  const url = `tcp://127.0.0.1:${hub.port}`;
  await using edge = new TunnelAgent(url, `[{ name: t, kind: tcp, local: ${local} }]`);
  const port = await edge.port("t");
  const sub = await startSub(["news", "--format", "raw", "--count", "21", "--url", url]);
  const used = use(port);
  for (let published = 0; published < 20; published++) {
    await edge.agent.link.messages.deliver("news", `${published}\n`);
  }
  await used;
  await edge.agent.link.messages.deliver("news", "over\n");
  assert.equal(await sub.ended, 0);
  assert.equal(sub.io.text, [...Array(20).keys(), "over"].join("\n"));
}

const MAX_TRIES = 100;

/** What iperf3 tells; a server that has not noticed yet that the last test is over is asked again. */
async function measure(args: readonly string[]): Promise<{ end: { sum_received: { bytes: number } } }> {
  for (let tries = 0;; tries++) {
    const { stdout } = await new Deno.Command(findTool("iperf3"), { args: [...args], stdin: "null" })
      .output();
    const told = JSON.parse(new TextDecoder().decode(stdout));
    if (told.error === undefined) return told;
    assert.match(told.error, /busy|Connection reset by peer/);
    assert.ok(tries < MAX_TRIES, told.error);
  }
}

Deno.test({
  name: "Real software: Redis and its benchmark (needs redis-server) (needs redis-benchmark)",
  ignore: findOnPath("redis-server") === null || findOnPath("redis-benchmark") === null,
  fn: async () => {
    const port = freePort();
    const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    await using _redis = await Program.start("redis-server", { args, port });
    await throughTunnel(port, async (tunnel) => {
      const benchmark = [
        "-h",
        "127.0.0.1",
        "-p",
        `${tunnel}`,
        "-t",
        "set,get,lrange_100",
        "-n",
        "5000",
        "--csv",
      ];
      for (const pipeline of ["1", "16"]) {
        const lines = (await programOutput("redis-benchmark", [...benchmark, "-P", pipeline, "-d", "1000"]))
          .split(
            "\n",
          );
        for (const test of ["SET", "GET", "LRANGE_100"]) {
          assert.ok(lines.some((line) => line.startsWith(`"${test}`)), lines.join("\n"));
        }
      }
    });
  },
});

Deno.test({
  name: "Real software: iperf3 up, down and with many streams (needs iperf3)",
  ignore: findOnPath("iperf3") === null,
  fn: async () => {
    const port = freePort();
    await using _server = await Program.start("iperf3", {
      args: ["--server", "--bind", "127.0.0.1", "--port", `${port}`],
      port,
    });
    await throughTunnel(port, async (tunnel) => {
      for (const more of [[], ["--reverse"], ["--parallel", "8"]]) {
        const args = ["--client", "127.0.0.1", "--port", `${tunnel}`, "--time", "1", "--json", ...more];
        const { end } = await measure(args);
        // What is on its way at the end counts for nobody.
        assert.ok(end.sum_received.bytes >= 4e6, `${more}: ${end.sum_received.bytes} bytes came through`);
      }
    });
  },
});
