/**
 * The tunnels of one hub: takes the registrations of agents, listens for visitors, and leads streams of spokes through
 * agents. Whatever an agent asks for it is told the outcome; what ends with an agent ends here.
 */
import type { Clock, Logger } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import { HUB_AGENT } from "../core/rights.ts";
import { StreamCode } from "../core/stream_codes.ts";
import type { Resolve } from "../link/resolver.ts";
import type { Flusher } from "../link/flusher.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { OpenRefusal, StreamRefusal } from "../link/stream_mux.ts";
import type { OpenStream, RegisterTunnel, TargetOpen, UnregisterTunnel } from "../wire/frame_payloads.ts";
import { type AgentPool, AgentPools } from "./agent_pools.ts";
import type { AgentLink, FrameServices } from "./frame_services.ts";
import { HubEgress } from "./hub_egress.ts";
import { IdleWatch } from "./idle_watch.ts";
import { joinStreams } from "./stream_joint.ts";
import { type ListenRefusal, TcpListener } from "./tcp_listener.ts";
import { type Tunnel, tunnelLabel, type TunnelRefusal } from "./tunnel.ts";
import { listTunnels, type TunnelEntry } from "./tunnel_list.ts";
import { TunnelLines } from "./tunnel_lines.ts";
import { type TunnelQuota, TunnelRegistry } from "./tunnel_registry.ts";
import type { TunnelSettings } from "./tunnel_rules.ts";
import { TunnelCounts } from "./tunnel_counts.ts";
import type { HubAnswer } from "./http_exchange.ts";
import { VisitorEnds } from "./visitor_ends.ts";
import type { VisitorRoute } from "./visitor_ports.ts";
import type { VisitorAdmission } from "./visitor_admission.ts";

/** What tunnels work with. */
export interface TunnelsOptions {
  readonly clock: Clock;
  readonly wallClock: Clock;
  readonly logger: Logger;
  readonly events: SecurityEvents;
  readonly settings: TunnelSettings;
  /** Address on which the ports of TCP tunnels listen. */
  readonly tcpHost: string;
  /** The name by which visitors reach this hub where it listens on every address. */
  readonly publicHost: string;
  /** How visitors reach a host name at the port of the address of visitors; `null` before it listens. */
  readonly urlOfHost: (host: string, port: number | null) => string;
  readonly leaseMs: number;
  readonly keepAliveMs: number;
  readonly quota: TunnelQuota;
  /** How long nothing may flow through the connection of a TCP visitor; 0: no limit. */
  readonly idleMs: number;
  readonly admission: VisitorAdmission;
  readonly flusher: Flusher;
  /** Finds what spokes want to reach from the hub. @default the system is asked */
  readonly resolve?: Resolve | undefined;
}

const NO_TUNNEL: HubAnswer = { status: 404, message: "There is nothing at this address" };
const AWAY: HubAnswer = { status: 502, message: "The service is not connected at the moment" };

const TOO_MANY: HubAnswer = { status: 429, message: "Too many requests for this address; try again later" };

type Target = TargetOpen["target"];

/** The tunnels. */
export class Tunnels implements FrameServices {
  readonly registry: TunnelRegistry;
  readonly stats = new TunnelCounts();
  /** Visitors of ports that were ended. */
  readonly ends = new VisitorEnds();
  readonly egress: HubEgress;
  /** The port of the address of visitors. */
  publicPort: number | null = null;
  readonly #options: TunnelsOptions;
  readonly #pools = new AgentPools();
  readonly #listeners = new Map<number, TcpListener>();
  readonly #idle: IdleWatch;
  readonly #lines: TunnelLines;

