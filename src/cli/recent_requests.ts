/** The last requests that a service answered, and how many there were a second: for a person who watches. */
import type { RequestLine } from "../agent/http_forwarder.ts";
import { grouped } from "./figures.ts";
import { printable } from "../core/printable.ts";

/** A response that began. */
export interface SeenResponse {
  readonly request: RequestLine;
  readonly status: number;
  readonly ms: number;
}

const SHOWN = 10;
/** The rate is that of the last so many seconds, the one that runs included. */
const WINDOW_SECONDS = 10;

/** Keeps them; a line is made when it is shown. */
export class RecentRequests {
  readonly #now: () => number;
  /** The newest last. */
  #last: SeenResponse[] = [];
  /** How many there were, by the second and its place in the window. */
  readonly #counts = new Array<number>(WINDOW_SECONDS).fill(0);
  #second: number;
  #total = 0;

  constructor(now: () => number) {
    this.#now = now;
    this.#second = Math.floor(now() / 1000);
  }

  add(response: SeenResponse): void {
    this.#total++;
    this.#last.push(response);
    if (this.#last.length >= 2 * SHOWN) this.#last = this.#last.slice(-SHOWN);
    this.#turnTo(Math.floor(this.#now() / 1000));
    const at = this.#second % WINDOW_SECONDS;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** What is to be shown: figures, then the requests, the newest first. */
  lines(): string[] {
    this.#turnTo(Math.floor(this.#now() / 1000));
    const counted = this.#counts.reduce((sum, count) => sum + count, 0);
    const rate = (counted / WINDOW_SECONDS).toFixed(1);
    const last = this.#last.slice(-SHOWN).toReversed().map(requestLine);
    return [`${grouped(this.#total)} requests, ${rate} a second`, ...last];
  }

  /** Forgets the seconds that left the window. */
  #turnTo(second: number): void {
    const passed = Math.min(WINDOW_SECONDS, second - this.#second);
    for (let i = 0; i < passed; i++) this.#counts[(second - i) % WINDOW_SECONDS] = 0;
    this.#second = second;
  }
}

/** One request in a line. */
export function requestLine({ request: { method, target }, status, ms }: SeenResponse): string {
  return `${status} ${method.padEnd(7)} ${`${Math.round(ms)} ms`.padStart(8)}  ${printable(target)}`;
}
