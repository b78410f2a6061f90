/**
 * Shows the lines of the hub's log to those who asked for them. Nobody is shown lines of another tenant, more lines
 * than the rate allows, or lines about the delivery of lines; what somebody misses he is told the number of. While
 * nobody listens the log is not listened to.
 */
import { DEFAULT_TENANT } from "../core/principal.ts";
import type { Clock, LogControl, LogLevel, LogLine } from "../core/ports.ts";
import type { Channel } from "../core/delivery.ts";
import { TokenBucket } from "../limits/token_bucket.ts";
import type { BrokerStats } from "./broker_stats.ts";
import type { LinearPattern } from "./linear_pattern.ts";
import { HubMessage } from "./outgoing.ts";
import { LOG_TOPIC } from "./permissions.ts";
import type { Subscriber } from "./subscription.ts";

/** The most connections of a tenant that may listen. */
export const MAX_LOG_LISTENERS = 32;
/** The most lines a second that a listener is shown, and the most at once. */
export const LINES_PER_SECOND = 100;
/** The most characters of a line that an expression is looked for in. */
export const MAX_MATCHED_CHARACTERS = 2048;
/** What looking for expressions may take of a listener in a second: some milliseconds. */
export const STEPS_PER_SECOND = 1_000_000;
/** The most characters of a message, and of the fields as JSON, that are shown. */
export const MAX_SHOWN_CHARACTERS = 4096;

/** Which lines somebody wants. */
export interface LogFilter {
  readonly levels: ReadonlySet<LogLevel>;
  readonly pattern: LinearPattern | null;
}

/** What a feed works with. */
export interface LogFeedOptions {
  /** `null`: there is no log to follow. */
  readonly log: LogControl | null;
  /** How lines reach slow listeners. */
  readonly channel: Channel;
  /** Whether lines that name no tenant are shown to the default tenant. */
  readonly showsHubLines: boolean;
  readonly clock: Clock;
  readonly stats: BrokerStats;
}

/** One who listens. */
interface Listener {
  readonly subscriber: Subscriber;
  filter: LogFilter;
  readonly bucket: TokenBucket;
  /** Steps of the second that began at `secondMs`. */
  steps: number;
  secondMs: number;
  /** Lines that it was not shown and not told of. */
  missed: number;
}

/** A line ready to be shown. */
interface Shown {
  /** What an expression is looked for in. */
  readonly text: string;
  readonly message: HubMessage;
}

/** What came of a subscription. */
export type ListenResult = "listening" | "updated" | "limit" | "no_log";

/** The listeners of one hub. */
export class LogFeed {
  readonly #options: LogFeedOptions;
  readonly #byTenant = new Map<string, Map<Subscriber, Listener>>();
  #stop: (() => void) | null = null;
  #isShowing = false;

  constructor(options: LogFeedOptions) {
    this.#options = options;
  }

