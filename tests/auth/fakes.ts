/** Grants, identities and authenticators for tests. */
import type { Authentication, Authenticator, Grant, Identity } from "../../src/auth/authenticator.ts";

/** A grant of nothing but this. */
export function grantOf(parts: Partial<Grant>): Grant {
  return {
    publish: [],
    subscribe: [],
    request: [],
    serve: [],
    tunnel: [],
    connect: [],
    admin: false,
    ...parts,
  };
}

/** An identity of a token without anything special. */
export function identityOf(parts: Partial<Identity> = {}): Identity {
  return {
    method: "token",
    subject: "sue",
    tenant: null,
    account: null,
    roles: [],
    grant: null,
    expiresAtMs: null,
    tokenId: null,
    ...parts,
  };
}

/** An authenticator that answers what a test tells it to. */
export class FakeAuthenticator implements Authenticator {
  readonly name: Identity["method"];
  /** The tokens that it was shown. */
  readonly seen: string[] = [];
  readonly #answer: (token: string) => Authentication | Promise<Authentication>;

  constructor(
    answer: (token: string) => Authentication | Promise<Authentication>,
    name: Identity["method"] = "token",
  ) {
    this.#answer = answer;
    this.name = name;
  }

  async authenticate(token: string): Promise<Authentication> {
    this.seen.push(token);
    return await this.#answer(token);
  }
}

/** An authenticator of tokens in a table; all others are unknown. */
export function tableOf(identities: Readonly<Record<string, Identity>>): FakeAuthenticator {
  return new FakeAuthenticator((token) => {
    const identity = Object.hasOwn(identities, token) ? identities[token] : undefined;
    return identity === undefined ? { kind: "refused", reason: "unknown" } : { kind: "accepted", identity };
  });
}
