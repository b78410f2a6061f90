/** The last requests that a service answered, and how many there were a second: for a person who watches. */
import type { HttpRequestHead } from "../wire/http_head.ts";
import { grouped } from "./figures.ts";
import { printable } from "../core/printable.ts";

/** A response that began. */
export interface SeenResponse {
  readonly request: HttpRequestHead;
  readonly status: number;
  readonly ms: number;
}

const SHOWN = 10;
const WINDOW_MS = 10_000;
/** Times that are kept for the rate. */
const MAX_TIMES = 100_000;

/** Keeps them. */
export class RecentRequests {
  readonly #now: () => number;
  readonly #last: string[] = [];
  #times: number[] = [];
  #total = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(response: SeenResponse): void {
    this.#total++;
    this.#last.push(requestLine(response));
    if (this.#last.length > SHOWN) this.#last.shift();
    this.#times.push(this.#now());
    if (this.#times.length > MAX_TIMES) this.#times = this.#times.slice(-MAX_TIMES / 2);
  }

  /** What is to be shown: figures, then the requests, the newest first. */
  lines(): string[] {
    const since = this.#now() - WINDOW_MS;
    this.#times = this.#times.filter((time) => time >= since);
    const rate = (this.#times.length / WINDOW_MS * 1000).toFixed(1);
    return [`${grouped(this.#total)} requests, ${rate} a second`, ...this.#last.toReversed()];
  }
}

/** One request in a line. */
export function requestLine({ request: { method, target }, status, ms }: SeenResponse): string {
  return `${status} ${method.padEnd(7)} ${`${Math.round(ms)} ms`.padStart(8)}  ${printable(target)}`;
}
