/** Problems of one kind in the log: one line a second at most, however many there are. */
import type { TrunklineError } from "../core/errors.ts";
import type { Clock, Logger } from "../core/ports.ts";
import { LinePace } from "../limits/line_pace.ts";

/** Tells of problems. */
export class ProblemLog {
  readonly #logger: Logger;
  readonly #pace: LinePace;
  readonly #text: string | null;

  /** `text` is what every line says, with the problem as its cause. @default what the problem itself says */
  constructor(logger: Logger, { clock, text }: { readonly clock: Clock; readonly text?: string }) {
    this.#logger = logger;
    this.#pace = new LinePace(clock);
    this.#text = text ?? null;
  }

  /** Tells of one, or counts it for the next line. */
  tell({ message, code, details }: TrunklineError): void {
    this.#pace.tell((before) => {
      if (this.#text !== null) this.#logger.warning(this.#text, { code, cause: message, before });
      else this.#logger.warning(message, { cause: details["cause"], code, before });
    });
  }
}
