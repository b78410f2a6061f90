/**
 * The tunnels of one hub: who registered which, under which host name or port. A name leads to one tunnel at a time
 * and belongs to its account, for a while also after the agent is gone; registering the same tunnel again changes
 * nothing. Registrations of one agent are taken one after the other.
 */
import type { Clock } from "../core/ports.ts";
import type { RegisterTunnel } from "../wire/frame_payloads.ts";
import { agentKey, type AgentPools } from "./agent_pools.ts";
import type { AgentName } from "./agent_sessions.ts";
import type { AgentLink } from "./frame_services.ts";
import { type Claim, type NameHolder, NameLeases } from "./name_leases.ts";
import { Registrations } from "./registrations.ts";
import type { ListenRefusal } from "./tcp_listener.ts";
import { emptyStats, type Tunnel, type TunnelRefusal } from "./tunnel.ts";
import { candidates } from "./tunnel_candidates.ts";
import {
  allowsChosen,
  type Asker,
  notAllowed,
  refuseHost,
  refusePort,
  type TunnelSettings,
  type WantedName,
  wantedName,
} from "./tunnel_rules.ts";

/** Where visitors of tunnels with a port come in. */
export interface TunnelDoors {
  /** Listens on the tunnel's port. */
  open(tunnel: Tunnel): Promise<ListenRefusal | null>;
  /** Listens no more; visitors who are there stay with their streams. Resolves once the port is free. */
  close(tunnel: Tunnel): Promise<void>;
}

/** Who has a tunnel. */
export type TunnelOwner = Pick<AgentName, "tenant" | "account">;

/** How many tunnels somebody may have. */
export interface TunnelQuota {
  /** What is in the way of one more; `null`: nothing. */
  refusal(owner: TunnelOwner): { readonly scope: string; readonly limit: number } | null;
  /** There is one more, or one less. */
  count(owner: TunnelOwner, change: 1 | -1): void;
}

/** What a registry works with. */
export interface TunnelRegistryOptions {
  readonly settings: TunnelSettings;
  readonly pools: AgentPools;
  readonly doors: TunnelDoors;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly wallClock: Clock;
  /** How long a name is kept after its agent left, in milliseconds. */
  readonly leaseMs: number;
  readonly quota: TunnelQuota;
  /** How visitors reach a host name or port. */
  readonly urlOf: (place: { readonly host: string | null; readonly port: number | null }) => string;
  readonly random: () => number;
}

/** A registration under way. */
interface Asking {
  readonly request: RegisterTunnel;
  readonly link: AgentLink;
  readonly holder: NameHolder;
  readonly asker: Asker;
}

/** Tunnels of one hub, and of one agent, whatever its account may have. */
export const MAX_TUNNELS = 20_000;
export const MAX_AGENT_TUNNELS = 1000;

const NOTHING_FREE: Readonly<Record<"any_port" | "any_host", TunnelRefusal>> = {
  any_port: { code: "port_taken", message: "There is no free port left (tunnel.tcp_ports)" },
  any_host: { code: "name_taken", message: "There is no free name left" },
};
const GONE: TunnelRefusal = { code: "server_unavailable", message: "The agent is gone" };

/** The tunnels of one hub. */
export class TunnelRegistry {
  readonly #options: TunnelRegistryOptions;
  readonly #leases: NameLeases;
  readonly #registrations = new Registrations();
  readonly #byId = new Map<number, Tunnel>();
  readonly #byHost = new Map<string, Tunnel>();
  readonly #byAgent = new Map<string, Set<Tunnel>>();
  /** Begins anywhere, so that nobody takes a tunnel for one of the hub that was here before. */
  #lastId: number;
  #nextPort = 0;

  constructor(options: TunnelRegistryOptions) {
    this.#options = options;
    this.#leases = new NameLeases(options.leaseMs);
    this.#lastId = Math.floor(options.random() * 0x8000_0000);
  }

  /** How many tunnels there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** All tunnels, the oldest first. */
  all(): Iterable<Tunnel> {
    return this.#byId.values();
  }

  find(id: number): Tunnel | undefined {
    return this.#byId.get(id);
  }

  /** The tunnel of a host name in lower case; `away`: it will be back, or was here a moment ago. */
  atHost(host: string): Tunnel | "away" | undefined {
    const tunnel = this.#byHost.get(host);
    if (tunnel !== undefined) return tunnel;
    return this.#leases.keptFor(hostKey(host), this.#options.clock.now()) === undefined ? undefined : "away";
  }

