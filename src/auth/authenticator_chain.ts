/**
 * All kinds of login by token, asked one after the other: the first that a token belongs to decides. A token that is
 * nobody's is refused.
 */
import type { Authentication, Authenticator, Waiting } from "./authenticator.ts";
import { MAX_TOKEN_LENGTH } from "../core/login_limits.ts";

/** The word of all kinds of login together. */
export type Verdict = Exclude<Authentication, { readonly kind: "not_mine" }>;

/** Asks several. */
export class AuthenticatorChain {
  readonly #authenticators: readonly Authenticator[];

  constructor(authenticators: readonly Authenticator[]) {
    this.#authenticators = authenticators;
  }

  /** Looks at a token. The promise does not reject. */
  async authenticate(token: string, wait?: Waiting): Promise<Verdict> {
    if (token === "" || token.length > MAX_TOKEN_LENGTH) return { kind: "refused", reason: "malformed" };
    for (const authenticator of this.#authenticators) {
      const answer = await authenticator.authenticate(token, wait);
      if (answer.kind !== "not_mine") return answer;
    }
    return { kind: "refused", reason: "unknown" };
  }
}
