/**
 * What one connection may send to, topic by topic: found out once, then remembered, so that a message costs a
 * look-up. Who may do everything costs nothing, and what is denied is never remembered: who has no rights takes no
 * memory, whatever he asks for.
 */
import { ALL_RIGHTS, type Rights, type SendRight, USER_RIGHTS } from "../core/rights.ts";

/** Topics that are remembered for each right; those beyond it are found out again. */
export const MAX_REMEMBERED = 64;
/** After so many messages to other topics those that are remembered may be of no use any more. */
const FORGET_AFTER = 1024;

/** The rights of one connection. */
export class RightCache {
  readonly rights: Rights;
  readonly #allowed: Readonly<Record<SendRight, Set<string>>> | null;
  /** Messages to topics for which there was no room since the last one for which there was. */
  #misses = 0;

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
    this.#remember(allowed, topic);
    return true;
  }

  /** To make room for each topic of somebody who sends to many would cost more than to find it out again. */
  #remember(allowed: Set<string>, topic: string): void {
    if (allowed.size >= MAX_REMEMBERED) {
      if (++this.#misses < FORGET_AFTER) return;
      allowed.clear();
    }
    this.#misses = 0;
    allowed.add(topic);
  }
}