  /** The tunnels of an agent. */
  ofAgent(name: AgentName): readonly Tunnel[] {
    return [...this.#byAgent.get(agentKey(name)) ?? []];
  }

  /** Registers a tunnel, or says why not. Resolves when visitors can come; does not reject. */
  register(request: RegisterTunnel, link: AgentLink): Promise<Tunnel | TunnelRefusal> {
    return this.#registrations.run(agentKey(link.name), () => this.#register(request, link));
  }

  /** Takes a tunnel away. `isGivenBack`: its name is free for all. `false`: it was not there. */
  remove(tunnel: Tunnel, { isGivenBack }: { isGivenBack: boolean }): boolean {
    if (!this.#byId.delete(tunnel.id)) return false;
    const { host, port, agent } = tunnel;
    if (host !== null) this.#byHost.delete(host);
    const key = agentKey(agent);
    const own = this.#byAgent.get(key);
    own?.delete(tunnel);
    if (own?.size === 0) this.#byAgent.delete(key);
    this.#options.quota.count(agent, -1);
    const nowMs = this.#options.clock.now();
    this.#leases.release(nameKey({ host, port }), { nowMs, isGivenBack });
    if (port !== null) void this.#options.doors.close(tunnel);
    return true;
  }

  /** Why the agent of a tunnel could not have it any more; `null`: it could. */
  judge({ request, host, port }: Tunnel, { principal }: AgentLink): TunnelRefusal | null {
    const { settings } = this.#options;
    if (principal === null) return GONE;
    const wanted = wantedName(request, settings);
    if ("code" in wanted) return wanted;
    const asker = { principal, settings };
    if (isExact(wanted)) return refuseExact(wanted, asker);
    const chosen = host ?? String(port);
    const name = request.name ?? null;
    return allowsChosen(chosen, { ...asker, name }) ? null : notAllowed(chosen);
  }

  async #register(request: RegisterTunnel, link: AgentLink): Promise<Tunnel | TunnelRefusal> {
    const { settings } = this.#options;
    const { principal, name: agent } = link;
    if (principal === null || !this.#isThere(link)) return GONE;
    const wanted = wantedName(request, settings);
    if ("code" in wanted) return wanted;
    const known = this.#known(request, link);
    if (known !== undefined) {
      const isSame = isSameRequest(known.request, request) || isSamePlace(known, { request, wanted });
      if (known.session === link.session && isSame) {
        return this.judge(known, link) ?? known;
      }
      this.remove(known, { isGivenBack: false });
    }
    const full = this.#fullness(agent);
    if (full !== null) return full;
    const holder = { ...agent, key: JSON.stringify([agentKey(agent), request.name ?? wanted]) };
    const asking = { request, link, holder, asker: { principal, settings } };
    return isExact(wanted) ? await this.#takeExact(wanted, asking) : await this.#takeAny(wanted, asking);
  }

  async #takeExact(wanted: Exact, asking: Asking): Promise<Tunnel | TunnelRefusal> {
    const place = placeOf(wanted);
    // What it was given before it may have again, if it may still have what it asked for then.
    const refusal = refuseExact(wanted, asking.asker);
    if (refusal !== null) return refusal;
    const taken = await this.#take(place, asking);
    if (typeof taken !== "string") return taken;
    return takenRefusal(place, taken);
  }

  async #takeAny(wanted: Exclude<WantedName, Exact>, asking: Asking): Promise<Tunnel | TunnelRefusal> {
    const { clock, random } = this.#options;
    const { holder, asker, request } = asking;
    const prefix = wanted.kind === "any_port" ? "port:" : "host:";
    const leased = this.#leases.leasedBy(holder.key, { prefix, nowMs: clock.now() })?.slice(prefix.length);
    const name = request.name ?? null;
    let refusal: TunnelRefusal | null = null;
    for (const chosen of candidates(wanted, { leased, from: this.#nextPort++, random })) {
      if (!allowsChosen(String(chosen), { ...asker, name })) {
        refusal ??= notAllowed(wanted.kind === "any_port" ? "any port" : "a host name that the hub chooses");
        continue;
      }
      const place = typeof chosen === "number" ? { host: null, port: chosen } : { host: chosen, port: null };
      // Another tunnel of the account may take it by name, but the hub does not give it away.
      const keeper = this.#leases.keptFor(nameKey(place), clock.now());
      if (keeper !== undefined && keeper !== holder.key) continue;
      const taken = await this.#take(place, asking);
      if (typeof taken !== "string") return taken;
      refusal = NOTHING_FREE[wanted.kind];
    }
    return refusal ?? NOTHING_FREE[wanted.kind];
  }

  /** Takes one place, or says who has it. */
  async #take(
    place: Place,
    { request, link, holder }: Asking,
  ): Promise<Tunnel | TunnelRefusal | Exclude<Claim, "granted"> | ListenRefusal> {
    const { clock, doors } = this.#options;
    const key = nameKey(place);
    const claim = this.#leases.claim(key, holder, clock.now());
    if (claim !== "granted") return claim;
    const tunnel = this.#create(place, { request, link });
    const refusal = place.port === null ? null : await doors.open(tunnel);
    const isGone = !this.#isThere(link);
    if (refusal !== null || isGone) {
      this.#leases.release(key, { nowMs: clock.now(), isGivenBack: refusal !== null });
      if (refusal === null && place.port !== null) await doors.close(tunnel);
      return refusal ?? GONE;
    }
    this.#add(tunnel);
    return tunnel;
  }

  #create(place: Place, { request, link }: { request: RegisterTunnel; link: AgentLink }): Tunnel {
    return {
      id: this.#lastId = this.#lastId % 0xffff_ffff + 1,
      kind: request.kind === "http" ? "http" : "tcp",
      name: request.name ?? null,
      agent: link.name,
      session: link.session,
      url: this.#options.urlOf(place),
      ...place,
      localAddr: request.localAddr ?? null,
      createdAtMs: this.#options.wallClock.now(),
      request,
      stats: emptyStats(),
    };
  }

