/**
 * Lines of the log about the tunnels of agents: each is told, but for those of an agent that asks without end, which
 * would hold up the hub on a log that is slow.
 */
import type { Clock, LogFields, Logger } from "../core/ports.ts";
import { LinePace } from "../limits/line_pace.ts";

/** So many lines of one connection are told at once, and then one a second. */
export const MAX_LINES = 100;

/** The lines of all connections. */
export class TunnelLines {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #paces = new WeakMap<object, LinePace>();

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
    let pace = this.#paces.get(link);
    if (pace === undefined) this.#paces.set(link, pace = new LinePace(this.#clock, MAX_LINES));
    pace.tell((untold) => this.#logger[level](message, untold === 0 ? fields : { ...fields, untold }));
  }
}
