/**
 * One agent: its connections to the hub, the tunnels that it keeps registered there with the local services behind
 * them, the destinations that it leads to, and the requests that it answers. It goes on for ever; `stop` gives the tunnels back, lets what runs finish, and leaves nothing.
 */
import { TrunklineError } from "../core/errors.ts";
import type { Clock, Logger } from "../core/ports.ts";
import type { Resolve } from "../link/resolver.ts";
import { TurnClock } from "../link/turn_clock.ts";
import type { ComponentHealth, Readiness } from "../metrics/health.ts";
import { AgentCounts, type AgentErrorKind } from "./agent_counts.ts";
import { AgentLink, type AgentLinkOptions } from "./agent_link.ts";
import {
  type AgentOffer,
  AgentStreams,
  type AgentStreamsOptions,
  type ConfiguredTunnel,
} from "./agent_streams.ts";
import { ConfiguredServices } from "./configured_services.ts";
import { localCause } from "./local_fault.ts";
import { ProblemLog } from "./problem_log.ts";
import { createAgentTurns } from "./session_parts.ts";
import { FILE_NAMES, type SettingNames } from "./setting_names.ts";
import type { TunnelState, TunnelStatus, WantedTunnel } from "./tunnel_client.ts";

/** What an agent is made of. */
export interface AgentOptions extends Omit<AgentLinkOptions, "onTunnel" | "onGivenBack" | "turns"> {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly offer: AgentOffer;
  /** Ends the turns of its event loop. @default by `setImmediate` */
  readonly atEndOfTurn?: (run: () => void) => void;
  /** Finds what others want to reach. @default the system is asked */
  readonly resolve?: Resolve | undefined;
  /** Told of each request over HTTP, as soon as it is known what becomes of it. */
  readonly onRequest?: AgentStreamsOptions["onRequest"];
  /** Told at each change of a tunnel. */
  readonly onTunnel?: (status: TunnelStatus) => void;
}

/** How long the hub may take to say that it heard of the tunnels' end. */
const LEAVE_MS = 2000;

/** One agent. */
export class Agent {
  readonly link: AgentLink;
  readonly streams: AgentStreams;
  readonly services: ConfiguredServices;
  readonly counts = new AgentCounts();
  #isStopping = false;

  constructor(options: AgentOptions) {
    const { logger, clock, offer, target: { names = FILE_NAMES }, onTunnel, onState, onRequest, resolve } =
      options;
    const { errors } = this.counts;
    const problems = new ProblemLog(logger, { clock });
    const fail = (kind: AgentErrorKind, error: TrunklineError) => {
      errors[kind]++;
      problems.tell(error);
    };
    const turns = createAgentTurns(options.atEndOfTurn);
    this.link = new AgentLink({
      ...options,
      turns,
      onTunnel: (status) => {
        if (status.state.kind === "refused") errors.tunnel++;
        logTunnel(status, logger);
        onTunnel?.(status);
      },
      onGivenBack: ({ name: tunnel }, url) => logger.info("A tunnel was given back", { tunnel, url }),
      onState: (state) => {
        if (state.kind === "waiting") errors.connection++;
        onState?.(state);
      },
    });
    this.streams = new AgentStreams({
      tunnels: this.link.tunnels,
      flusher: turns.flusher,
      clock: new TurnClock(clock, turns.turns),
      onFailure: (tunnel, reason) => fail("local", unreachable(tunnel, { reason, names })),
      onDenied: (target, detail) => fail("destination", notLed(target, detail)),
      onDone: (name, result) => this.counts.done(name, result),
      resolve,
      ...(onRequest === undefined ? {} : { onRequest }),
    });
    this.services = new ConfiguredServices({
      messages: this.link.messages,
      logger,
      onDone: (topic, { ms, error }) => {
        if (error !== null) fail("service", unanswered(topic, error));
        this.counts.done(topic, { ms, isOk: error === null });
      },
    });
    this.link.onStream((stream, open) => this.streams.accept(stream, open));
    this.update(offer);
  }

