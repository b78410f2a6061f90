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
  readonly #requests = new Map<string, number>();
  /** Responses that were cut in the middle. */
  broken = 0;

  count({ method, status, isWhole }: ExchangeRecord): void {
    const key = `${methodOf(method)} ${classOf(status)}`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    if (!isWhole && status !== 0) this.broken++;
  }

  of(method: CountedMethod, status: StatusClass): number {
    return this.#requests.get(`${method} ${status}`) ?? 0;
  }
}

function methodOf(method: string): CountedMethod {
  return COUNTED_METHODS.find((one) => one === method) ?? "other";
}

function classOf(status: number): StatusClass {
  return STATUS_CLASSES[Math.floor(status / 100) - 1] ?? "aborted";
}
