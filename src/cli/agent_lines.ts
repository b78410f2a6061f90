/**
 * What an agent does, for those who read lines: one for each connection and each tunnel that is there, as text or as
 * JSON. As JSON also what goes wrong; for people that is in the log.
 */
import type { Agent } from "../agent/agent.ts";
import type { TunnelStatus } from "../agent/tunnel_client.ts";
import type { Io } from "./io.ts";
import { printable } from "../core/printable.ts";

/** How to print. */
export interface AgentLinesOptions {
  readonly json: boolean;
  /** As a person reads it. */
  readonly hub: string;
  readonly agentId: string;
}

/** Tells of changes, each once. */
export class AgentLines {
  readonly #io: Pick<Io, "out">;
  readonly #options: AgentLinesOptions;
  #link = "";
  /** The last wait for a connection that was told. */
  #waiting: unknown = null;
  readonly #tunnels = new Map<string, TunnelStatus["state"]>();

  constructor(io: Pick<Io, "out">, options: AgentLinesOptions) {
    this.#io = io;
    this.#options = options;
  }

  /** Something may have changed. */
  changed({ link }: Agent): void {
    this.#tellLink(link);
    const statuses = link.tunnels.statuses;
    for (const status of statuses) this.#tellTunnel(status);
    const names = new Set(statuses.map(({ wanted }) => wanted.name));
    for (const name of this.#tunnels.keys()) if (!names.has(name)) this.#tellGone(name);
  }

  #tellLink({ state, connectionStatus }: Agent["link"]): void {
    const { json, hub, agentId } = this.#options;
    const kind = connectionStatus === 1 ? "up" : state.kind;
    // On the way from one to the next there is nothing to tell.
    if (kind === "waiting" ? state === this.#waiting : kind === this.#link || kind !== "up") return;
    const isAgain = kind === this.#link;
    this.#link = kind;
    if (kind === "up") {
      if (json) this.#event({ event: "connected", hub, agent: agentId });
      else this.#io.out(`Connected to ${hub} as ${agentId}`);
    } else if (state.kind === "waiting") {
      this.#waiting = state;
      const event = isAgain ? "retrying" : "disconnected";
      if (json) this.#event({ event, hub, reason: state.failure.text, retryMs: state.delayMs });
    }
  }

  #tellTunnel({ wanted, state }: TunnelStatus): void {
    const { name, localAddr: local, kind } = wanted;
    const before = this.#tunnels.get(name);
    if (before === state) return;
    this.#tunnels.set(name, state);
    if (state.kind === "up") {
      const { url, tunnelId } = state;
      if (this.#options.json) this.#event({ event: "tunnel", state: "up", name, kind, url, local, tunnelId });
      else this.#io.out(`Tunnel ${name}: ${printable(url)} -> ${local}`);
    } else if (this.#options.json && state.kind === "refused") {
      const { code, message, delayMs: retryMs } = state;
      this.#event({ event: "tunnel", state: "refused", name, kind, code, message, retryMs });
    } else if (this.#options.json && state.kind === "waiting" && before !== undefined) {
      this.#event({ event: "tunnel", state: "waiting", name, kind });
    }
  }

  #tellGone(name: string): void {
    const before = this.#tunnels.get(name);
    this.#tunnels.delete(name);
    if (before?.kind !== "up") return;
    if (this.#options.json) this.#event({ event: "tunnel", state: "gone", name });
    else this.#io.out(`Tunnel ${name} is gone`);
  }

  #event(event: Readonly<Record<string, unknown>>): void {
    this.#io.out(JSON.stringify(event));
  }
}
