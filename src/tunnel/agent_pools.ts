/**
 * The connections of all agents, by agent: where a stream to an agent goes. The least loaded one that works takes it;
 * one that goes away or does not answer only when there is no other.
 */
import type { AgentName } from "./agent_sessions.ts";
import type { AgentLink } from "./frame_services.ts";

/** The connections of one agent. */
export interface AgentPool {
  readonly name: AgentName;
  /** Of its process. */
  readonly session: string;
  readonly links: ReadonlySet<AgentLink>;
}

interface OwnPool extends AgentPool {
  readonly links: Set<AgentLink>;
}

/** The agents of one hub that are connected. */
export class AgentPools {
  readonly #pools = new Map<string, OwnPool>();
  /** By tenant and id, whatever the account. */
  readonly #byId = new Map<string, Set<OwnPool>>();
  /** The keys of names that are asked for again and again. */
  readonly #keys = new WeakMap<AgentName, string>();

  /** A connection is there; gives the pool of the session before, which is over, where there was one. */
  join(link: AgentLink): AgentPool | null {
    const key = agentKey(link.name);
    const pool = this.#pools.get(key);
    if (pool?.session === link.session) {
      pool.links.add(link);
      return null;
    }
    if (pool !== undefined) this.#forget(pool);
    this.#add({ name: link.name, session: link.session, links: new Set([link]) });
    return pool ?? null;
  }

  /** A connection is gone; gives the pool when it was the last one of its session. */
  leave(link: AgentLink): AgentPool | null {
    const pool = this.#pools.get(agentKey(link.name));
    if (pool === undefined || !pool.links.delete(link) || pool.links.size > 0) return null;
    this.#forget(pool);
    return pool;
  }

  /** The pool of an agent that is connected. */
  find(name: AgentName): AgentPool | undefined {
    let key = this.#keys.get(name);
    if (key === undefined) this.#keys.set(name, key = agentKey(name));
    return this.#pools.get(key);
  }

  /** The connection on which the next stream to an agent goes; `undefined` while it has none. */
  pick(name: AgentName): AgentLink | undefined {
    const pool = this.find(name);
    if (pool === undefined) return undefined;
    let best: AgentLink | undefined;
    for (const link of pool.links) if (best === undefined || isBetter(link, best)) best = link;
    return best;
  }

  /**
   * An agent by its id, as somebody of an account means it: the own one, else the only one in the tenant. `undefined`
   * where there is none, or it is not clear which.
   */
  named(agentId: string, { tenant, account }: Pick<AgentName, "tenant" | "account">): AgentPool | undefined {
    const own = this.#pools.get(agentKey({ tenant, account, agentId }));
    if (own !== undefined) return own;
    const pools = this.#byId.get(idKey({ tenant, agentId })) ?? [];
    const [only, other] = pools;
    return other === undefined ? only : undefined;
  }

  #add(pool: OwnPool): void {
    this.#pools.set(agentKey(pool.name), pool);
    const key = idKey(pool.name);
    const same = this.#byId.get(key);
    if (same === undefined) this.#byId.set(key, new Set([pool]));
    else same.add(pool);
  }

  #forget(pool: OwnPool): void {
    this.#pools.delete(agentKey(pool.name));
    const key = idKey(pool.name);
    const same = this.#byId.get(key);
    same?.delete(pool);
    if (same?.size === 0) this.#byId.delete(key);
  }
}

/** What tells one agent from another. */
export function agentKey({ tenant, account, agentId }: AgentName): string {
  return JSON.stringify([tenant, account, agentId]);
}

function idKey({ tenant, agentId }: Pick<AgentName, "tenant" | "agentId">): string {
  return JSON.stringify([tenant, agentId]);
}

function isBetter(link: AgentLink, best: AgentLink): boolean {
  if (link.isUsable !== best.isUsable) return link.isUsable;
  return link.streams < best.streams;
}
