/**
 * `trunkline tcp`: gives a local service a port of the hub; or, with `--local` and `--to`, a local port that leads
 * through another agent. Runs until a signal.
 */
import type { Agent } from "../agent/agent.ts";
import { LocalListener, type StreamTarget } from "../agent/local_listener.ts";
import { ProblemLog } from "../agent/problem_log.ts";
import { type LocalService, parseLocalService } from "../config/local_service.ts";
import { formatAddress } from "../config/units.ts";
import { TrunklineError } from "../core/errors.ts";
import { type Logger, systemClock } from "../core/ports.ts";
import { Flusher } from "../link/flusher.ts";
import { approximateSize, grouped } from "./figures.ts";
import type { CommandIo, ExitCode } from "./io.ts";
import { quickTunnel } from "./quick_tunnel.ts";
import { type PassingOptions, type Purpose, runPassingAgent } from "./passing_agent.ts";

/** What `tcp` takes. */
export interface TcpOptions extends PassingOptions {
  readonly service?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly tunnelName?: string | undefined;
  readonly proxyProtocol: boolean;
  readonly local?: string | undefined;
  readonly to?: string | undefined;
}

const JOIN_BYTES = 64 * 1024;

/** Runs the command until a signal. Throws a `TrunklineError` when it cannot begin. */
export function runTcp(options: TcpOptions, io: CommandIo): Promise<ExitCode> {
  const { local, to } = options;
  if (local === undefined && to === undefined) return runPassingAgent(options, tunnelOf(options), io);
  return runPassingAgent(options, forwardOf(options, io), io);
}

function tunnelOf({ service, remotePort, tunnelName, proxyProtocol }: TcpOptions): Purpose {
  if (service === undefined) {
    throw usage("Cannot tell what to do: name a service as 5432 or host:5432, or give --local and --to");
  }
  const local = readAddress(service, "reach");
  const tunnel = quickTunnel({
    name: tunnelName ?? `tcp-${local.port}`,
    kind: "tcp",
    local,
    remote_port: remotePort ?? null,
    proxy_protocol: proxyProtocol,
  });
  return { tunnels: [tunnel] };
}

function forwardOf(options: TcpOptions, io: CommandIo): Purpose {
  const { service, local, to, json, quiet } = options;
  if (local === undefined || to === undefined) throw usage("Cannot use --local or --to alone; give both");
  if (service !== undefined) {
    throw usage("Cannot use a service together with --local and --to; leave one or the other out");
  }
  for (const [option, isGiven] of tunnelOptionsOf(options)) {
    if (isGiven) throw usage(`Cannot use ${option} with --local and --to; it is about tunnels`);
  }
  const { host, port } = readAddress(local, "listen on");
  const target = readTarget(to);
  let listener: LocalListener | null = null;
  const route = () => `${formatAddress({ host, port: listener?.port ?? port })} -> ${to}`;
  const begin = async (agent: Agent, logger: Logger) => {
    const problems = new ProblemLog(logger, { clock: systemClock, text: "A connection was not led through" });
    listener = await LocalListener.listen({
      host,
      port,
      target,
      flusher: new Flusher(JOIN_BYTES),
      openStream: (open, consumer) => agent.link.openStream(open, consumer),
      onFailure: (reason) => problems.tell(new TrunklineError("connection_lost", reason)),
    });
    if (json) io.out(JSON.stringify({ event: "listening", host, port: listener.port, target }));
    else if (!quiet && (io.terminal === null || !io.isTerminal)) io.out(`Listening on ${route()}`);
    const opened = listener;
    return (graceMs: number) => opened.close(graceMs);
  };
  return { tunnels: [], begin, more: () => listener === null ? [] : [`${route()}   ${figures(listener)}`] };
}

function figures({ stats: { active, total, failed, bytesRead, bytesWritten } }: LocalListener): string {
  const bad = failed === 0 ? "" : `, ${grouped(failed)} failed`;
  const bytes = `${approximateSize(bytesRead)} sent, ${approximateSize(bytesWritten)} received`;
  return `${grouped(active)} open, ${grouped(total)} in all${bad}, ${bytes}`;
}

function tunnelOptionsOf({ remotePort, tunnelName, proxyProtocol }: TcpOptions): [string, boolean][] {
  return [
    ["--remote-port", remotePort !== undefined],
    ["--name", tunnelName !== undefined],
    ["--proxy-protocol", proxyProtocol],
  ];
}

function readAddress(text: string, what: string): LocalService {
  const service = parseLocalService(text);
  if (service !== null && service.scheme === null) return service;
  throw usage(`Cannot ${what} ${JSON.stringify(text)}: write a port as 5432, or host:port as 127.0.0.1:5432`);
}

/** `agent:host:port`; an IPv6 address stands in brackets. */
function readTarget(text: string): StreamTarget {
  const match = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,62}):(.+)$/.exec(text);
  const service = match === null ? null : parseLocalService(match[2] ?? "");
  // A port alone would be one of the agent's own machine, which is to be said.
  if (match === null || service === null || service.scheme !== null || !/:\d+$/.test(match[2] ?? "")) {
    throw usage(`Cannot go to ${JSON.stringify(text)}: write agent:host:port as edge-1:127.0.0.1:5432`);
  }
  return { agent: match[1] ?? "", host: service.host, port: service.port };
}

function usage(message: string): TrunklineError {
  return new TrunklineError("usage", message);
}
