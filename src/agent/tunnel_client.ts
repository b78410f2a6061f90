/**
 * The tunnels that an agent wants, kept registered at its hub: asked for again after each new connection, and again
 * after a while where the hub refused one. What the hub chose, a port or a host name, is asked for by name the next
 * time, so that a tunnel keeps its address as long as nobody else has it.
 */
import { Backoff } from "../limits/backoff.ts";
import type { RegisterTunnel, TunnelResponse, UnregisterTunnel } from "../wire/frame_payloads.ts";

/** A tunnel as it is wanted. */
export interface WantedTunnel {
  /** Unique among those of the agent. */
  readonly name: string;
  readonly kind: "http" | "tcp";
  readonly subdomain?: string;
  readonly hostname?: string;
  readonly remotePort?: number;
  /** What people are told that it leads to. */
  readonly localAddr: string;
}

/** Where a tunnel stands. */
export type TunnelState =
  | { readonly kind: "waiting" }
  | { readonly kind: "asked" }
  | { readonly kind: "up"; readonly tunnelId: number; readonly url: string }
  | { readonly kind: "refused"; readonly code: string; readonly message: string; readonly delayMs: number };

/** One tunnel with its state. */
export interface TunnelStatus {
  readonly wanted: WantedTunnel;
  readonly state: TunnelState;
}

/** The connection on which the hub is asked. */
export interface TunnelSender {
  register(request: RegisterTunnel): void;
  unregister(request: UnregisterTunnel): void;
}

/** What it works with. */
export interface TunnelClientOptions {
  /** Told at each change of a tunnel's state. */
  readonly onChange: (status: TunnelStatus) => void;
  /** Told of each tunnel that is given back, with the address that it had. @default nobody is */
  readonly onGivenBack?: (wanted: WantedTunnel, url: string) => void;
  /** @default what stands in `Backoff` */
  readonly createBackoff?: () => Backoff;
}

/** Refusals that go away only when somebody changes something. */
const LASTING: ReadonlySet<string> = new Set([
  "name_not_allowed",
  "unsupported_kind",
  "invalid_tunnel_info",
  "tenant_limit_reached",
]);

interface Entry {
  readonly wanted: WantedTunnel;
  readonly backoff: Backoff;
  /** The request that is not answered yet, or was answered last. */
  requestId: string;
  /** What the hub gave it; asked for by name until it is refused. */
  given: { readonly subdomain?: string; readonly hostname?: string; readonly remotePort?: number } | null;
  asksForGiven: boolean;
  state: TunnelState;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** The tunnels of one agent. */
export class TunnelClient {
  readonly #options: TunnelClientOptions;
  readonly #entries = new Map<string, Entry>();
  #sender: TunnelSender | null = null;
  #lastRequest = 0;
  /** What was asked for and is not wanted any more: given back when the hub grants it. */
  readonly #unwanted = new Map<string, WantedTunnel>();
  #leaving: { readonly ids: Set<string>; readonly resolve: () => void } | null = null;

  constructor(options: TunnelClientOptions) {
    this.#options = options;
  }

