/**
 * Which connections belong to which agent. One agent is one account, one agent id and one session (a random number of
 * its process): its connections are a pool. Another session under the same id takes over when it shows the resume
 * token, or when the old one does not answer; otherwise it is refused. So a restarted agent is back at once, and
 * nobody else is in its place.
 */
import { timingSafeEqual } from "node:crypto";
import { CloseCode } from "../core/close_codes.ts";
import type { Clock } from "../core/ports.ts";

/** One connection of an agent. */
export interface AgentConnection {
  /** Unique in this process. */
  readonly id: string;
  /** Whether it shows a sign of life within the time. Does not reject. */
  isAlive(withinMs: number): Promise<boolean>;
  close(code: number, reason: string): void;
}

/** Who an agent says it is; account and tenant are proved. */
export interface AgentName {
  readonly tenant: string;
  readonly account: string;
  readonly agentId: string;
}

/** An agent that wants in. */
export interface Newcomer extends AgentName {
  readonly connection: AgentConnection;
  /** Of its process; the same for all its connections. */
  readonly session: string;
  /** The token of its last login; `null` when it has none. */
  readonly resume: string | null;
}

/** What an agent is told. */
export type Admission =
  | {
    readonly kind: "admitted";
    /** To be shown at the next login; the one before is void. */
    readonly resume: string;
    readonly agent: Agent;
    /** Whether it took the place of another session. */
    readonly tookOver: boolean;
  }
  | { readonly kind: "refused"; readonly reason: "name_taken" | "too_many_connections" };

/** How sessions behave. */
export interface AgentSessionsOptions {
  readonly clock: Clock;
  /** For how long an agent that left may resume, in milliseconds. */
  readonly leaseMs: number;
  /** The most connections of one agent. */
  readonly maxConnections: number;
  /** Told when an agent's last connection is gone, and when its first is there. */
  readonly onPresence?: (agent: Agent, isPresent: boolean) => void;
}

/** How long an old connection may take to show that it lives. */
export const PING_MS = 2000;
/** Agents that left and may still resume; the oldest is forgotten for one more. */
export const MAX_LEFT = 10_000;
const RESUME_BYTES = 16;

/** One agent with its connections. */
export class Agent implements AgentName {
  readonly tenant: string;
  readonly account: string;
  readonly agentId: string;
  readonly connections = new Set<AgentConnection>();
  session: string;
  /** The one token that resumes it. */
  resume = "";
  /** When its last connection ended; `null` while it has one. */
  leftMs: number | null = null;
  /** The question whether it lives that is open now. */
  probing: Promise<boolean> | null = null;

  constructor({ tenant, account, agentId }: AgentName, session: string) {
    this.tenant = tenant;
    this.account = account;
    this.agentId = agentId;
    this.session = session;
  }
}

/** The agents of one hub. */
export class AgentSessions {
  readonly #options: AgentSessionsOptions;
  readonly #agents = new Map<string, Agent>();
  /** Those without a connection, who left first first. */
  readonly #left = new Set<Agent>();

  constructor(options: AgentSessionsOptions) {
    this.#options = options;
  }

  /** How many agents have a connection. */
  get size(): number {
    return this.#agents.size - this.#left.size;
  }

