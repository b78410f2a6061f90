/** The last requests to a service, and how many there were a second: for a person who watches. */
import type { SeenRequest } from "../agent/agent_streams.ts";
import { count, grouped } from "./figures.ts";
import { printable } from "../core/printable.ts";

const SHOWN = 10;
/** The rate is that of the last so many seconds, the one that runs included. */
const WINDOW_SECONDS = 10;

/** Keeps them; a line is made when it is shown. */
export class RecentRequests {
  readonly #now: () => number;
  /** The newest last. */
  #last: SeenRequest[] = [];
  /** How many there were, by the second and its place in the window. */
  readonly #counts = new Array<number>(WINDOW_SECONDS).fill(0);
  #second: number;
  #total = 0;
  #unanswered = 0;

  constructor(now: () => number) {
    this.#now = now;
    this.#second = Math.floor(now() / 1000);
  }

  add(seen: SeenRequest): void {
    this.#total++;
    if (seen.cause !== null) this.#unanswered++;
    this.#last.push(seen);
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

  /** All of them in a line. */
  summary(): string {
    const failed = this.#unanswered === 0 ? "" : `, ${grouped(this.#unanswered)} without a response`;
    return `${count(this.#total, "request")}${failed}`;
  }

  /** Forgets the seconds that left the window. */
  #turnTo(second: number): void {
    const passed = Math.min(WINDOW_SECONDS, second - this.#second);
    for (let i = 0; i < passed; i++) this.#counts[(second - i) % WINDOW_SECONDS] = 0;
    this.#second = second;
  }
}

/** One request in a line; where the service gave no response, with the reason. */
export function requestLine({ request: { method, target }, status, cause, ms }: SeenRequest): string {
  const said = status === null ? "---" : String(status);
  const why = cause === null ? "" : `  ${status === null ? "broken off: " : ""}${printable(cause)}`;
  return `${said} ${method.padEnd(7)} ${`${Math.round(ms)} ms`.padStart(8)}  ${printable(target)}${why}`;
}
