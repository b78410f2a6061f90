/**
 * One agent: its connections to the hub, the tunnels that it keeps registered there, and the local services behind
 * them. It goes on for ever; `stop` gives the tunnels back, lets what runs finish, and leaves nothing.
 */
import { TrunklineError } from "../core/errors.ts";
import type { Clock, Logger } from "../core/ports.ts";
import { Flusher } from "../link/flusher.ts";
import { AgentLink, type AgentLinkOptions } from "./agent_link.ts";
import { type AgentOffer, AgentStreams, type ConfiguredTunnel } from "./agent_streams.ts";
import { ProblemLog } from "./problem_log.ts";
import type { TunnelStatus, WantedTunnel } from "./tunnel_client.ts";

/** What an agent is made of. */
export interface AgentOptions extends Omit<AgentLinkOptions, "onTunnel"> {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly offer: AgentOffer;
  /** All addresses of a name. @default the system is asked */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
  /** Told at each change of a tunnel. */
  readonly onTunnel?: (status: TunnelStatus) => void;
}

const JOIN_BYTES = 64 * 1024;
/** How long the hub may take to say that it heard of the tunnels' end. */
const LEAVE_MS = 2000;

/** One agent. */
export class Agent {
  readonly link: AgentLink;
  readonly streams: AgentStreams;

  constructor(options: AgentOptions) {
    const { logger, clock, offer, onTunnel, resolve } = options;
    const problems = new ProblemLog(logger, { clock, text: "A service cannot be reached" });
    this.link = new AgentLink({
      ...options,
      onTunnel: (status) => {
        logTunnel(status, logger);
        onTunnel?.(status);
      },
    });
    this.streams = new AgentStreams({
      tunnels: this.link.tunnels,
      flusher: new Flusher(JOIN_BYTES),
      onFailure: (tunnel, reason) => problems.tell(unreachable(tunnel, reason)),
      onDenied: (target, detail) => problems.tell(notLed(target, detail)),
      ...(resolve === undefined ? {} : { resolve }),
    });
    this.link.onStream((stream, open) => this.streams.accept(stream, open));
    this.update(offer);
  }

  /** Begins to connect; of no effect later. */
  start(): void {
    this.link.start();
  }

  /** These are the tunnels and destinations from now on. */
  update(offer: AgentOffer): void {
    this.streams.update(offer);
    this.link.tunnels.update(offer.tunnels.map(wanted));
  }

  /**
   * Gives the tunnels back, lets the streams that there are go on for `graceMs` at most, and ends everything; resolves
   * when nothing is left.
   */
  async stop(graceMs = 0): Promise<void> {
    await within(LEAVE_MS, this.link.tunnels.leave());
    if (graceMs > 0) await within(graceMs, this.streams.idle());
    await this.link.stop();
  }
}

/** Until it resolves, or so long. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

function wanted({ name, kind, local, subdomain, remote_port: remotePort }: ConfiguredTunnel): WantedTunnel {
  return {
    name,
    kind,
    localAddr: local.text,
    ...(subdomain === null ? {} : { subdomain }),
    ...(remotePort === null ? {} : { remotePort }),
  };
}

function unreachable({ name, local }: ConfiguredTunnel, reason: string): TrunklineError {
  const message = `Cannot reach ${local.text} for tunnel ${name}: ${reason}`;
  return new TrunklineError("unreachable", message);
}

function notLed(
  { host, port }: { readonly host: string; readonly port: number },
  detail: string,
): TrunklineError {
  return new TrunklineError("unreachable", `Cannot lead a stream to ${host}:${port}: ${detail}`);
}

function logTunnel({ wanted: { name, localAddr: local }, state }: TunnelStatus, logger: Logger): void {
  if (state.kind === "up") logger.info("A tunnel is up", { tunnel: name, url: state.url, local });
  if (state.kind === "refused") {
    const { code, message, delayMs } = state;
    logger.warning("The hub refused a tunnel; asking again", { tunnel: name, code, cause: message, delayMs });
  }
}
