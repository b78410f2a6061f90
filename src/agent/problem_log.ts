/** Problems of one kind in the log: one line a second at most, however many there are. */
import type { TrunklineError } from "../core/errors.ts";
import type { Clock, Logger } from "../core/ports.ts";

/** A line costs more than a message, so that who floods would be paid for it. */
const PAUSE_MS = 1000;

/** Tells of problems. */
export class ProblemLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #text: string;
  #toldMs = -Infinity;
  /** How many were not told since the last line. */
  #untold = 0;

  /** `text` is what every line says. */
  constructor(logger: Logger, { clock, text }: { readonly clock: Clock; readonly text: string }) {
    this.#logger = logger;
    this.#clock = clock;
    this.#text = text;
  }

  /** Tells of one, or counts it for the next line. */
  tell({ message, code }: TrunklineError): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#toldMs < PAUSE_MS) {
      this.#untold++;
      return;
    }
    this.#logger.warning(this.#text, {
      code,
      cause: message,
      before: this.#untold,
    });
    this.#toldMs = nowMs;
    this.#untold = 0;
  }
}
