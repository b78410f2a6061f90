/**
 * What of one tenant's messages is kept. Each is given its id, kept, and released, in the order of ids, once the store
 * says that it is safe: only then its subscribers get it and its publisher is told. So an id that anybody has seen is
 * one that outlives a crash of the hub, and a message that is sent again after one is not delivered twice.
 */
import type { Clock } from "../core/ports.ts";
import type {
  KeepRules,
  KeptMessage,
  MessageStore,
  ReplayFrom,
  TenantStore,
} from "../store/message_store.ts";
import type { TextMessage } from "../wire/text_message.ts";
import type { BrokerStats } from "./broker_stats.ts";
import type { MessageIds } from "./message_ids.ts";
import type { PayloadChunks } from "./payload_chunks.ts";
import { WaitingLine } from "./waiting_line.ts";
import { MAX_RECENT, RECENT_MS, RecentPublishes } from "./recent_publishes.ts";

/** Somebody who publishes what is kept. */
export interface KeepingPublisher {
  /** Tells the publishers of a tenant apart, over all their connections. */
  readonly who: string;
  /** What came of a message that has a request id. */
  kept(message: KeptMessage, result: KeptResult): void;
}

/** How a message is kept in the end. */
export type KeptResult =
  | { readonly kind: "safe"; readonly rules: KeepRules }
  /** It was delivered, and is in the history where there is one, but is not the value of its topic. */
  | { readonly kind: "full" }
  /** It was delivered, but cannot be made safe. */
  | { readonly kind: "unsafe"; readonly reason: string };

/**
 * What came of a message. `kept`: it is delivered and answered when it is safe. `duplicate`: it came before, and is
 * answered as it was then. `behind`: it is refused, as too much waits to become safe.
 */
export type KeepOutcome = "kept" | "duplicate" | "behind";

/** A message on its way, and who sent it. */
export interface Arrived {
  readonly message: TextMessage;
  /** Whether its payload was found to be valid UTF-8 already. */
  readonly isKnownText: boolean;
  readonly publisher: KeepingPublisher | null;
}

/** Hands a safe message on to those who are subscribed; gives the number of deliveries. */
export type DeliverKept = (message: KeptMessage, isKnownText: boolean) => number;

/** What an archive works with. */
export interface TenantArchiveOptions {
  readonly store: MessageStore;
  readonly tenant: TenantStore;
  readonly ids: MessageIds;
  /** Time that may lag behind by a turn of the event loop. */
  readonly cachedClock: Clock;
  /** The time of day. */
  readonly wallClock: Clock;
  readonly stats: BrokerStats;
  /** Runs a function once in a later turn of the event loop. */
  readonly later: (run: () => void) => void;
}

interface Kept {
  readonly message: KeptMessage;
  readonly rules: KeepRules;
  /** It was delivered already, or will be by the one that came first. */
  readonly isDuplicate: boolean;
  /** It is not the value of its topic. */
  readonly isFull: boolean;
}

interface Waiting extends Kept {
  readonly isKnownText: boolean;
  readonly publisher: KeepingPublisher | null;
  failure: string | null;
}

const NOTHING = new Uint8Array(0);
const FULL: KeptResult = { kind: "full" };
/** What waits to become safe may take so many bytes. */
export const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** What one waiting message takes beside its payload. */
const WAITING_OVERHEAD_BYTES = 512;
/**
 * A disk makes many messages safe at once, of all publishers: so many deliveries are made in one turn, with one message
 * at least. What is cut in two is written to each subscriber twice.
 */
const DELIVERIES_PER_TURN = 8192;
/** Messages that are read at a time when the hub starts. */
const RESTORE_PAGE = 1000;

