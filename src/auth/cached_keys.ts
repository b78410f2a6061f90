/**
 * Keys that are loaded from somewhere and kept. However many tokens come, one load runs at a time, and between two
 * there is a pause: a short one after keys came, a growing one after a failure. Keys that were loaded once stay in
 * use while their source is away; a key that is not there is asked for once a pause. Not more wait for a load than may:
 * the others get what can be told without it.
 */
import { messageOf } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";
import type { KeyEvents } from "./key_events.ts";
import type { KeySet, KeySetResult } from "./key_set.ts";
import type { Waiting } from "./authenticator.ts";
import {
  KEY_UNKNOWN_YET,
  type KeyLookup,
  KEYS_UNAVAILABLE,
  type KeySource,
  UNKNOWN_KEY,
  type WantedKey,
} from "./key_source.ts";

/** How keys are kept. */
export interface CachedKeysOptions {
  /** What logs and metrics call the source. */
  readonly source: string;
  readonly load: () => Promise<KeySetResult>;
  readonly clock: Clock;
  readonly events: KeyEvents;
  /** How old keys get before they are loaded anew beside the work. @default 300000 */
  readonly refreshAfterMs?: number;
  /** How old keys get before a token waits for new ones, if they come. @default 600000 */
  readonly maxAgeMs?: number;
  /** The pause after keys came. @default 10000 */
  readonly cooldownMs?: number;
  /** The pause after the first failure; it doubles with each. @default 1000 */
  readonly minBackoffMs?: number;
  /** The longest pause after a failure. @default 60000 */
  readonly maxBackoffMs?: number;
}

/** The most keys that are remembered as absent. */
const MAX_ABSENT = 1000;
/** The most tokens that wait for a load. */
const MAX_WAITING = 1024;

/** One source of keys. */
export class CachedKeys implements KeySource {
  readonly #options: Required<CachedKeysOptions>;
  #keys: KeySet | null = null;
  /** What was looked for in vain since the keys came. */
  readonly #absent = new Set<string>();
  #loads = 0;
  #loadedMs = -Infinity;
  #nextLoadMs = -Infinity;
  #failures = 0;
  #lastFailure: string | null = null;
  #loading: Promise<void> | null = null;
  #waiting = 0;

  constructor(options: CachedKeysOptions) {
    const times = { refreshAfterMs: 300_000, maxAgeMs: 600_000, cooldownMs: 10_000 };
    this.#options = { ...times, minBackoffMs: 1000, maxBackoffMs: 60_000, ...options };
  }

  /** What logs and metrics call it. */
  get source(): string {
    return this.#options.source;
  }

  /** Why the last load failed; `null` when it did not. */
  get lastFailure(): string | null {
    return this.#lastFailure;
  }

  /** Loads now, whatever the pause says, after a load that runs already. The promise does not reject. */
  async reload(): Promise<void> {
    await this.#loading;
    await this.#start();
  }

  async find(wanted: WantedKey, wait: Waiting = justWait): Promise<KeyLookup> {
    const loadsBefore = this.#loads;
    await this.#refresh(wait);
    const lookup = this.#lookUp(wanted);
    if (lookup.kind !== "unknown") return lookup;
    this.#options.events.unknownKey(this.#options.source);
    if (this.#loads === loadsBefore) await this.#waitFor(this.#startIfDue(), wait);
    const again = this.#lookUp(wanted);
    return again.kind === "unknown" ? this.#tellUnknown(wanted, this.#loads > loadsBefore) : again;
  }

  /** Only new keys, or those that were looked through for the same key, can tell that there is no such key. */
  #tellUnknown({ algorithm, keyId }: WantedKey, isNew: boolean): KeyLookup {
    const name = `${algorithm} ${keyId ?? ""}`;
    if (isNew && this.#absent.size < MAX_ABSENT) this.#absent.add(name);
    return isNew || this.#absent.has(name) ? UNKNOWN_KEY : KEY_UNKNOWN_YET;
  }

  #lookUp(wanted: WantedKey): KeyLookup {
    return this.#keys === null ? KEYS_UNAVAILABLE : this.#keys.find(wanted);
  }

  /** Sees to it that there are keys, and that they are not too old where new ones can be had. */
  async #refresh(wait: Waiting): Promise<void> {
    const ageMs = this.#options.clock.now() - this.#loadedMs;
    if (ageMs < this.#options.refreshAfterMs) return;
    const loading = this.#startIfDue();
    // While the source fails, nobody waits for it who can do with the keys from before.
    const canGoOn = this.#keys !== null && (ageMs < this.#options.maxAgeMs || this.#failures > 0);
    if (!canGoOn) await this.#waitFor(loading, wait);
  }

  async #waitFor(loading: Promise<void> | null, wait: Waiting): Promise<void> {
    if (loading === null || this.#waiting >= MAX_WAITING) return;
    this.#waiting++;
    try {
      await wait(loading);
    } finally {
      this.#waiting--;
    }
  }

  /** The load that runs, or a new one; `null` in a pause. */
  #startIfDue(): Promise<void> | null {
    if (this.#loading !== null) return this.#loading;
    return this.#options.clock.now() >= this.#nextLoadMs ? this.#start() : null;
  }

  #start(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    const result = await this.#attempt();
    const { clock, events, source, cooldownMs } = this.#options;
    const nowMs = clock.now();
    if (!result.ok) return this.#fail(result.reason);
    this.#keys = result.keys;
    this.#absent.clear();
    this.#loads++;
    this.#loadedMs = nowMs;
    this.#nextLoadMs = nowMs + cooldownMs;
    this.#failures = 0;
    this.#lastFailure = null;
    events.loaded(source, { keys: result.keys.size, ignored: result.keys.ignored });
  }

  async #attempt(): Promise<KeySetResult> {
    try {
      return await this.#options.load();
    } catch (error) {
      return { ok: false, reason: messageOf(error) };
    }
  }

  #fail(reason: string): void {
    const { clock, events, source, minBackoffMs, maxBackoffMs } = this.#options;
    const retryAfterMs = Math.min(maxBackoffMs, minBackoffMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    this.#lastFailure = reason;
    this.#nextLoadMs = clock.now() + retryAfterMs;
    events.failed(source, { reason, hasKeys: this.#keys !== null, retryAfterMs });
  }
}

function justWait<T>(arrival: Promise<T>): Promise<T> {
  return arrival;
}
