/** The tunnels of a hub as people are told of them. */
import { accountOf, type Principal } from "../core/principal.ts";
import type { Tunnel } from "./tunnel.ts";

/** What is told of a tunnel; bytes and connections since it was registered. */
export interface TunnelEntry {
  /** `null` where its agent gave it none. */
  readonly name: string | null;
  readonly kind: string;
  readonly url: string;
  readonly agent: string;
  readonly account: string;
  /** Where its agent says that it leads. */
  readonly local: string | null;
  /** When it was registered, as ISO 8601. */
  readonly createdAt: string;
  /** Visitors that are there. */
  readonly active: number;
  /** Visitors that there were. */
  readonly total: number;
  readonly refused: number;
  /** Bytes that visitors sent. */
  readonly bytesIn: number;
  /** Bytes that visitors got. */
  readonly bytesOut: number;
}

/** The tunnels that somebody sees: those of the own account, an administrator those of the tenant. */
export function* listTunnels(tunnels: Iterable<Tunnel>, principal: Principal): Generator<TunnelEntry> {
  const { tenant, rights } = principal;
  const account = accountOf(principal);
  for (const tunnel of tunnels) {
    const { agent } = tunnel;
    if (agent.tenant === tenant && (rights.isAdmin || agent.account === account)) yield describe(tunnel);
  }
}

function describe({ name, kind, url, agent, localAddr, createdAtMs, stats }: Tunnel): TunnelEntry {
  return {
    name,
    kind,
    url,
    agent: agent.agentId,
    account: agent.account,
    local: localAddr,
    createdAt: new Date(createdAtMs).toISOString(),
    active: stats.active,
    total: stats.total,
    refused: stats.refused,
    bytesIn: stats.bytesRead,
    bytesOut: stats.bytesWritten,
  };
}
