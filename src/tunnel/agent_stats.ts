/** What there is of agents' connections, as plain numbers that metrics read when they are collected. */

/** Accounts that are told by name at a time; the others are one. */
export const MAX_NAMED_ACCOUNTS = 100;

/** Counters of one hub. */
export class AgentStats {
  /** Connections that were ever let in. */
  admitted = 0;
  /** Agents whose place another session of them took. */
  takeovers = 0;
  readonly #byAccount = new Map<string, number>();

  joined(account: string): void {
    this.#byAccount.set(account, (this.#byAccount.get(account) ?? 0) + 1);
  }

  left(account: string): void {
    const connections = (this.#byAccount.get(account) ?? 0) - 1;
    if (connections > 0) this.#byAccount.set(account, connections);
    else this.#byAccount.delete(account);
  }

  /** The connections of each account, who came first first; of those beyond the bound together, under `other`. */
  connectionsByAccount(): Map<string, number> {
    const told = new Map<string, number>();
    let others = 0;
    for (const [account, connections] of this.#byAccount) {
      if (told.size < MAX_NAMED_ACCOUNTS && account !== OTHER) told.set(account, connections);
      else others += connections;
    }
    if (others > 0) told.set(OTHER, others);
    return told;
  }
}

const OTHER = "other";