  /** How many listen. */
  get size(): number {
    let size = 0;
    for (const listeners of this.#byTenant.values()) size += listeners.size;
    return size;
  }

  /** Shows somebody lines from now on, or other lines than before. */
  subscribe(subscriber: Subscriber, { tenant, filter }: { tenant: string; filter: LogFilter }): ListenResult {
    const { log, clock } = this.#options;
    if (log === null) return "no_log";
    const listeners = this.#byTenant.get(tenant) ?? new Map<Subscriber, Listener>();
    const known = listeners.get(subscriber);
    if (known !== undefined) {
      known.filter = filter;
      return "updated";
    }
    if (listeners.size >= MAX_LOG_LISTENERS) return "limit";
    const nowMs = clock.now();
    const bucket = new TokenBucket(LINES_PER_SECOND, nowMs);
    listeners.set(subscriber, { subscriber, filter, bucket, steps: 0, secondMs: nowMs, missed: 0 });
    this.#byTenant.set(tenant, listeners);
    this.#stop ??= log.listen((line) => this.#show(line));
    return "listening";
  }

  /** Shows somebody nothing more; whether that changed anything. */
  unsubscribe(subscriber: Subscriber, tenant: string): boolean {
    const listeners = this.#byTenant.get(tenant);
    if (listeners?.delete(subscriber) !== true) return false;
    if (listeners.size === 0) this.#byTenant.delete(tenant);
    if (this.#byTenant.size === 0) {
      this.#stop?.();
      this.#stop = null;
    }
    return true;
  }

  /** Tells all who missed lines lately and got none since. */
  check(): void {
    for (const listeners of this.#byTenant.values()) {
      for (const listener of [...listeners.values()]) this.#tellMissed(listener);
    }
  }

  /** What is logged while a line is shown is about showing it, and would have no end. */
  #show(line: LogLine): void {
    const listeners = this.#listenersTo(line);
    if (listeners === undefined) return;
    if (this.#isShowing) {
      this.#options.stats.logLines.dropped += listeners.size;
      for (const listener of listeners.values()) listener.missed++;
      return;
    }
    this.#isShowing = true;
    try {
      let shown: Shown | null = null;
      // Who is shown something may leave at that.
      for (const listener of [...listeners.values()]) {
        if (!listener.filter.levels.has(line.level)) continue;
        shown ??= shownOf(line);
        this.#offer(listener, shown);
      }
    } finally {
      this.#isShowing = false;
    }
  }

  #listenersTo({ fields: { tenant } }: LogLine): ReadonlyMap<Subscriber, Listener> | undefined {
    if (typeof tenant === "string") return this.#byTenant.get(tenant);
    const isHubLine = tenant === undefined && this.#options.showsHubLines;
    return isHubLine ? this.#byTenant.get(DEFAULT_TENANT) : undefined;
  }

  #offer(listener: Listener, { text, message }: Shown): void {
    const { clock, channel, stats } = this.#options;
    const nowMs = clock.now();
    const isWanted = wants(listener, text, nowMs);
    if (isWanted === false) return;
    if (isWanted === null || listener.bucket.take(nowMs) > 0) {
      listener.missed++;
      stats.logLines.dropped++;
      return;
    }
    this.#tellMissed(listener);
    if (listener.subscriber.publish(message, channel) === "queued") stats.logLines.delivered++;
  }

  #tellMissed(listener: Listener): void {
    const { gapNotice } = this.#options.channel;
    if (listener.missed === 0 || gapNotice === null) return;
    const dropped = listener.missed;
    listener.missed = 0;
    const { channel } = this.#options;
    listener.subscriber.publish(gapNotice(dropped), channel);
  }
}

/** Whether an expression is found; `null` when looking for it took too much lately. */
function wants(listener: Listener, text: string, nowMs: number): boolean | null {
  const { pattern } = listener.filter;
  if (pattern === null) return true;
  if (nowMs - listener.secondMs >= 1000) {
    listener.secondMs = nowMs;
    listener.steps = 0;
  }
  if (listener.steps >= STEPS_PER_SECOND) return null;
  const before = pattern.steps;
  const isFound = pattern.test(text);
  listener.steps += pattern.steps - before;
  return isFound;
}

function shownOf(line: LogLine): Shown {
  const { timeMs, level, logger, message, fields } = line;
  const json = JSON.stringify(fields);
  const isCut = message.length > MAX_SHOWN_CHARACTERS || json.length > MAX_SHOWN_CHARACTERS;
  const payload = JSON.stringify({
    time: new Date(timeMs).toISOString(),
    level,
    logger,
    message: message.slice(0, MAX_SHOWN_CHARACTERS),
    fields: json.length > MAX_SHOWN_CHARACTERS ? {} : fields,
    ...(isCut ? { truncated: true } : {}),
  });
  const header = { action: "publish", topic: LOG_TOPIC, requestId: crypto.randomUUID() } as const;
  const text = json === "{}" ? message : `${message} ${json}`;
  return { text: text.slice(0, MAX_MATCHED_CHARACTERS), message: new HubMessage(header, payload) };
}