  constructor(options: TunnelsOptions) {
    this.#options = options;
    const { settings, clock, wallClock, leaseMs, quota } = options;
    this.egress = new HubEgress(options);
    this.#idle = new IdleWatch(options.idleMs, clock);
    this.#lines = new TunnelLines(options.logger, clock);
    this.registry = new TunnelRegistry({
      settings,
      pools: this.#pools,
      doors: { open: (tunnel) => this.#listen(tunnel), close: (tunnel) => this.#unlisten(tunnel) },
      clock,
      wallClock,
      leaseMs,
      quota,
      urlOf: ({ host, port }) =>
        host === null ? this.#urlOfPort(port ?? 0) : options.urlOfHost(host, this.publicPort),
      random: randomFraction,
    });
  }

  /** The connection on which the next visitor of a tunnel goes. */
  pick({ agent }: Tunnel): AgentLink | undefined {
    return this.#pools.pick(agent);
  }

  /** Where a host name of a visitor leads, in lower case. */
  visit(host: string): VisitorRoute {
    const tunnel = this.registry.atHost(host);
    if (tunnel === undefined) return { kind: "answer", answer: NO_TUNNEL };
    const link = tunnel === "away" ? undefined : this.pick(tunnel);
    if (tunnel === "away" || link === undefined) return { kind: "answer", answer: AWAY };
    const retryAfterMs = link.quota === null ? 0 : link.quota.takeRequest();
    if (retryAfterMs === 0) return { kind: "tunnel", tunnel, link };
    tunnel.stats.refused++;
    return { kind: "answer", answer: { ...TOO_MANY, retryAfterMs } };
  }

  /** The tunnels that somebody may see. */
  list(principal: Principal): Iterable<TunnelEntry> {
    return listTunnels(this.registry.all(), principal);
  }

  accept(stream: Stream, open: OpenStream, link: AgentLink): StreamConsumer | StreamRefusal {
    if (!("target" in open)) {
      return { code: StreamCode.unknownTunnel, reason: `There is no tunnel ${open.tunnelId} to open here` };
    }
    const { target } = open;
    if (target.agent === HUB_AGENT) return this.egress.accept(stream, target, link);
    if (link.principal?.rights.allowsConnect(target) !== true) return this.#deny(target, link);
    const pool = this.#pools.named(target.agent, link.name);
    const other = pool === undefined ? undefined : this.#pools.pick(pool.name);
    if (other === undefined) {
      return { code: StreamCode.unknownTunnel, reason: `There is no agent ${JSON.stringify(target.agent)}` };
    }
    const src = { ip: link.origin.address, port: open.src?.port ?? 0 };
    const joined = joinStreams(stream, (consumer) => other.open({ target, src }, consumer));
    if (typeof joined === "string") return unopened(joined);
    this.stats.forwarded++;
    return joined;
  }

  register(request: RegisterTunnel, link: AgentLink): void {
    this.registry.register(request, link).then((outcome) => this.#registered(outcome, { request, link }));
  }

  unregister({ requestId, tunnelId }: UnregisterTunnel, link: AgentLink): void {
    const tunnel = this.registry.ofAgent(link.name).find(({ id }) => id === tunnelId);
    if (tunnel === undefined) {
      const message = `There is no tunnel ${tunnelId} of this agent`;
      return link.tell({ requestId, ok: false, code: "invalid_tunnel_info", message });
    }
    this.registry.remove(tunnel, { isGivenBack: true });
    const message = "A tunnel is gone: its agent gave it back";
    this.#lines.tell("info", link, { message, fields: about(tunnel) });
    link.tell({ requestId, ok: true, tunnelId, url: tunnel.url });
  }

  renewed(link: AgentLink): void {
    for (const tunnel of this.registry.ofAgent(link.name)) {
      const refusal = this.registry.judge(tunnel, link);
      if (refusal === null || !this.registry.remove(tunnel, { isGivenBack: true })) continue;
      const message = "A tunnel is gone: its agent may not have it any more";
      this.#lines.tell("warning", link, { message, fields: about(tunnel) });
      link.tell({ requestId: tunnel.request.requestId, ok: false, ...refusal });
    }
  }

  joined(link: AgentLink): void {
    const before = this.#pools.join(link);
    if (before !== null) this.#forgetTunnels(before);
  }

  left(link: AgentLink): void {
    const pool = this.#pools.leave(link);
    if (pool !== null) this.#forgetTunnels(pool);
  }

  /** Takes no visitors any more; those who are there stay. */
  async stopAccepting(): Promise<void> {
    await Promise.all([...this.#listeners.values()].map((listener) => listener.close()));
  }

  /** Ends every visitor that is left. */
  destroyAll(): void {
    for (const listener of this.#listeners.values()) listener.destroyVisitors();
    this.#listeners.clear();
  }

  #registered(
    outcome: Tunnel | TunnelRefusal,
    { request, link }: { request: RegisterTunnel; link: AgentLink },
  ): void {
    const { requestId } = request;
    if ("code" in outcome) {
      this.stats.refusedTunnels++;
      if (outcome.code === "name_not_allowed") {
        const target = request.hostname ?? request.subdomain ??
          String(request.remotePort ?? request.name ?? "any");
        this.#options.events.record({ ...link.origin, kind: "denied", right: "tunnel", target });
      }
      const { name = null, kind } = request;
      const { agentId: agent, account } = link.name;
      const { code, message: cause } = outcome;
      const fields = { agent, account, name, kind, code, cause };
      this.#lines.tell("info", link, { message: "A tunnel is refused", fields });
      return link.tell({ requestId, ok: false, ...outcome });
    }
    this.#lines.tell("info", link, { message: "A tunnel is there", fields: about(outcome) });
    link.tell({ requestId, ok: true, tunnelId: outcome.id, url: outcome.url });
  }

  #deny(target: Target, { origin }: AgentLink): StreamRefusal {
    const { agent, host, port } = target;
    this.#options.events.record({
      ...origin,
      kind: "denied",
      right: "connect",
      target: `${agent}:${host}:${port}`,
    });
    return {
      code: StreamCode.notAllowed,
      reason: `Not allowed to connect through agent ${JSON.stringify(agent)}`,
    };
  }

  #forgetTunnels({ name, session }: AgentPool): void {
    for (const tunnel of this.registry.ofAgent(name)) {
      if (tunnel.session === session) this.registry.remove(tunnel, { isGivenBack: false });
    }
  }