/** What is kept of one tenant. */
export class TenantArchive {
  readonly tenant: TenantStore;
  readonly #options: TenantArchiveOptions;
  readonly #recent = new RecentPublishes();
  #ids: MessageIds;
  #deliver: DeliverKept | null = null;
  readonly #unsafe = new WaitingLine<Waiting>();
  readonly #safe = new WaitingLine<Waiting>();
  #waitingBytes = 0;
  #isReleasing = false;
  /** What is asked about just now. */
  #asking: Waiting | null = null;
  /** Deliveries of the turn whose time this is. */
  #deliveries = 0;
  #turnMs = -Infinity;
  #isLater = false;
  #ruledAfter = "";
  #ruledSinceMs = -Infinity;
  #released: string;

  constructor(options: TenantArchiveOptions) {
    this.#options = options;
    this.tenant = options.tenant;
    this.#ids = options.ids;
    // Ids that were minted and never kept are not known after a crash; the last that was kept is.
    this.#released = options.tenant.lastId ?? options.ids.position;
    this.#restore();
  }

  get ids(): MessageIds {
    return this.#ids;
  }

  /** The id up to which every kept message was delivered: all that is to be had of the past is not above it. */
  get released(): string {
    return this.#released;
  }

  /** How many messages were trimmed away, of all tenants; never falls. */
  get trimmed(): number {
    const { trimmedBySize, trimmedByAge } = this.#options.store.figures;
    return trimmedBySize + trimmedByAge;
  }

  /** Whether nothing waits to become safe. */
  get isIdle(): boolean {
    return this.#unsafe.length === 0 && this.#safe.length === 0;
  }

  /** Whether nothing is lost when it is forgotten and made anew. */
  get isEmpty(): boolean {
    this.#recent.forgetOld(this.#options.cachedClock.now());
    return this.isIdle && this.#recent.size === 0;
  }

  /** Whether the same was kept all the time since then, as far as the configuration goes. */
  knows(from: ReplayFrom): boolean {
    if (from.kind === "after") return from.id >= this.#ruledAfter;
    return from.kind === "last" || from.atMs >= this.#ruledSinceMs;
  }

  /** Other things are kept from now on. */
  rulesChanged(): void {
    this.#ruledAfter = this.#ids.position;
    this.#ruledSinceMs = this.#options.wallClock.now();
  }

  /** The tenant is there (again). */
  attach(ids: MessageIds, deliver: DeliverKept): void {
    this.#ids = ids;
    this.#deliver = deliver;
  }

  /** Nobody of the tenant is connected any more. */
  detach(): void {
    this.#deliver = null;
  }

  /** Keeps a message as the rules say; a new one is delivered when it is safe, which may be at once. */
  keep(arrived: Arrived, rules: KeepRules, chunks: PayloadChunks | null = null): KeepOutcome {
    const { message, publisher } = arrived;
    const { requestId } = message;
    const nowMs = this.#options.cachedClock.now();
    if (this.#waitingBytes > MAX_WAITING_BYTES) return "behind";
    const key = requestId === null || publisher === null
      ? null
      : { requestId, topicKey: message.topicKey, who: publisher.who };
    const before = key === null ? null : this.#recent.find(key, nowMs);
    if (before !== null) {
      this.#options.stats.duplicates++;
      this.#wait(arrived, {
        message: toKeep(message, NOTHING, { id: before.id, atMs: 0 }),
        rules,
        isDuplicate: true,
        isFull: before.isFull,
      });
      return "duplicate";
    }
    const payload = chunks === null ? message.payload.slice() : chunks.copy(message.payload);
    const kept = toKeep(message, payload, { id: this.#ids.nextText(), atMs: this.#options.wallClock.now() });
    const result = this.#options.tenant.keep(kept, rules);
    const isFull = result === "full";
    if (isFull) this.#options.stats.retainedRefused++;
    const isKnown = result === "kept" || (isFull && rules.history !== null);
    if (isKnown && key !== null) this.#recent.add(key, { id: kept.id, isFull }, nowMs);
    const isGivenUp = !this.#wait(arrived, { message: kept, rules, isDuplicate: false, isFull });
    if (isGivenUp && key !== null) this.#recent.forget(key);
    return "kept";
  }

  /**
   * Calls of the store come in the order in which they were asked for, so each is about the oldest that waits. `false`:
   * the store knows at once that it will not be safe, and does not try again.
   */
  #wait({ isKnownText, publisher }: Arrived, { message, rules, isDuplicate, isFull }: Kept): boolean {
    this.#waitingBytes += message.payload.length + WAITING_OVERHEAD_BYTES;
    const waiting: Waiting = { message, rules, isKnownText, publisher, isDuplicate, isFull, failure: null };
    this.#unsafe.push(waiting);
    this.#asking = waiting;
    this.#options.store.whenSafe(this.#onSafe);
    this.#asking = null;
    return waiting.failure === null;
  }

