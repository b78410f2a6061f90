/** Requests of visitors, in plain numbers, by few labels. */
import type { ExchangeRecord } from "./exchange_record.ts";

/** Methods that have numbers of their own. */
export const COUNTED_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"] as const;
/** Classes of statuses; `aborted`: the visitor was gone before it got one. */
export const STATUS_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx", "aborted"] as const;
export type CountedMethod = typeof COUNTED_METHODS[number];
export type StatusClass = typeof STATUS_CLASSES[number];

/** Counts of one hub. */
export class HttpCounts {
  /** By method, then by class. */
  readonly #requests = COUNTED_METHODS.map(() => STATUS_CLASSES.map(() => 0));
  /** Responses that were cut in the middle. */
  broken = 0;

  count({ method, status, isWhole }: ExchangeRecord): void {
    const [row, column] = [rowOf(method), columnOf(status)];
    const counts = this.#requests[row];
    if (counts !== undefined) counts[column] = (counts[column] ?? 0) + 1;
    if (!isWhole && status !== 0) this.broken++;
  }

  of(method: CountedMethod, status: StatusClass): number {
    return this.#requests[COUNTED_METHODS.indexOf(method)]?.[STATUS_CLASSES.indexOf(status)] ?? 0;
  }
}

function rowOf(method: string): number {
  const row = COUNTED_METHODS.findIndex((one) => one === method);
  return row < 0 ? COUNTED_METHODS.length - 1 : row;
}

function columnOf(status: number): number {
  const column = Math.floor(status / 100) - 1;
  return column in STATUS_CLASSES ? column : STATUS_CLASSES.length - 1;
}