  async #listen(tunnel: Tunnel): Promise<ListenRefusal | null> {
    const { tcpHost, admission, flusher, keepAliveMs, logger } = this.#options;
    const listener = await TcpListener.listen({
      host: tcpHost,
      port: tunnel.port ?? 0,
      tunnelId: tunnel.id,
      stats: tunnel.stats,
      admission,
      flusher,
      keepAliveMs,
      idle: this.#idle,
      onIdle: () => this.ends.count("exchange_idle"),
      pick: () => this.#pools.pick(tunnel.agent),
      onError: (reason) => logger.error("The port of a tunnel failed", { ...about(tunnel), reason }),
    });
    if (typeof listener === "string") return listener;
    this.#listeners.set(tunnel.id, listener);
    return null;
  }

  async #unlisten({ id }: Tunnel): Promise<void> {
    const listener = this.#listeners.get(id);
    this.#listeners.delete(id);
    await listener?.close();
  }

  #urlOfPort(port: number): string {
    const { tcpHost, publicHost } = this.#options;
    const host = tcpHost === "0.0.0.0" || tcpHost === "::" ? publicHost : tcpHost;
    return `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
  }
}

function about(tunnel: Tunnel): Record<string, string | number | null> {
  const { id, kind, url, agent: { agentId: agent, account, tenant } } = tunnel;
  return { tunnel: tunnelLabel(tunnel), id, kind, url, agent, account, tenant };
}

function unopened(why: OpenRefusal): StreamRefusal {
  return why === "too_many"
    ? { code: StreamCode.overLimit, reason: "The agent has as many streams as it takes" }
    : { code: StreamCode.draining, reason: "The agent goes away" };
}

const RANDOM_RANGE = 2 ** 32;

/** From 0 to below 1, not to be guessed. */
function randomFraction(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / RANDOM_RANGE;
}
