/** The hub of the soaks of tunnels, as a process of its own: see soak/side_process.ts. Told the port to listen on. */
import { processIo } from "../src/cli/io.ts";
import { HubServer } from "../src/server/hub_server.ts";
import { testConfig } from "../tests/helpers/test_hub.ts";
import { answerUsage } from "./side_process.ts";
import { SILENT } from "./silent_logger.ts";
import { measureUsage } from "./usage.ts";

/** What it is told. */
export interface TunnelHubTask {
  /** 0: any that is free. */
  readonly port: number;
}

const { port }: TunnelHubTask = JSON.parse(Deno.args[0] ?? "{}");
const settings = [
  `hub.listen=127.0.0.1:${port}`,
  "hub.heartbeat.interval=250ms",
  "hub.heartbeat.timeout=1s",
  "shutdown.grace=0s",
];
const hub = new HubServer(testConfig(settings), { logger: SILENT, version: "0.0.0-soak" });
await hub.start();
const portOf = (wanted: string) => hub.addresses().find(({ name }) => name === wanted)?.port;
const metricsPort = portOf("metrics");
processIo.out(JSON.stringify({ port: portOf("hub"), publicPort: portOf("public") }));
await answerUsage(async () => {
  const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  const lines = (await response.text()).split("\n");
  const valueOf = (name: string) =>
    Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? 0);
  const count = {
    connections: valueOf("trunkline_agents") + valueOf("trunkline_visitor_connections"),
    streams: valueOf("tunnel_streams_active"),
  };
  return await measureUsage(() => count);
});
await hub.stop();
