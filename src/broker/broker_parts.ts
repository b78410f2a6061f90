/**
 * What all sessions of one broker share.
 */
import type { Clock } from "../core/ports.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import type { LoginDesk } from "../hub/login.ts";
import type { ReadOptions } from "../wire/text_message.ts";
import type { BrokerStats } from "./broker_stats.ts";
import type { LogFeed } from "./log_feed.ts";
import type { Permissions } from "./permissions.ts";
import type { SystemTopics } from "./system_topics.ts";
import type { TenantSpaces } from "./tenant_space.ts";

/** What one connection may do. Sizes are bytes, times milliseconds. */
export interface BrokerLimits {
  readonly maxPayloadBytes: number;
  /** A longer message is not read: it ends the connection. */
  readonly maxMessageBytes: number;
  /** The longest time-out that a request may ask for. */
  readonly maxTimeoutMs: number;
  /** Malformed messages a minute; one more ends the connection. */
  readonly maxMalformed: number;
  readonly maxSubscriptions: number;
  /** Messages a second of one connection; 0: without a limit. */
  readonly ratePerService: number;
}

/** The parts of one broker. */
export interface BrokerParts {
  readonly limits: BrokerLimits;
  /** How messages are read. */
  readonly reading: ReadOptions;
  readonly stats: BrokerStats;
  readonly spaces: TenantSpaces;
  readonly systemTopics: SystemTopics;
  readonly permissions: Permissions;
  readonly logs: LogFeed;
  /** Decides who may come in; `null`: everybody may. */
  readonly logins: LoginDesk | null;
  readonly events: SecurityEvents;
  /** Time for rates, which may lag behind by a turn of the event loop. */
  readonly cachedClock: Clock;
  /** The payload that a new connection is greeted with. */
  readonly greeting: (serviceId: string) => Readonly<Record<string, unknown>>;
}
