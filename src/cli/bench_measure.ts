/** What is measured of the messages of a load that come: how many, how many bytes, how late. */
import type { Clock } from "../core/ports.ts";
import { ErrorTally } from "./bench_error_tally.ts";
import { LatencyHistogram } from "./bench_histogram.ts";

/** The measurements of one load. */
export class LoadMeasure {
  readonly latency = new LatencyHistogram();
  readonly errors = new ErrorTally();
  readonly #clock: Clock;
  #startMs = 0;
  #lastMs = 0;
  /** The time of everything that came at once; `null` when the clock has to be asked. */
  #turnMs: number | null = null;
  #received = 0;
  #receivedBytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get received(): number {
    return this.#received;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** From the beginning to the last message that was sent or came. */
  get elapsedMs(): number {
    return this.#lastMs - this.#startMs;
  }

  /** The beginning, in milliseconds. */
  get startMs(): number {
    return this.#startMs;
  }

  begin(): void {
    this.#startMs = this.#clock.now();
    this.#lastMs = this.#startMs;
  }

  /** Something was sent; gives when. */
  sending(): number {
    this.#lastMs = this.#clock.now();
    return this.#lastMs;
  }

  /** A message came that was meant to be sent at this time. */
  receive(payloadBytes: number, sentMs: number): void {
    this.#received++;
    this.#receivedBytes += payloadBytes;
    this.latency.record((this.#now() - sentMs) * 1000);
  }

  /** Everything that came at once was taken. */
  endTurn(): void {
    this.#turnMs = null;
  }

  #now(): number {
    this.#turnMs ??= this.#clock.now();
    this.#lastMs = this.#turnMs;
    return this.#turnMs;
  }
}
