/**
 * Static tokens. Only their keyed hashes are kept, and a known token takes the same path as an unknown one: one hash,
 * one comparison in constant time. The key of the hashes is random and lives as long as the process, so nobody can
 * choose tokens whose hashes come close to another's.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import {
  type Authentication,
  type Authenticator,
  type Grant,
  type Identity,
  refused,
} from "./authenticator.ts";
import { MAX_TOKEN_LENGTH } from "../core/login_limits.ts";

/** A token and who has it. */
export interface StaticToken {
  readonly token: string;
  readonly subject: string;
  readonly account: string | null;
  readonly tenant: string | null;
  readonly roles: readonly string[];
  readonly permissions: Grant | null;
}

/** Hashes tokens and compares the hashes. */
export interface TokenDigests {
  digest(token: string): Uint8Array;
  /** In a time that does not depend on the bytes. */
  isEqual(one: Uint8Array, other: Uint8Array): boolean;
}

/** HMAC-SHA-256 with a random key of its own. */
export function keyedDigests(): TokenDigests {
  const key = randomBytes(32);
  return {
    digest: (token) => createHmac("sha256", key).update(token).digest(),
    isEqual: timingSafeEqual,
  };
}

interface Entry {
  readonly digest: Uint8Array;
  readonly identity: Identity;
}

/** Knows some tokens. */
export class StaticTokens implements Authenticator {
  readonly name = "token";
  readonly #digests: TokenDigests;
  readonly #entries = new Map<string, Entry>();
  /** What an unknown token is compared with. */
  readonly #nobody: Uint8Array;

  /** Of equal tokens the first counts. */
  constructor(tokens: readonly StaticToken[], digests: TokenDigests = keyedDigests()) {
    this.#digests = digests;
    this.#nobody = digests.digest(crypto.randomUUID());
    for (const { token, ...rest } of tokens) {
      const digest = digests.digest(token);
      const name = nameOf(digest);
      if (!this.#entries.has(name)) this.#entries.set(name, { digest, identity: identityOf(rest) });
    }
  }

  authenticate(token: string): Promise<Authentication> {
    return Promise.resolve(this.#check(token));
  }

  #check(token: string): Authentication {
    if (token === "" || token.length > MAX_TOKEN_LENGTH) return refused("malformed");
    const digest = this.#digests.digest(token);
    const entry = this.#entries.get(nameOf(digest));
    const isEqual = this.#digests.isEqual(entry?.digest ?? this.#nobody, digest);
    return isEqual && entry !== undefined
      ? { kind: "accepted", identity: entry.identity }
      : { kind: "not_mine" };
  }
}

function nameOf(digest: Uint8Array): string {
  return String.fromCharCode(...digest);
}

function identityOf({ subject, account, tenant, roles, permissions }: Omit<StaticToken, "token">): Identity {
  const names = { subject, account, tenant, roles, grant: permissions };
  return { method: "token", ...names, expiresAtMs: null, tokenId: null };
}
