/**
 * What grants allow, made once for fast answers. Nothing is allowed that no grant names, and a text in a grant that is
 * no pattern or rule allows nothing; whoever reads grants refuses such texts.
 */
import { createHash } from "node:crypto";
import { parseConnectRule, parseTunnelRule } from "../core/access_rules.ts";
import type { DestinationRules } from "../core/destination_check.ts";
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
  /** The same of all grants with the same content, and of no others. */
  readonly digest: string;
  readonly #topics: Readonly<Record<SendRight | ReceiveRight, TopicGrants>> = {
    publish: new TopicGrants(),
    request: new TopicGrants(),
    subscribe: new TopicGrants(),
    serve: new TopicGrants(),
  };
  readonly #tunnels = new TunnelGrants();
  readonly #connects = new ConnectGrants();

  constructor(grant: Grant, digest: string = grantDigest(grant)) {
    this.isAdmin = grant.admin;
    this.digest = digest;
    for (const right of TOPIC_RIGHTS) {
      for (const pattern of grant[right]) {
        if (isTopicPattern(pattern)) this.#topics[right].add(pattern.toLowerCase());
      }
    }
    for (const rule of grant.tunnel.map(parseTunnelRule)) if (rule !== null) this.#tunnels.add(rule);
    for (const rule of grant.connect.map(parseConnectRule)) if (rule !== null) this.#connects.add(rule);
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

  get throughHub(): DestinationRules {
    return this.#connects.throughHub;
  }
}

/** What tells a grant from others with another content. */
export function grantDigest({ publish, subscribe, request, serve, tunnel, connect, admin }: Grant): string {
  const text = JSON.stringify([publish, subscribe, request, serve, tunnel, connect, admin]);
  return createHash("sha256").update(text).digest("base64url");
}

/** What tells the set of these grants from others, in whatever order they stand. */
export function setKey(digests: readonly string[]): string {
  return [...new Set(digests)].sort().join(" ");
}

/** The rights of everybody with the same grants. Being admin opens what is for admins only, nothing else. */
export class PermissionSet implements Rights {
  readonly isAdmin: boolean;
  readonly throughHub: DestinationRules;
  readonly #grants: readonly CompiledGrant[];
  readonly #key: string;

  constructor(grants: readonly CompiledGrant[]) {
    this.#grants = grants;
    this.#key = setKey(grants.map(({ digest }) => digest));
    this.isAdmin = grants.some((grant) => grant.isAdmin);
    this.throughHub = anyOf(grants.map((grant) => grant.throughHub));
  }

  /** Whether these are rights by grants with the same content. */
  equals(other: Rights): boolean {
    return other instanceof PermissionSet && other.#key === this.#key;
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

function anyOf(all: readonly DestinationRules[]): DestinationRules {
  return {
    allowsName: (name, port) => all.some((rules) => rules.allowsName(name, port)),
    allowsAddress: (address, port) => all.some((rules) => rules.allowsAddress(address, port)),
    hasAddresses: (port) => all.some((rules) => rules.hasAddresses(port)),
  };
}