  #add(tunnel: Tunnel): void {
    const { id, host, agent } = tunnel;
    this.#byId.set(id, tunnel);
    if (host !== null) this.#byHost.set(host, tunnel);
    const key = agentKey(agent);
    const own = this.#byAgent.get(key);
    if (own === undefined) this.#byAgent.set(key, new Set([tunnel]));
    else own.add(tunnel);
    this.#options.quota.count(agent, 1);
  }

  /** The tunnel that a request is about, if it is there. */
  #known(request: RegisterTunnel, link: AgentLink): Tunnel | undefined {
    return this.ofAgent(link.name).find((tunnel) =>
      request.name === undefined
        ? tunnel.name === null && isSameRequest(tunnel.request, request)
        : tunnel.name === request.name
    );
  }

  #isThere(link: AgentLink): boolean {
    return this.#options.pools.find(link.name)?.session === link.session;
  }

  /** Which limit one more tunnel would exceed. */
  #fullness(agent: AgentName): TunnelRefusal | null {
    if (this.size >= MAX_TUNNELS) {
      const message = `The hub has as many tunnels as it takes (${MAX_TUNNELS})`;
      return { code: "server_unavailable", message };
    }
    const isFull = (this.#byAgent.get(agentKey(agent))?.size ?? 0) >= MAX_AGENT_TUNNELS;
    const full = isFull ? { scope: "agent", limit: MAX_AGENT_TUNNELS } : this.#options.quota.refusal(agent);
    if (full === null) return null;
    const message = `The ${full.scope} has as many tunnels as it may have (${full.limit})`;
    return { code: "tenant_limit_reached", message };
  }
}

type Exact = Extract<WantedName, { kind: "host" | "port" }>;
interface Place {
  readonly host: string | null;
  readonly port: number | null;
}

function isExact(wanted: WantedName): wanted is Exact {
  return wanted.kind === "host" || wanted.kind === "port";
}

function refuseExact(wanted: Exact, asker: Asker): TunnelRefusal | null {
  return wanted.kind === "host" ? refuseHost(wanted.host, asker) : refusePort(wanted.port, asker);
}

function placeOf(wanted: Exact): Place {
  return wanted.kind === "host" ? { host: wanted.host, port: null } : { host: null, port: wanted.port };
}

function takenRefusal(
  { host, port }: Place,
  taken: Exclude<Claim, "granted"> | ListenRefusal,
): TunnelRefusal {
  const code = host === null ? "port_taken" : "name_taken";
  const what = host ?? `port ${port}`;
  switch (taken) {
    case "held":
      return { code, message: `Another tunnel has ${what}` };
    case "leased":
      return { code, message: `Another account has ${what}, and its agent may come back` };
    case "in_use":
      return { code, message: `Another program on the hub's machine has ${what}` };
    case "not_allowed":
      return { code: "name_not_allowed", message: `The hub cannot listen on ${what}` };
  }
}

function nameKey({ host, port }: Place): string {
  return host === null ? `port:${port}` : hostKey(host);
}

function hostKey(host: string): string {
  return `host:${host}`;
}

/** Whether a tunnel is asked for by the name that the hub chose for it. */
function isSamePlace(
  { host, port, request: { name, localAddr } }: Tunnel,
  { request, wanted }: { readonly request: RegisterTunnel; readonly wanted: WantedName },
): boolean {
  if (!isExact(wanted) || name !== request.name || localAddr !== request.localAddr) return false;
  const place = placeOf(wanted);
  return place.host === host && place.port === port;
}

function isSameRequest(one: RegisterTunnel, other: RegisterTunnel): boolean {
  return JSON.stringify({ ...one, requestId: "" }) === JSON.stringify({ ...other, requestId: "" });
}
