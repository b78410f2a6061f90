/** Problems of one kind in the log: one line a second at most, however many there are. */
import type { TrunklineError } from "../core/errors.ts";
import type { Clock, Logger } from "../core/ports.ts";

/** A line costs more than a message, so that who floods would be paid for it. */
const PAUSE_MS = 1000;

/** Tells of problems. */
export class ProblemLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #text: string | null;
  #toldMs = -Infinity;
  /** How many were not told since the last line. */
  #untold = 0;

  /** `text` is what every line says, with the problem as its cause. @default what the problem itself says */
  constructor(logger: Logger, { clock, text }: { readonly clock: Clock; readonly text?: string }) {
    this.#logger = logger;
    this.#clock = clock;
    this.#text = text ?? null;
  }

  /** Tells of one, or counts it for the next line. */
  tell({ message, code, details }: TrunklineError): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#toldMs < PAUSE_MS) {
      this.#untold++;
      return;
    }
    const before = this.#untold;
    if (this.#text !== null) this.#logger.warning(this.#text, { code, cause: message, before });
    else this.#logger.warning(message, { cause: details["cause"], code, before });
    this.#toldMs = nowMs;
    this.#untold = 0;
  }
}
