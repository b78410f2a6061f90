/** Why the hub ends visitors that take too long, in plain numbers. */

/** Why a visitor is ended; a closed list, because it becomes a label. */
export const VISITOR_ENDS = [
  "handshake",
  "header_timeout",
  "idle_timeout",
  "body_timeout",
  "send_timeout",
  "exchange_idle",
] as const;
/** A reason of {@link VISITOR_ENDS}. */
export type VisitorEnd = typeof VISITOR_ENDS[number];

/** Counts of one hub. */
export class VisitorEnds {
  readonly #counts: Record<VisitorEnd, number> = {
    handshake: 0,
    header_timeout: 0,
    idle_timeout: 0,
    body_timeout: 0,
    send_timeout: 0,
    exchange_idle: 0,
  };

  count(reason: VisitorEnd): void {
    this.#counts[reason]++;
  }

  of(reason: VisitorEnd): number {
    return this.#counts[reason];
  }
}
