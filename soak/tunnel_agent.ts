/**
 * The agent of the soaks of tunnels, as a process of its own: see soak/side_process.ts. Told the hub's URL, the service
 * and what leads to it.
 */
import { Agent } from "../src/agent/agent.ts";
import { readDialTarget } from "../src/agent/dial_target.ts";
import { processIo } from "../src/cli/io.ts";
import { quickTunnel } from "../src/cli/quick_tunnel.ts";
import { parseHubUrl } from "../src/config/hub_url.ts";
import { parseLocalService } from "../src/config/local_service.ts";
import { defaultAgentConfig } from "../src/config/schema_agent.ts";
import { systemClock } from "../src/core/ports.ts";
import { Backoff } from "../src/limits/backoff.ts";
import { answerUsage } from "./side_process.ts";
import { SILENT } from "./silent_logger.ts";
import { measureUsage } from "./usage.ts";

/** What it is told. */
export interface TunnelAgentTask {
  readonly hub: string;
  readonly service: string;
  /** A port of the hub, or a name of its domain. */
  readonly tunnel: { readonly kind: "tcp"; readonly remotePort: number } | {
    readonly kind: "http";
    readonly subdomain: string;
  };
}

const FIRST_DELAYS = { initialMs: 500, maxMs: 500 };
const task: TunnelAgentTask = JSON.parse(Deno.args[0] ?? "{}");
const url = parseHubUrl(task.hub);
const local = parseLocalService(task.service);
if (typeof url === "string" || local === null) throw new TypeError("Cannot start: the task is wrong");
const where = task.tunnel.kind === "tcp"
  ? { remote_port: task.tunnel.remotePort }
  : { subdomain: task.tunnel.subdomain };
const tunnel = quickTunnel({ name: "soak", kind: task.tunnel.kind, local, ...where });
const agent = new Agent({
  target: readDialTarget({ ...defaultAgentConfig().hub, url }, {}),
  identity: { agentId: "soak", token: null, tenant: null },
  logger: SILENT,
  clock: systemClock,
  // A hub that dies every second is none that delays are made for: here each attempt is as after the first fault.
  backoff: new Backoff({ random: Math.random, transient: FIRST_DELAYS }),
  bounds: { heartbeatIntervalMs: 250, heartbeatTimeoutMs: 1000 },
  offer: { tunnels: [tunnel], allow: [], services: [] },
});
agent.start();
processIo.out(JSON.stringify({ started: true }));
await answerUsage(() =>
  measureUsage(() => ({
    connections: agent.link.connectionStatus,
    streams: agent.streams.stats.get("soak")?.active ?? 0,
  }))
);
await agent.stop();
