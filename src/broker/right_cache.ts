/**
 * What one connection may send to, topic by topic: found out once, then remembered, so that a message costs a
 * look-up. Who may do everything costs nothing.
 */
import { ALL_RIGHTS, type Rights, type SendRight, USER_RIGHTS } from "../core/rights.ts";

/** Topics that are remembered for each right; those beyond it are found out again. */
export const MAX_REMEMBERED = 1024;

/** The rights of one connection. */
export class RightCache {
  readonly rights: Rights;
  readonly #known: Readonly<Record<SendRight, Map<string, boolean>>> | null;

  constructor(rights: Rights) {
    this.rights = rights;
    const isEverything = rights === USER_RIGHTS || rights === ALL_RIGHTS;
    this.#known = isEverything ? null : { publish: new Map(), request: new Map() };
  }

  /** Whether a topic in lower case may be sent to. */
  allows(right: SendRight, topic: string): boolean {
    if (this.#known === null) return true;
    const known = this.#known[right];
    const remembered = known.get(topic);
    if (remembered !== undefined) return remembered;
    const isAllowed = this.rights.allows(right, topic);
    if (known.size >= MAX_REMEMBERED) known.clear();
    known.set(topic, isAllowed);
    return isAllowed;
  }
}
