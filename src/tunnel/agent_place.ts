/** What an agent is told, or what is known of it, when it is let in. */

/** What an agent is told to keep to, by the names that it has on the wire. */
export interface AgentLimits {
  /** Streams that it may have open at a time; 0: no limit. */
  readonly maxStreams: number;
  readonly initialWindow: number;
  readonly maxWindow: number;
  readonly connectionWindow: number;
  readonly maxPayload: number;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
}

/** Who somebody is that logged in in another way. */
export interface KnownPlace {
  readonly agentId: string;
  readonly session: string;
  readonly features: readonly string[];
}
