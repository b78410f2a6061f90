/**
 * Turns the roles and the own grant of an identity into rights. Who has the same roles and the same grant gets the
 * same object, as long as it is among those that were asked for last; the number of those is bounded.
 */
import { createHash } from "node:crypto";
import type { Grant, Identity } from "./authenticator.ts";
import { CompiledGrant, PermissionSet } from "./permission_set.ts";

const MAX_SETS = 1024;

/** The roles of a configuration. */
export class Roles {
  readonly #roles: ReadonlyMap<string, CompiledGrant>;
  readonly #maxSets: number;
  /** By what they were made of; those that were asked for last stand last. */
  readonly #sets = new Map<string, PermissionSet>();
  /** Grants that a configuration holds come again and again as the same object. */
  readonly #digests = new WeakMap<Grant, string>();

  /** Keeps at most `maxSets` sets. */
  constructor(roles: Readonly<Record<string, Grant>>, maxSets = MAX_SETS) {
    this.#roles = new Map(Object.entries(roles).map(([name, grant]) => [name, new CompiledGrant(grant)]));
    this.#maxSets = maxSets;
  }

  /** How many sets are kept. */
  get size(): number {
    return this.#sets.size;
  }

  /** The rights of an identity. A role that is not known gives none. */
  resolve({ roles, grant }: Pick<Identity, "roles" | "grant">): PermissionSet {
    const known = [...new Set(roles)].filter((role) => this.#roles.has(role)).sort();
    const own = grant === null || isEmpty(grant) ? null : grant;
    const key = `${known.join(" ")}\n${own === null ? "" : this.#digest(own)}`;
    const set = this.#sets.get(key) ?? this.#make(known, own);
    this.#sets.delete(key);
    this.#sets.set(key, set);
    for (const oldest of this.#sets.keys()) {
      if (this.#sets.size <= this.#maxSets) break;
      this.#sets.delete(oldest);
    }
    return set;
  }

  #make(roles: readonly string[], own: Grant | null): PermissionSet {
    const grants = roles.map((role) => this.#roles.get(role)).filter((grant) => grant !== undefined);
    return new PermissionSet(own === null ? grants : [...grants, new CompiledGrant(own)]);
  }

  #digest(grant: Grant): string {
    let digest = this.#digests.get(grant);
    if (digest === undefined) {
      const { publish, subscribe, request, serve, tunnel, connect, admin } = grant;
      const text = JSON.stringify([publish, subscribe, request, serve, tunnel, connect, admin]);
      digest = createHash("sha256").update(text).digest("base64url");
      this.#digests.set(grant, digest);
    }
    return digest;
  }
}

function isEmpty(grant: Grant): boolean {
  const { publish, subscribe, request, serve, tunnel, connect, admin } = grant;
  return !admin && [publish, subscribe, request, serve, tunnel, connect].every((list) => list.length === 0);
}
