/** What a tunnel is: where visitors come in, whose it is, and what went through it. */
import type { ByteMeter } from "../link/socket_pump.ts";
import type { RegisterTunnel } from "../wire/frame_payloads.ts";
import type { AgentName } from "./agent_sessions.ts";

/** What can go through a tunnel as yet. */
export type TunnelKind = "http" | "tcp";

/** What went through a tunnel; from the visitors' side, so what they sent was read. */
export interface TunnelStats extends ByteMeter {
  /** Visitors' connections, or exchanges, that there are. */
  active: number;
  /** Those that there were. */
  total: number;
  /** Those that the agent, or a limit, turned away. */
  refused: number;
}

/** A tunnel that is registered. */
export interface Tunnel {
  /** Unique in this process. */
  readonly id: number;
  readonly kind: TunnelKind;
  /** What its agent calls it; `null` without a name. */
  readonly name: string | null;
  readonly agent: AgentName;
  /** The session of the agent that registered it. */
  readonly session: string;
  /** Where visitors reach it. */
  readonly url: string;
  /** The host name that leads to it, in lower case; `null` where that is a port. */
  readonly host: string | null;
  /** The port that leads to it; `null` where that is a host name. */
  readonly port: number | null;
  /** Where its agent says that it leads; `null` if it does not say. */
  readonly localAddr: string | null;
  /** In milliseconds since 1970. */
  readonly createdAtMs: number;
  /** As its agent asked for it. */
  readonly request: RegisterTunnel;
  readonly stats: TunnelStats;
}

/** Why there is no tunnel, in the words of the protocol. */
export interface TunnelRefusal {
  readonly code:
    | "name_taken"
    | "name_not_allowed"
    | "port_taken"
    | "unsupported_kind"
    | "invalid_tunnel_info"
    | "tenant_limit_reached"
    | "rate_limit_exceeded"
    | "server_unavailable";
  readonly message: string;
}

/** Nothing went through yet. */
export function emptyStats(): TunnelStats {
  return { active: 0, total: 0, refused: 0, bytesRead: 0, bytesWritten: 0 };
}

/** What a tunnel is called where people read it: its name, else where visitors reach it. */
export function tunnelLabel({ name, url }: Pick<Tunnel, "name" | "url">): string {
  return name ?? url;
}
