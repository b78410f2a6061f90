/**
 * Lines of the log about the tunnels of agents: each is told, but for those of an agent that asks without end, which
 * would hold up the hub on a log that is slow.
 */
import type { Clock, LogFields, Logger } from "../core/ports.ts";
import { TokenBucket } from "../limits/token_bucket.ts";

/** So many lines of one connection are told at once, and then one a second. */
export const MAX_LINES = 100;
const LINES = { perSecond: 1, burst: 1 + MAX_LINES };

/** What is known of one connection. */
interface Pace {
  readonly bucket: TokenBucket;
  /** Lines that were not told since the last one. */
  untold: number;
}

/** The lines of all connections. */
export class TunnelLines {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #paces = new WeakMap<object, Pace>();

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Tells something of a connection, with how much was not told before it. */
  tell(
    level: "info" | "warning",
    link: object,
    { message, fields }: { message: string; fields: LogFields },
  ): void {
    const nowMs = this.#clock.now();
    const pace = this.#paceOf(link, nowMs);
    if (pace.bucket.take(nowMs) > 0) {
      pace.untold++;
      return;
    }
    const { untold } = pace;
    pace.untold = 0;
    this.#logger[level](message, untold === 0 ? fields : { ...fields, untold });
  }

  #paceOf(link: object, nowMs: number): Pace {
    let pace = this.#paces.get(link);
    if (pace === undefined) {
      pace = { bucket: new TokenBucket(LINES.perSecond, nowMs, LINES.burst), untold: 0 };
      this.#paces.set(link, pace);
    }
    return pace;
  }
}
