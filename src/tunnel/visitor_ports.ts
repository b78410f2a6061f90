/** What the connections of visitors over HTTP need: settings, and the ways to tunnels, logs and metrics. */
import type { Clock } from "../core/ports.ts";
import type { Flusher } from "../link/flusher.ts";
import type { GatedSocket } from "../link/gated_socket.ts";
import type { ExchangeRecord } from "./exchange_record.ts";
import type { AgentLink } from "./frame_services.ts";
import type { HubAnswer } from "./http_exchange.ts";
import type { Tunnel } from "./tunnel.ts";
import type { VisitorEnd } from "./visitor_ends.ts";

/** What all connections of visitors share. */
export interface VisitorSettings {
  readonly protocol: "http" | "https";
  readonly headerTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly responseTimeoutMs: number;
  /** How long a visitor may take nothing of what waits for it. */
  readonly sendTimeoutMs: number;
  /** What a body has to bring on average over the time of a response; 0: a byte is enough. */
  readonly bodyBytesPerSecond: number;
  /** How long nothing may flow either way once a response has begun; 0: no limit. */
  readonly exchangeIdleMs: number;
  /** 0: no limit. */
  readonly maxBodyBytes: number;
  /** Whether the words of this address about other visitors are believed. */
  readonly isTrusted: (ip: string) => boolean;
}

/** Where a host leads: a tunnel with the connection of its agent, or what the hub answers itself. */
export type VisitorRoute =
  | { readonly kind: "tunnel"; readonly tunnel: Tunnel; readonly link: AgentLink }
  | { readonly kind: "answer"; readonly answer: HubAnswer };

/** What connections of visitors work with. */
export interface VisitorPorts {
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly wallClock: Clock;
  readonly flusher: Flusher;
  readonly route: (host: string) => VisitorRoute;
  /** Whether the hub stops: then every response is the last one. */
  readonly isDraining: () => boolean;
  readonly record: (record: ExchangeRecord) => void;
  /** It is ended because it took too long. */
  readonly endedSlow: (reason: VisitorEnd) => void;
  /** It is gone. */
  readonly closed: () => void;
}

/** An accepted connection. */
export interface VisitorSocket {
  readonly link: GatedSocket;
  readonly peer: { readonly ip: string; readonly port: number };
  readonly local: { readonly ip: string; readonly port: number };
}
