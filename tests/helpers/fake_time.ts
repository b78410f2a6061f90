/** Time that stands still until a test moves it, with the timers of the whole process, until its scope ends. */
import { install } from "@sinonjs/fake-timers";
import type { Clock } from "../../src/core/ports.ts";

/** A clock and its timers. Only for tests that do not wait for anything real. */
export class FakeTime implements Clock, Disposable {
  readonly #clock = install({
    now: 0,
    toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"],
  });

  /** Milliseconds since the beginning. */
  now(): number {
    return this.#clock.now;
  }

  /** How many timers run. */
  get timers(): number {
    return this.#clock.countTimers();
  }

  /** Lets time go on; each timer runs at its time. */
  tick(ms: number): void {
    this.#clock.tick(ms);
  }

  /** The process stands still for so long; then each timer that is due runs once. */
  jump(ms: number): void {
    this.#clock.jump(ms);
  }

  /** The clock goes on, and no timer has run yet. */
  stall(ms: number): void {
    this.#clock.setSystemTime(this.#clock.now + ms);
  }

  [Symbol.dispose](): void {
    this.#clock.uninstall();
  }
}
