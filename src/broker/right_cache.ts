/**
 * What one connection may send to, topic by topic: found out once, then remembered, so that a message costs a
 * look-up. Who may do everything costs nothing, and what is denied is never remembered: who has no rights takes no
 * memory, whatever he asks for.
 */
import { ALL_RIGHTS, type Rights, type SendRight, USER_RIGHTS } from "../core/rights.ts";

/** Topics that are remembered for each right; those beyond it are found out again. */
export const MAX_REMEMBERED = 64;

/** The rights of one connection. */
export class RightCache {
  readonly rights: Rights;
  readonly #allowed: Readonly<Record<SendRight, Set<string>>> | null;

  constructor(rights: Rights) {
    this.rights = rights;
    const isEverything = rights === USER_RIGHTS || rights === ALL_RIGHTS;
    this.#allowed = isEverything ? null : { publish: new Set(), request: new Set() };
  }

  /** How many topics are remembered. */
  get size(): number {
    return this.#allowed === null ? 0 : this.#allowed.publish.size + this.#allowed.request.size;
  }

  /** Whether a topic in lower case may be sent to. */
  allows(right: SendRight, topic: string): boolean {
    if (this.#allowed === null) return true;
    const allowed = this.#allowed[right];
    if (allowed.has(topic)) return true;
    if (!this.rights.allows(right, topic)) return false;
    if (allowed.size >= MAX_REMEMBERED) allowed.clear();
    allowed.add(topic);
    return true;
  }
}