  /** All tunnels, in the order in which they are wanted. */
  get statuses(): readonly TunnelStatus[] {
    return [...this.#entries.values()].map(({ wanted, state }) => ({ wanted, state }));
  }

  /** The tunnel that the hub calls by this number. */
  find(tunnelId: number): WantedTunnel | undefined {
    for (const { wanted, state } of this.#entries.values()) {
      if (state.kind === "up" && state.tunnelId === tunnelId) return wanted;
    }
    return undefined;
  }

  /** These are the tunnels from now on; those that stay as they are, are not touched. */
  update(wanted: readonly WantedTunnel[]): void {
    for (const [name, entry] of this.#entries) {
      const next = wanted.find((one) => one.name === name);
      if (next !== undefined && isSame(next, entry.wanted)) continue;
      this.#entries.delete(name);
      clearTimeout(entry.timer);
      // The hub would keep its old address for it, as for a tunnel that is only away.
      if (next === undefined || !hasSamePlace(next, entry.wanted)) this.#giveBack(entry);
    }
    for (const one of wanted) if (!this.#entries.has(one.name)) this.#add(one);
  }

  /** The hub can be asked on this connection from now on; it may have forgotten what it was told before. */
  connected(sender: TunnelSender): void {
    this.#sender = sender;
    for (const entry of this.#entries.values()) this.#ask(entry);
  }

  /** There is none any more. */
  disconnected(): void {
    this.#sender = null;
    this.#unwanted.clear();
    for (const entry of this.#entries.values()) {
      clearTimeout(entry.timer);
      if (entry.state.kind !== "waiting") this.#enter(entry, { kind: "waiting" });
    }
    this.#leaving?.resolve();
  }

  /** The hub says what became of a tunnel; what nobody waits for is left alone. */
  answered(response: TunnelResponse): void {
    const { requestId } = response;
    if (this.#leaving?.ids.delete(requestId) === true && this.#leaving.ids.size === 0) {
      this.#leaving.resolve();
    }
    const unwanted = this.#unwanted.get(requestId);
    this.#unwanted.delete(requestId);
    if (unwanted !== undefined && response.ok && !this.#isWantedThere(unwanted)) {
      const { tunnelId } = response;
      this.#sender?.unregister({ requestId: this.#nextId(), tunnelId });
    }
    for (const entry of this.#entries.values()) {
      if (entry.requestId !== requestId) continue;
      if (response.ok) this.#taken(entry, response);
      else this.#refused(entry, response);
    }
  }

  /** Gives all tunnels back; resolves when the hub knows, or there is no connection. Nothing is asked for any more. */
  async leave(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const ids = new Set<string>();
    this.#leaving = { ids, resolve };
    for (const entry of this.#entries.values()) {
      clearTimeout(entry.timer);
      const requestId = this.#giveBack(entry);
      if (requestId !== null) ids.add(requestId);
    }
    this.#entries.clear();
    if (ids.size === 0) resolve();
    await promise;
  }

  /** Whether it was taken away and is wanted again: the hub has one tunnel for both requests. */
  #isWantedThere(tunnel: WantedTunnel): boolean {
    const now = this.#entries.get(tunnel.name);
    return now !== undefined && hasSamePlace(now.wanted, tunnel);
  }

  #add(wanted: WantedTunnel): void {
    const entry: Entry = {
      wanted,
      backoff: this.#options.createBackoff?.() ?? new Backoff({ random: Math.random }),
      requestId: "",
      given: null,
      asksForGiven: false,
      state: { kind: "waiting" },
      timer: undefined,
    };
    this.#entries.set(wanted.name, entry);
    this.#ask(entry);
  }

  #ask(entry: Entry): void {
    clearTimeout(entry.timer);
    if (this.#sender === null) return;
    const { name, kind, subdomain, hostname, remotePort, localAddr } = entry.wanted;
    entry.requestId = this.#nextId();
    entry.asksForGiven = entry.given !== null;
    if (entry.state.kind !== "up") this.#enter(entry, { kind: "asked" });
    this.#sender.register({
      requestId: entry.requestId,
      kind,
      name,
      localAddr,
      ...(subdomain === undefined ? {} : { subdomain }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(remotePort === undefined ? {} : { remotePort }),
      ...entry.given,
    });
  }

  #taken(entry: Entry, { tunnelId, url }: Extract<TunnelResponse, { ok: true }>): void {
    entry.given = chosenPlace(entry.wanted, url);
    const { state } = entry;
    if (state.kind === "up" && state.tunnelId === tunnelId && state.url === url) return;
    this.#enter(entry, { kind: "up", tunnelId, url });
  }

  #refused(entry: Entry, { code, message }: Extract<TunnelResponse, { ok: false }>): void {
    if (entry.asksForGiven) {
      // Somebody else has what it had: any other will do.
      entry.given = null;
      return this.#ask(entry);
    }
    const delayMs = entry.backoff.next(LASTING.has(code) ? "refused" : "transient");
    entry.timer = setTimeout(() => this.#ask(entry), delayMs);
    this.#enter(entry, { kind: "refused", code, message, delayMs });
  }

  /** The id of the request by which a tunnel is given back; `null` where the hub has none. */
  #giveBack({ wanted, state, requestId: asked }: Entry): string | null {
    if (this.#sender === null) return null;
    if (state.kind === "asked") this.#unwanted.set(asked, wanted);
    if (state.kind !== "up") return null;
    const requestId = this.#nextId();
    this.#sender.unregister({ requestId, tunnelId: state.tunnelId });
    this.#options.onGivenBack?.(wanted, state.url);
    return requestId;
  }

  #enter(entry: Entry, state: TunnelState): void {
    entry.state = state;
    this.#options.onChange({ wanted: entry.wanted, state });
  }

  #nextId(): string {
    return `t${++this.#lastRequest}`;
  }
}

function isSame(one: WantedTunnel, other: WantedTunnel): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Whether they have the same address at the hub; where the hub chooses it, it may. */
function hasSamePlace(one: WantedTunnel, other: WantedTunnel): boolean {
  return one.kind === other.kind && one.subdomain === other.subdomain && one.hostname === other.hostname &&
    one.remotePort === other.remotePort;
}

/** What the hub chose for a tunnel that asked for nothing by name. */
function chosenPlace({ kind, subdomain, hostname, remotePort }: WantedTunnel, url: string): Entry["given"] {
  const place = URL.parse(url);
  if (place === null) return null;
  if (kind === "tcp") {
    const port = Number(place.port);
    return remotePort === undefined && port > 0 ? { remotePort: port } : null;
  }
  return subdomain === undefined && hostname === undefined ? { hostname: place.hostname } : null;
}
