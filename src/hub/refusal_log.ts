/** Clients that are turned away at the door, in the log: one line a second at most, however many there are. */
import type { Clock, LogFields, Logger } from "../core/ports.ts";

/** A line costs more than a handshake that fails, so that who floods would be paid for it. */
const PAUSE_MS = 1000;

/** Tells of them. */
export class RefusalLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #toldMs = -Infinity;
  /** How many were not told since the last line. */
  #untold = 0;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Tells of one, or counts it for the next line. */
  tell(text: string, fields: LogFields): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#toldMs < PAUSE_MS) {
      this.#untold++;
      return;
    }
    this.#logger.info(text, { ...fields, before: this.#untold });
    this.#toldMs = nowMs;
    this.#untold = 0;
  }
}