  readonly #onSafe = (failure: string | null): void => {
    const waiting = this.#unsafe.shift();
    if (waiting === undefined) return;
    waiting.failure = failure;
    // What is safe at once is bounded where it is read.
    if (waiting === this.#asking && !this.#isReleasing) return void this.#releaseOne(waiting);
    this.#safe.push(waiting);
    if (!this.#isReleasing) this.#release();
  };

  readonly #release = (): void => {
    this.#isReleasing = true;
    const turnMs = this.#options.cachedClock.now();
    if (turnMs !== this.#turnMs || this.#isLater) this.#deliveries = 0;
    this.#turnMs = turnMs;
    this.#isLater = false;
    while (this.#deliveries < DELIVERIES_PER_TURN) {
      const waiting = this.#safe.shift();
      if (waiting === undefined) break;
      this.#deliveries += 1 + this.#releaseOne(waiting);
    }
    this.#isReleasing = this.#safe.length > 0;
    this.#isLater = this.#isReleasing;
    if (this.#isReleasing) this.#options.later(this.#release);
  };

  #releaseOne(waiting: Waiting): number {
    const { message, isKnownText, publisher, isDuplicate, failure } = waiting;
    this.#waitingBytes -= message.payload.length + WAITING_OVERHEAD_BYTES;
    let deliveries = 0;
    if (!isDuplicate) {
      this.#released = message.id;
      deliveries = this.#deliver?.(message, isKnownText) ?? 0;
    }
    if (failure !== null) this.#options.stats.unsafe++;
    if (message.requestId !== null) publisher?.kept(message, resultOf(waiting));
    return deliveries;
  }

  /** Who sends again what was kept before the hub started gets the id that it has. */
  #restore(): void {
    const { tenant, cachedClock, wallClock } = this.#options;
    if (tenant.lastId === null) return;
    const nowMs = wallClock.now();
    const found: KeptMessage[] = [];
    let { afterId } = tenant.start("#", { kind: "last", count: MAX_RECENT }, nowMs);
    for (;;) {
      const page = tenant.page("#", { afterId, max: RESTORE_PAGE, nowMs });
      found.push(...page);
      afterId = page.at(-1)?.id ?? null;
      if (page.length < RESTORE_PAGE) break;
    }
    const newestMs = found.at(-1)?.atMs ?? 0;
    for (const { id, requestId, topicKey, atMs } of found) {
      if (requestId !== null && newestMs - atMs <= RECENT_MS) {
        this.#recent.restore({ requestId, topicKey, id }, cachedClock.now());
      }
    }
  }
}

function resultOf({ failure, isFull, rules }: Waiting): KeptResult {
  if (failure !== null) return { kind: "unsafe", reason: failure };
  return isFull ? FULL : { kind: "safe", rules };
}

function toKeep(
  { topic, topicKey, version, requestId }: TextMessage,
  payload: Uint8Array,
  { id, atMs }: { readonly id: string; readonly atMs: number },
): KeptMessage {
  return { id, topic, topicKey, version, requestId, payload, atMs };
}
