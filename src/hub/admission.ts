/**
 * How many connections there may be, in all and from one address. IPv6 counts by /64, which is what one
 * customer usually has; loopback and listed proxies have no bound of their own.
 */
import { clientKey, type IpRange, isLoopback, matchesAnyIpRange } from "../core/ip_range.ts";

/** The bounds. */
export interface AdmissionOptions {
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
  /** Sources whose PROXY header is believed. */
  readonly proxies: readonly IpRange[];
}

/** Counts the connections of one hub. */
export class Admission {
  #options: AdmissionOptions;
  readonly #byIp = new Map<string, number>();
  #total = 0;

  /** Whether nobody new is let in, because the process has no memory for more; who is there stays. */
  isOverloaded = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Other bounds from now on; who is there stays. */
  change(bounds: Pick<AdmissionOptions, "maxConnections" | "maxConnectionsPerIp">): void {
    this.#options = { ...this.#options, ...bounds };
  }

  /** Connections that are counted now. */
  get total(): number {
    return this.#total;
  }

  /** Why {@link enter} lets nobody in. */
  get refusal(): "memory" | "max_connections" {
    return this.isOverloaded ? "memory" : "max_connections";
  }

  /** Counts one more connection; `false` when there are too many, or no memory is left. Pair with {@link leave}. */
  enter(): boolean {
    if (this.isOverloaded || this.#total >= this.#options.maxConnections) return false;
    this.#total++;
    return true;
  }

  leave(): void {
    this.#total--;
  }

  /** Counts one more connection of an address; `false` when it has too many. Pair with {@link leaveIp}. */
  enterIp(ip: string): boolean {
    if (this.#isExempt(ip)) return true;
    const key = clientKey(ip);
    const count = this.#byIp.get(key) ?? 0;
    if (count >= this.#options.maxConnectionsPerIp) return false;
    this.#byIp.set(key, count + 1);
    return true;
  }

  leaveIp(ip: string): void {
    if (this.#isExempt(ip)) return;
    const key = clientKey(ip);
    const count = (this.#byIp.get(key) ?? 0) - 1;
    if (count > 0) this.#byIp.set(key, count);
    else this.#byIp.delete(key);
  }

  /** Whether this source has to send a PROXY header. */
  isProxy(ip: string): boolean {
    return matchesAnyIpRange(this.#options.proxies, ip);
  }

  #isExempt(ip: string): boolean {
    return isLoopback(ip) || this.isProxy(ip);
  }
}
