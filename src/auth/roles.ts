/**
 * Turns the roles and the own grant of an identity into rights. Whose grants have the same content gets the same
 * object, as long as it is among those that were asked for last; the number of those is bounded. What was made under an
 * earlier configuration is taken over, so that whom a change does not touch keeps his rights as they are.
 */
import type { Grant, Identity } from "./authenticator.ts";
import { CompiledGrant, grantDigest, PermissionSet, setKey } from "./permission_set.ts";

const MAX_SETS = 1024;

/** What roles are made with. */
export interface RolesOptions {
  /** Sets that are kept. @default 1024 */
  readonly maxSets?: number;
  /** Those of the configuration before. @default none */
  readonly previous?: Roles | null;
}

/** The roles of a configuration. */
export class Roles {
  readonly #roles: ReadonlyMap<string, CompiledGrant>;
  readonly #maxSets: number;
  /** By the content that they were made of; those that were asked for last stand last. */
  readonly #sets: Map<string, PermissionSet>;
  /** Grants that a configuration holds come again and again as the same object. */
  readonly #digests = new WeakMap<Grant, string>();

  constructor(
    roles: Readonly<Record<string, Grant>>,
    { maxSets = MAX_SETS, previous = null }: RolesOptions = {},
  ) {
    const before = previous === null ? [] : [...previous.#roles.values()];
    const compiled = new Map(before.map((grant) => [grant.digest, grant]));
    this.#roles = new Map(
      Object.entries(roles).map(([name, grant]) => {
        const digest = grantDigest(grant);
        return [name, compiled.get(digest) ?? new CompiledGrant(grant, digest)];
      }),
    );
    this.#maxSets = maxSets;
    this.#sets = new Map(previous === null ? [] : previous.#sets);
  }

  /** How many sets are kept. */
  get size(): number {
    return this.#sets.size;
  }

  /** The rights of an identity. A role that is not known gives none. */
  resolve({ roles, grant }: Pick<Identity, "roles" | "grant">): PermissionSet {
    const known = roles.map((role) => this.#roles.get(role)).filter((role) => role !== undefined);
    const own = grant === null || isEmpty(grant) ? null : grant;
    const ownDigest = own === null ? [] : [this.#digest(own)];
    const key = setKey([...known.map(({ digest }) => digest), ...ownDigest]);
    const set = this.#sets.get(key) ??
      new PermissionSet(own === null ? known : [...known, new CompiledGrant(own, this.#digest(own))]);
    this.#sets.delete(key);
    this.#sets.set(key, set);
    for (const oldest of this.#sets.keys()) {
      if (this.#sets.size <= this.#maxSets) break;
      this.#sets.delete(oldest);
    }
    return set;
  }

  #digest(grant: Grant): string {
    const digest = this.#digests.get(grant) ?? grantDigest(grant);
    this.#digests.set(grant, digest);
    return digest;
  }
}

function isEmpty(grant: Grant): boolean {
  const { publish, subscribe, request, serve, tunnel, connect, admin } = grant;
  return !admin && [publish, subscribe, request, serve, tunnel, connect].every((list) => list.length === 0);
}
