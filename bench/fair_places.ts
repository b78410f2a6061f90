/**
 * Where well-behaved clients and floods meet: a hub as it is shipped, and behind it, for visitors of tunnels, agents and
 * services, each a process of its own.
 */
import type { CertificateFiles } from "./certificate_files.ts";
import type { FairLoad } from "./load/fair_load.ts";
import type { FloodLoad } from "./load/flood_load.ts";
import type { EchoTarget } from "./load/echo_way.ts";
import { LoadProcess } from "./load_process.ts";
import { cpuSecondsOf, type MeasuredServer, startAgent, startHub } from "./processes.ts";
import { startRawRelay } from "./raw_relay.ts";

/** A place that runs. */
export interface FairPlace {
  readonly hub: Pick<MeasuredServer, "cpuSeconds">;
  readonly clients: EchoTarget;
  readonly flooder: EchoTarget;
}

/** A kind of place. */
export interface FairScene {
  readonly name: string;
  /** The scene without a hub beside which this one stands: what the machine makes of so many processes. */
  readonly baseline?: string;
  readonly clients: Omit<FairLoad, "port">;
  readonly flood: Omit<FloodLoad, "port">;
  /** How long is measured at a time: a few thousand echoes. */
  readonly measuredMs: number;
  /** Starts it; what it started goes with `stack`. */
  start(stack: AsyncDisposableStack, env: Readonly<Record<string, string>>): Promise<FairPlace>;
}

const CLIENTS = { clients: 100, payloadBytes: 32, intervalMs: 20 };
/** The queue counts some hundred bytes more for each message than it has. */
const FLOOD = { payloadBytes: 128, batchBytes: 32 * 1024, missingBytes: 128 * 1024 };
/** Each echo goes through four processes here. */
const VISITORS = { ...CLIENTS, intervalMs: 100 };
const HELLO_BYTES = 13;
/** Visitors who ask again as soon as they are answered. */
const FLOODING_VISITORS = { payloadBytes: 0, clients: 32, batchBytes: 1, missingBytes: 0 };
/** A stream that is kept full, in pieces as large as a socket hands them out. */
const SATURATED = { payloadBytes: 64 * 1024 };
/** A stream as full as a network of 1 Gbit/s makes it. */
const GIGABIT = { ...SATURATED, batchBytes: 64 * 1024, bytesPerSecond: 125e6 };

/** Clients of the hub itself. */
function direct(name: string, way: "websocket" | "text" | "frames", tls?: CertificateFiles): FairScene {
  return {
    name,
    clients: CLIENTS,
    flood: FLOOD,
    measuredMs: 1000,
    start: async (stack, env) => {
      const hub = stack.use(await startHub({ set: tls?.settings ?? [], env }));
      const target = { port: hub.port, way, ...(tls === undefined ? {} : { ca: tls.ca }) };
      return { hub, clients: target, flooder: target };
    },
  };
}

/** Visitors of one HTTP tunnel beside those of another agent's. */
const httpTunnels: FairScene = {
  name: "HTTP tunnels",
  clients: VISITORS,
  measuredMs: 3000,
  flood: FLOODING_VISITORS,
  start: async (stack, env) => {
    const hub = stack.use(await startHub({ env }));
    const targets: EchoTarget[] = [];
    for (const name of ["calm", "flooded"]) {
      const service = stack.use(new LoadProcess("hello_service.ts", HELLO_BYTES));
      const url = ["--url", `tcp://127.0.0.1:${hub.port}`, "--agent-id", name, "--quiet"];
      const args = ["http", await service.line(), "--subdomain", name, ...url];
      stack.use(await startAgent(args, env));
      targets.push({ port: hub.publicPort, way: "http", host: `${name}.localhost` });
    }
    const [clients, flooder] = targets;
    if (clients === undefined || flooder === undefined) throw new Error("Cannot start: there are no tunnels");
    return { hub, clients, flooder };
  },
};

/** Small echoes through a TCP tunnel beside a stream of the same agent. */
const tcpTunnel = (name: string, flood: FairScene["flood"], baseline: string): FairScene => ({
  name,
  baseline,
  clients: VISITORS,
  measuredMs: 3000,
  flood,
  start: async (stack, env) => {
    const hub = stack.use(await startHub({ env }));
    const service = stack.use(new LoadProcess("echo_service.ts", null));
    const url = ["--url", `tcp://127.0.0.1:${hub.port}`, "--quiet"];
    const agent = stack.use(await startAgent(["tcp", await service.line(), ...url], env));
    const target: EchoTarget = { port: agent.port, way: "tcp" };
    return { hub, clients: target, flooder: target };
  },
});

/** The same without a hub: two processes that pass bytes on, a connection for a connection. */
const rawRelay = (name: string, flood: FairScene["flood"]): FairScene => ({
  name,
  clients: VISITORS,
  measuredMs: 3000,
  flood,
  start: async (stack) => {
    const service = stack.use(new LoadProcess("echo_service.ts", null));
    const { port, pids: [near = 0] } = stack.use(await startRawRelay(Number(await service.line()), null));
    const target: EchoTarget = { port, way: "tcp" };
    return { hub: { cpuSeconds: () => cpuSecondsOf(near) }, clients: target, flooder: target };
  },
});

/** Every kind of place. */
export function fairScenes(tls: CertificateFiles): FairScene[] {
  return [
    direct("ws", "websocket"),
    direct("wss", "websocket", tls),
    direct("TCP, length prefix", "text"),
    direct("TLS, length prefix", "text", tls),
    direct("frames", "frames"),
    httpTunnels,
    tcpTunnel("TCP tunnel, gigabit", GIGABIT, "raw relay, gigabit"),
    rawRelay("raw relay, gigabit", GIGABIT),
    tcpTunnel("TCP tunnel", SATURATED, "raw relay"),
    rawRelay("raw relay", SATURATED),
  ];
}
