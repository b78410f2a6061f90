/**
 * What the connection of a visitor may take its time for, and for how long. Only what the visitor itself holds up counts
 * against it: a body that waits for the service does not, nor a response that the service takes its time for. It does no
 * I/O and has no timer; whoever looks says what time it is.
 */
import type { Clock } from "../core/ports.ts";
import { Standstill } from "../link/standstill.ts";
import type { VisitorSettings } from "./visitor_ports.ts";

/** What is looked at beside the clock. */
export interface VisitorProgress {
  /** Bytes that wait for the visitor. */
  readonly heldBytes: number;
  /** Rises whenever the visitor took something. */
  readonly taken: number;
  /** Bytes of the exchange in both directions, once its response has begun; `null` otherwise. */
  readonly exchanged: number | null;
}

/** What is over. `due`: what the visitor, or the service, had to do by now. */
export type Overdue = "due" | "send_timeout" | "exchange_idle";

/** How long a visitor may take to read the last words. */
const LINGER_MS = 2000;

/** The times of one connection. */
export class VisitorTimes {
  readonly #settings: VisitorSettings;
  readonly #clock: Clock;
  readonly #sending = new Standstill();
  readonly #exchanging = new Standstill();
  /** When something has to have happened. */
  #deadlineMs: number;
  /** Bytes of the body since the deadline was put off. */
  #bodyBytes = 0;

  /** The first head has to come from now on. */
  constructor(settings: VisitorSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#deadlineMs = clock.now() + settings.headerTimeoutMs;
  }

  /** A head has begun. */
  headBegan(): void {
    this.#deadlineMs = this.#clock.now() + this.#settings.headerTimeoutMs;
  }

  /** The next request may come. */
  rests(): void {
    this.#deadlineMs = this.#clock.now() + this.#settings.idleTimeoutMs;
  }

  /** The response, or the first of the body, has to come from now on. */
  waits(): void {
    this.#bodyBytes = 0;
    this.#deadlineMs = this.#clock.now() + this.#settings.responseTimeoutMs;
  }

  /** Bytes of the body came: enough of them put the deadline off. */
  bodyCame(bytes: number): void {
    if (this.#deadlineMs === Infinity) return;
    this.#bodyBytes += bytes;
    const { bodyBytesPerSecond, responseTimeoutMs } = this.#settings;
    if (this.#bodyBytes >= bodyBytesPerSecond * responseTimeoutMs / 1000) this.waits();
  }

  /** Whatever began may take its time, as long as bytes flow. */
  goesOn(): void {
    this.#deadlineMs = Infinity;
  }

  /** Nothing is read any more: the last words have to be taken. */
  lingers(): void {
    this.#deadlineMs = this.#clock.now() + LINGER_MS;
  }

  /** What is over by now; `null`: nothing. */
  overdue(nowMs: number, { heldBytes, taken, exchanged }: VisitorProgress): Overdue | null {
    const { sendTimeoutMs, exchangeIdleMs } = this.#settings;
    const stalledMs = heldBytes > 0 ? this.#sending.look(nowMs, taken) : this.#sending.rest();
    if (stalledMs >= sendTimeoutMs) return "send_timeout";
    const idleMs = exchanged === null ? this.#exchanging.rest() : this.#exchanging.look(nowMs, exchanged);
    if (exchangeIdleMs > 0 && idleMs >= exchangeIdleMs) return "exchange_idle";
    return nowMs >= this.#deadlineMs ? "due" : null;
  }
}
