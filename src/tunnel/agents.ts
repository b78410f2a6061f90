/**
 * The agents of one hub: makes the user of each connection of frames, knows the connections that are logged in, and
 * says goodbye to them. Who may be in whose place is decided by {@link AgentSessions}.
 */
import type { ClientCertificate } from "../core/client_certificate.ts";
import type { Clock, Logger } from "../core/ports.ts";
import type { Connection, ConnectionUser } from "../hub/connection.ts";
import type { FramesUser } from "../hub/frames_user.ts";
import type { FramesMember, FramesPlace } from "../hub/json_user.ts";
import type { Login, LoginDesk } from "../hub/login.ts";
import type { AgentLimits } from "./agent_place.ts";
import { AgentSession, type AgentSessionOptions } from "./agent_session.ts";
import { AgentSessions } from "./agent_sessions.ts";
import { AgentStats } from "./agent_stats.ts";
import type { FrameServices } from "./frame_services.ts";

/** What agents work with. */
export interface AgentsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** For how long an agent that left may resume, in milliseconds. */
  readonly leaseMs: number;
  readonly limits: AgentLimits;
  /** Decides who may come in; `null`: everybody may. */
  readonly logins: LoginDesk | null;
  /** Who runs streams. */
  readonly services: FrameServices;
  /** Makes who takes the messages of a connection. */
  readonly createMessages: () => ConnectionUser;
}

/** Connections of one agent: as many as its configuration lets it have. */
export const MAX_POOL = 64;

/** The agents of one hub. */
export class Agents {
  readonly stats = new AgentStats();
  readonly #options: AgentsOptions;
  readonly #sessions: AgentSessions;
  /** The connections that are logged in, by their id. */
  readonly #links = new Map<string, AgentSession>();

  constructor(options: AgentsOptions) {
    this.#options = options;
    const { clock, leaseMs } = options;
    this.#sessions = new AgentSessions({ clock, leaseMs, maxConnections: MAX_POOL });
  }

  /** The connections that are logged in. */
  get links(): Iterable<AgentSession> {
    return this.#links.values();
  }

  /** How many agents there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /** The user of one new connection. `known`: what it logged in with before its first frame. */
  createSession(known: Login | null, certificate: ClientCertificate | null): FramesUser {
    return this.#create({ known, certificate, place: null });
  }

  /** The user of one that logged in in another way: it is an agent from the start, by the id of its connection. */
  createMember({ id, login, features }: FramesMember): FramesPlace {
    const session = crypto.randomUUID();
    const place = { agentId: id, session, features };
    return {
      user: this.#create({ known: login, certificate: null, place }),
      session,
      limits: { ...this.#options.limits },
    };
  }

  #create(
    { known, certificate, place }: Pick<AgentSessionOptions, "known" | "certificate" | "place">,
  ): FramesUser {
    const { limits, logins, services, createMessages, logger } = this.#options;
    return new AgentSession({
      known,
      certificate,
      place,
      limits,
      logins,
      services,
      logger,
      sessions: this.#sessions,
      messages: createMessages(),
      joined: (link, tookOver) => this.#joined(link, tookOver),
      left: (link) => this.#left(link),
    });
  }

  /** Whether a connection has streams. */
  isBusy({ id }: Connection): boolean {
    return (this.#links.get(id)?.streams ?? 0) > 0;
  }

  /** Asks an agent to open no more streams here and to come back later; those that there are go on. */
  goAway({ id }: Connection, retryAfterMs: number): void {
    this.#links.get(id)?.goAway({ reason: "The hub stops", retryAfterMs });
  }

  #joined(link: AgentSession, tookOver: boolean): void {
    this.#links.set(link.id, link);
    this.stats.admitted++;
    if (tookOver) this.stats.takeovers++;
    this.stats.joined(link.accountLabel);
    this.#options.services.joined?.(link);
  }

  #left(link: AgentSession): void {
    if (!this.#links.delete(link.id)) return;
    this.stats.left(link.accountLabel);
    this.#options.services.left?.(link);
  }
}
