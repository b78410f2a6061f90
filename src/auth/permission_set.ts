/**
 * What grants allow, made once for fast answers. Nothing is allowed that no grant names, and a text in a grant that is
 * no pattern or rule allows nothing.
 */
import { parseConnectRule, parseTunnelRule } from "../core/access_rules.ts";
import type { ConnectTarget, ReceiveRight, Rights, SendRight } from "../core/rights.ts";
import { isTopicPattern } from "../core/topic.ts";
import type { Grant } from "./authenticator.ts";
import { ConnectGrants } from "./connect_grants.ts";
import { TopicGrants } from "./topic_grants.ts";
import { TunnelGrants } from "./tunnel_grants.ts";

const TOPIC_RIGHTS = ["publish", "request", "subscribe", "serve"] as const;

/** One grant, made ready; shared by all sets that hold it, and never changed. */
export class CompiledGrant {
  readonly isAdmin: boolean;
  /** How many of its texts are no pattern or rule and allow nothing. */
  readonly ignored: number;
  readonly #topics: Readonly<Record<SendRight | ReceiveRight, TopicGrants>> = {
    publish: new TopicGrants(),
    request: new TopicGrants(),
    subscribe: new TopicGrants(),
    serve: new TopicGrants(),
  };
  readonly #tunnels = new TunnelGrants();
  readonly #connects = new ConnectGrants();

  constructor(grant: Grant) {
    this.isAdmin = grant.admin;
    let ignored = 0;
    for (const right of TOPIC_RIGHTS) {
      for (const pattern of grant[right]) {
        if (isTopicPattern(pattern)) this.#topics[right].add(pattern.toLowerCase());
        else ignored++;
      }
    }
    for (const rule of grant.tunnel.map(parseTunnelRule)) rule === null ? ignored++ : this.#tunnels.add(rule);
    for (const rule of grant.connect.map(parseConnectRule)) {
      rule === null ? ignored++ : this.#connects.add(rule);
    }
    this.ignored = ignored;
  }

  contains(right: SendRight | ReceiveRight, pattern: string): boolean {
    return this.#topics[right].contains(pattern);
  }

  allowsTunnel(name: string): boolean {
    return this.#tunnels.allows(name);
  }

  allowsConnect(target: ConnectTarget): boolean {
    return this.#connects.allows(target);
  }
}

/** The rights of everybody with the same grants. Being admin opens what is for admins only, nothing else. */
export class PermissionSet implements Rights {
  readonly isAdmin: boolean;
  readonly #grants: readonly CompiledGrant[];

  constructor(grants: readonly CompiledGrant[]) {
    this.#grants = grants;
    this.isAdmin = grants.some((grant) => grant.isAdmin);
  }

  /** How many texts of its grants are no pattern or rule and allow nothing. */
  get ignored(): number {
    return this.#grants.reduce((sum, grant) => sum + grant.ignored, 0);
  }

  allows(right: SendRight, topic: string): boolean {
    return this.#grants.some((grant) => grant.contains(right, topic));
  }

  covers(right: ReceiveRight, pattern: string): boolean {
    return this.#grants.some((grant) => grant.contains(right, pattern));
  }

  allowsTunnel(name: string): boolean {
    return this.#grants.some((grant) => grant.allowsTunnel(name));
  }

  allowsConnect(target: ConnectTarget): boolean {
    return this.#grants.some((grant) => grant.allowsConnect(target));
  }
}
