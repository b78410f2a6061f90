/**
 * Whether a connection sends more messages than it may: by the rate of each connection, and by what it and its account
 * have left. Who is told to wait and goes on all the same is given up in the end.
 */
import type { Clock } from "../core/ports.ts";
import type { Connection } from "../hub/connection.ts";
import { FaultBudget } from "../limits/fault_budget.ts";
import { TokenBucket } from "../limits/token_bucket.ts";
import type { Action } from "../wire/text_message.ts";
import type { BrokerError } from "./broker_error.ts";
import type { BrokerLimits } from "./broker_parts.ts";

/** Messages over a rate in a minute; one more ends the connection. */
export const MAX_OVER_RATE = 10_000;
/** Messages without an id that are over a rate are told of once in so long. */
const NOTICE_MS = 1000;

/** The rates of one connection. */
export class SendRates {
  readonly #limits: Pick<BrokerLimits, "ratePerService">;
  readonly #clock: Clock;
  #bucket: TokenBucket | null = null;
  /** Made with the first message over a rate. */
  #patience: FaultBudget | null = null;
  #noticeMs = -Infinity;

  constructor(limits: Pick<BrokerLimits, "ratePerService">, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /**
   * Why a message to one of the topics of services may not be sent now. Somebody waits for an answer, so one that is
   * over a quota goes, and the next message is read later.
   */
  check(action: Action, { quota }: Connection): BrokerError | null {
    const { ratePerService } = this.#limits;
    if (ratePerService > 0) {
      const retryAfterMs = this.#take(ratePerService);
      if (retryAfterMs > 0) return rateLimited("this service", retryAfterMs);
    }
    if (quota === null) return null;
    if (action !== "response") return this.checkQuota(quota);
    quota.chargeMessage();
    return null;
  }

  /** Why any message may not be sent now. */
  checkQuota(quota: NonNullable<Connection["quota"]>): BrokerError | null {
    const retryAfterMs = quota.takeMessage();
    if (retryAfterMs === 0) return null;
    const { refusedBy: scope } = quota;
    return rateLimited(`this ${scope}`, retryAfterMs, { scope });
  }

  /** Counts a message over a rate; whether that can go on. */
  isPatient(): boolean {
    this.#patience ??= new FaultBudget(MAX_OVER_RATE);
    return this.#patience.spend(this.#clock.now());
  }

  /** Whether the next one without an id is to be told of: a flood is not answered by a flood. */
  mayNotice(): boolean {
    const nowMs = this.#clock.now();
    if (nowMs - this.#noticeMs < NOTICE_MS) return false;
    this.#noticeMs = nowMs;
    return true;
  }

  #take(ratePerSecond: number): number {
    const nowMs = this.#clock.now();
    if (this.#bucket?.ratePerSecond !== ratePerSecond) this.#bucket = new TokenBucket(ratePerSecond, nowMs);
    return this.#bucket.take(nowMs);
  }
}

/** Something sends too much. */
export function rateLimited(
  what: string,
  retryAfterMs: number,
  more: Readonly<Record<string, unknown>> = {},
): BrokerError {
  const message = `Too many messages of ${what}: try again in ${retryAfterMs} ms`;
  return { code: "RATE_LIMITED", message, details: { retryAfterMs, ...more } };
}