  /** The agents that have a connection. */
  *all(): Generator<Agent> {
    for (const agent of this.#agents.values()) if (agent.leftMs === null) yield agent;
  }

  /** An agent that has a connection. */
  find(name: AgentName): Agent | undefined {
    const agent = this.#agents.get(keyOf(name));
    return agent?.leftMs === null ? agent : undefined;
  }

  /** Lets an agent in, or refuses it. The promise does not reject. */
  async admit(newcomer: Newcomer): Promise<Admission> {
    this.#forgetOld();
    for (;;) {
      const agent = this.#agents.get(keyOf(newcomer));
      if (agent === undefined) return this.#create(newcomer);
      if (agent.session === newcomer.session) return this.#join(agent, newcomer);
      const mayReplace = agent.leftMs !== null || isSameToken(agent.resume, newcomer.resume);
      if (mayReplace) return this.#replace(agent, newcomer);
      const session = agent.session;
      const isAlive = await this.#probe(agent);
      // Meanwhile it may have left, or somebody else may have taken over: then everything begins anew.
      const isUnchanged = this.#agents.get(keyOf(newcomer)) === agent && agent.session === session;
      if (!isUnchanged) continue;
      if (isAlive && agent.leftMs === null) return { kind: "refused", reason: "name_taken" };
      return this.#replace(agent, newcomer);
    }
  }

  /** Lets an agent in whose name nobody else can have. */
  admitNew(newcomer: Newcomer): Extract<Admission, { kind: "admitted" }> {
    this.#forgetOld();
    return this.#create(newcomer);
  }

  /** A connection is gone. `false`: it was none of an agent's. */
  leave(agent: Agent, connection: AgentConnection): boolean {
    if (!agent.connections.delete(connection)) return false;
    if (agent.connections.size > 0) return true;
    agent.leftMs = this.#options.clock.now();
    this.#left.add(agent);
    this.#options.onPresence?.(agent, false);
    this.#forgetOld();
    return true;
  }

  #create(newcomer: Newcomer): Extract<Admission, { kind: "admitted" }> {
    const agent = new Agent(newcomer, newcomer.session);
    this.#agents.set(keyOf(newcomer), agent);
    return this.#enter(agent, newcomer, false);
  }

  #join(agent: Agent, newcomer: Newcomer): Admission {
    if (agent.connections.size >= this.#options.maxConnections) {
      return { kind: "refused", reason: "too_many_connections" };
    }
    return this.#enter(agent, newcomer, false);
  }

  /** The newcomer is the agent now; what the old session still holds is ended. */
  #replace(agent: Agent, newcomer: Newcomer): Admission {
    const old = [...agent.connections];
    agent.session = newcomer.session;
    agent.connections.clear();
    const admission = this.#enter(agent, newcomer, true);
    for (const connection of old) {
      connection.close(CloseCode.replaced, "Replaced by a newer session of the same agent");
    }
    return admission;
  }

  #enter(
    agent: Agent,
    { connection }: Newcomer,
    tookOver: boolean,
  ): Extract<Admission, { kind: "admitted" }> {
    const wasPresent = agent.leftMs === null && (agent.connections.size > 0 || tookOver);
    agent.connections.add(connection);
    agent.leftMs = null;
    this.#left.delete(agent);
    agent.resume = crypto.getRandomValues(new Uint8Array(RESUME_BYTES)).toBase64({ alphabet: "base64url" });
    if (!wasPresent) this.#options.onPresence?.(agent, true);
    return { kind: "admitted", resume: agent.resume, agent, tookOver };
  }

  /** Whether any connection of an agent lives; asked once, however many want to know. */
  #probe(agent: Agent): Promise<boolean> {
    agent.probing ??= anyAlive([...agent.connections]).finally(() => agent.probing = null);
    return agent.probing;
  }

  #forgetOld(): void {
    const { clock, leaseMs } = this.#options;
    const endMs = clock.now() - leaseMs;
    for (const agent of this.#left) {
      if (this.#left.size <= MAX_LEFT && (agent.leftMs ?? 0) > endMs) return;
      this.#left.delete(agent);
      this.#agents.delete(keyOf(agent));
    }
  }
}

function keyOf({ tenant, account, agentId }: AgentName): string {
  return JSON.stringify([tenant, account, agentId]);
}

function isSameToken(expected: string, shown: string | null): boolean {
  const encoder = new TextEncoder();
  const [one, other] = [encoder.encode(expected), encoder.encode(shown ?? "")];
  return one.length > 0 && one.length === other.length && timingSafeEqual(one, other);
}

async function anyAlive(connections: readonly AgentConnection[]): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const answers = connections.map(async (connection) => {
    if (await connection.isAlive(PING_MS)) resolve(true);
  });
  Promise.all(answers).then(() => resolve(false));
  return await promise;
}
