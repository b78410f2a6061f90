/**
 * The port of what is kept of published messages: the last value of a topic and its history. Reading is immediate,
 * from memory, so that a replay can join the live messages without a gap; what makes it last (a disk) is behind
 * {@link MessageStore.whenSafe}.
 */

/** One published message that is kept. It owns its bytes. */
export interface KeptMessage {
  /**
   * The id that the hub gave it, which is its position: in the order of text, ids of a tenant rise over all restarts of
   * a hub.
   */
  readonly id: string;
  /** The topic as the publisher wrote it. */
  readonly topic: string;
  /** The topic in lower case. */
  readonly topicKey: string;
  readonly version: string;
  /** The id that the publisher gave it. */
  readonly requestId: string | null;
  readonly payload: Uint8Array;
  /** When it came, in milliseconds since 1970. */
  readonly atMs: number;
}

/** What is kept of one topic. */
export interface KeepRules {
  /** Whether its last value is. */
  readonly retain: boolean;
  readonly history: HistoryRules | null;
}

/** How much of a topic's history is kept; what is over either goes, oldest first. */
export interface HistoryRules {
  /** In messages. */
  readonly size: number;
  readonly ttlMs: number;
}

/**
 * What of a message was kept. `full`: the tenant's limit of retained values leaves no room for this one. The value before
 * it stays then, and what the rules say of history holds all the same. `lost`: it is in memory alone, since too much waits
 * for the disk; {@link MessageStore.whenSafe} tells so.
 */
export type KeepResult = "kept" | "full" | "lost";

/** From where on history is wanted: behind an id, from a time on, or so many of the last messages. */
export type ReplayFrom =
  | { readonly kind: "after"; readonly id: string }
  | { readonly kind: "since"; readonly atMs: number }
  | { readonly kind: "last"; readonly count: number };

/** What is kept of one tenant. Topics and patterns are given in lower case. */
export interface TenantStore {
  /** The highest id that was ever kept; `null` when none was. New ids have to be above it. */
  readonly lastId: string | null;
  /**
   * Keeps a message as the rules say. A retained topic whose message has no payload loses its value. Throws a
   * `RangeError` when the id is not above {@link lastId}.
   */
  keep(message: KeptMessage, rules: KeepRules): KeepResult;
  /** The retained values of the topics that a pattern selects, oldest first. */
  retained(pattern: string): readonly KeptMessage[];
  /** The history of one topic that is still to be had at `nowMs`, oldest first. */
  history(topicKey: string, nowMs: number): readonly KeptMessage[];
  /**
   * A part of the history of all topics that a pattern selects, in the order of ids: at most `max` messages behind
   * `afterId` (`null`: from the oldest on).
   */
  page(
    pattern: string,
    options: { readonly afterId: string | null; readonly max: number; readonly nowMs: number },
  ): readonly KeptMessage[];
  /**
   * Where a replay of a pattern starts: the id behind which it goes on with {@link page} (`null`: with the oldest), and
   * whether all that was asked for is still there. It is not when a message that was asked for, of any topic that the
   * pattern selects, was trimmed away; nor when the id or the time is from before all that the store can know of, as
   * with a store in memory those from before a restart are.
   */
  start(pattern: string, from: ReplayFrom, nowMs: number): {
    readonly afterId: string | null;
    readonly isComplete: boolean;
  };
}

/** Figures of a store. */
export interface StoreFigures {
  /** Messages in histories, and retained values. */
  readonly messages: number;
  readonly retained: number;
  /** Bytes of both, with what they cost beside their payload. */
  readonly bytes: number;
  /** Messages that were trimmed by size (of a topic, or of all histories of a tenant), and by age; never falls. */
  readonly trimmedBySize: number;
  readonly trimmedByAge: number;
  /** Messages that were kept but are not yet safe. */
  readonly unsafe: number;
  /** Writes to a disk that failed; never falls. */
  readonly failures: number;
}

/** Where messages are kept. */
export interface MessageStore {
  /** Reads what was kept before. Throws a `TrunklineError` when it cannot be used; nothing is left open then. */
  open(): Promise<void>;
  /** Makes everything safe that can be, and closes. */
  close(): Promise<void>;
  /** What is kept of a tenant; made when nothing is. */
  tenant(name: string): TenantStore;
  /**
   * Calls back once everything that was kept until now is as safe as it gets: at once in memory; with a disk when it is
   * written there, or with the reason why it cannot be. Calls come in the order in which they were asked for.
   */
  whenSafe(done: (failure: string | null) => void): void;
  /** Forgets what got too old, a bounded part at a time; called now and then. */
  trim(nowMs: number): void;
  readonly figures: StoreFigures;
}