  /** Whether it can be reached through its hub, and each tunnel's own answer. */
  readiness(): Readiness {
    const { connectionStatus, tunnels } = this.link;
    const components = {
      hub: { status: connectionStatus === 1 ? "up" as const : "down" as const },
      ...Object.fromEntries(
        tunnels.statuses.map(({ wanted, state }) => [`tunnel ${wanted.name}`, healthOf(state)]),
      ),
    };
    const status = connectionStatus === 1 ? "ok" : "unready";
    return { status, phase: this.#isStopping ? "draining" : "running", components };
  }

  /** Begins to connect; of no effect later. */
  start(): void {
    this.link.start();
  }

  /**
   * Looks whether it can offer these tunnels, destinations and services, and changes nothing. What it gives makes them
   * its own, and cannot fail. Throws `certificate_invalid` for a file that cannot be used.
   */
  prepare({ services, ...offer }: AgentOffer): () => void {
    const takeOverStreams = this.streams.prepare(offer);
    return () => {
      takeOverStreams();
      this.services.update(services);
      this.link.tunnels.update(offer.tunnels.map(wanted));
    };
  }

  /** Does both steps of {@link prepare}. */
  update(offer: AgentOffer): void {
    this.prepare(offer)();
  }

  /**
   * Gives the tunnels back, lets streams and requests that there are go on for `graceMs` at most, and ends everything;
   * resolves when nothing is left.
   */
  async stop(graceMs = 0): Promise<void> {
    this.#isStopping = true;
    await within(LEAVE_MS, this.link.tunnels.leave());
    if (graceMs > 0) await within(graceMs, Promise.all([this.streams.idle(), this.services.finish()]));
    const ended = this.services.stop();
    await this.link.stop();
    await within(LEAVE_MS, ended);
    this.streams.close();
  }
}

/** Until it resolves, or so long. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

function wanted(
  { name, kind, local, subdomain, hostname, remote_port: remotePort }: ConfiguredTunnel,
): WantedTunnel {
  return {
    name,
    kind,
    localAddr: local.text,
    ...(subdomain === null ? {} : { subdomain }),
    ...(hostname === null ? {} : { hostname }),
    ...(remotePort === null ? {} : { remotePort }),
  };
}

function unreachable(
  { name, local }: ConfiguredTunnel,
  { reason, names }: { readonly reason: string; readonly names: SettingNames },
): TrunklineError {
  const cause = localCause(reason, { scheme: local.scheme, names });
  return new TrunklineError("unreachable", `Cannot reach ${local.text} for tunnel ${name}`, {
    details: { cause },
  });
}

function notLed(
  { host, port }: { readonly host: string; readonly port: number },
  detail: string,
): TrunklineError {
  const message = `Cannot lead a stream to ${host}:${port}`;
  return new TrunklineError("unreachable", message, { details: { cause: detail } });
}

function unanswered(topic: string, error: TrunklineError): TrunklineError {
  const seen = error.details["seen"];
  const why = typeof seen === "string" ? `${error.message} (${seen})` : error.message;
  return new TrunklineError(error.code, `Cannot answer a request to ${topic}`, { details: { cause: why } });
}

function healthOf(state: TunnelState): ComponentHealth {
  if (state.kind === "up") return { status: "up", detail: state.url };
  return { status: "down", detail: state.kind === "refused" ? state.message : "waiting for the hub" };
}

function logTunnel({ wanted: { name, localAddr: local }, state }: TunnelStatus, logger: Logger): void {
  if (state.kind === "up") logger.info("A tunnel is up", { tunnel: name, url: state.url, local });
  if (state.kind === "refused") {
    const { code, message, delayMs } = state;
    logger.warning("The hub refused a tunnel; asking again", { tunnel: name, code, cause: message, delayMs });
  }
}
