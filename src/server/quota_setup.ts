/** Builds the quotas of a hub from its configuration, and has them follow the load. */
import type { Config } from "../config/schema.ts";
import type { Quota } from "../config/schema_limits.ts";
import type { Clock, Logger } from "../core/ports.ts";
import type { AdjustSettings } from "../limits/limit_adjuster.ts";
import { lagOfLoad } from "../limits/own_load.ts";
import { cpuMicroseconds } from "../metrics/process_stats.ts";
import { QuotaManager } from "../limits/quota_manager.ts";
import type { QuotaLimits, QuotaRules } from "../limits/quota_rules.ts";

/** What quotas get from the rest of the hub. */
export interface QuotaPorts {
  /** May lag behind by a turn of the event loop. */
  readonly clock: Clock;
  readonly logger: Logger;
  /** What the process used of the processor so far, in seconds. @default what the system says */
  readonly cpuSeconds?: () => number;
}

/** The quotas of one hub, and the load that they follow. */
export class HubQuotas {
  readonly manager: QuotaManager;
  readonly #ports: QuotaPorts;
  #settings: Config["limits"]["adjust"];
  /** Of the present interval, in seconds. */
  #lags: number[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #isRunning = false;
  /** Where the present interval began. */
  #sinceMs = 0;
  #cpuBefore = 0;

  constructor({ limits }: Pick<Config, "limits">, ports: QuotaPorts) {
    this.#ports = ports;
    this.#settings = limits.adjust;
    this.manager = new QuotaManager({
      rules: quotaRules(limits),
      adjust: adjustSettings(limits.adjust),
      clock: ports.clock,
    });
  }

  /** Other limits from now on. */
  change(limits: Config["limits"]): void {
    this.#settings = limits.adjust;
    const before = this.manager.share;
    this.manager.change(quotaRules(limits), adjustSettings(limits.adjust));
    if (before < 1 && this.manager.share === 1) {
      this.#ports.logger.info("Rates do not follow the load any more: they are as configured");
    }
    if (!this.#isRunning) return;
    this.stop();
    this.start();
  }

  start(): void {
    this.#isRunning = true;
    const { enabled, interval } = this.#settings;
    if (!enabled) return;
    this.#begin();
    this.#timer = setInterval(() => this.#adjust(), interval);
  }

  stop(): void {
    this.#isRunning = false;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#lags = [];
  }

  /** The event loop was so late, in seconds. */
  observe(lagSeconds: number): void {
    if (this.#timer !== undefined) this.#lags.push(lagSeconds);
  }

  #begin(): void {
    this.#lags = [];
    this.#sinceMs = this.#ports.clock.now();
    this.#cpuBefore = this.#cpuSeconds();
  }

  #cpuSeconds(): number {
    // Where the system does not say, the process counts as being at work all the time.
    return this.#ports.cpuSeconds?.() ?? processCpuSeconds() ?? this.#ports.clock.now() / 1000;
  }

  #adjust(): void {
    const seconds = (this.#ports.clock.now() - this.#sinceMs) / 1000;
    const cpuSeconds = this.#cpuSeconds() - this.#cpuBefore;
    const lagMs = lagOfLoad({ lags: this.#lags, cpuSeconds, seconds });
    this.#begin();
    // A clock that stands still tells of no rates.
    if (seconds <= 0) return;
    const before = this.manager.share;
    this.manager.adjust({ lagMs, seconds });
    const { share } = this.manager;
    const { logger } = this.#ports;
    if (before === 1 && share < 1) {
      logger.warning("The hub lags behind: rates are lowered, the same for all accounts", { lagMs, share });
    }
    if (before < 1 && share === 1) logger.info("The hub is in time again: rates are as configured");
  }
}

/** `null` where the system does not say. */
function processCpuSeconds(): number | null {
  const usage = cpuMicroseconds();
  return usage === null ? null : (usage.user + usage.system) / 1e6;
}

function quotaRules({ connection, default: account, accounts, tenants }: Config["limits"]): QuotaRules {
  const { messages_per_second: messagesPerSecond, bandwidth, burst } = connection;
  const named = (quotas: Readonly<Record<string, Quota>>) =>
    new Map(Object.entries(quotas).map(([name, quota]) => [name, limitsOf(quota)]));
  return {
    connection: { messagesPerSecond, bandwidth, burst },
    account: limitsOf(account),
    accounts: named(accounts),
    tenants: named(tenants),
  };
}

function limitsOf(quota: Quota): QuotaLimits {
  const { messages_per_second: messagesPerSecond, requests_per_second: requestsPerSecond, ...rest } = quota;
  return { messagesPerSecond, requestsPerSecond, ...rest };
}

function adjustSettings({ enabled, target_lag, floor }: Config["limits"]["adjust"]): AdjustSettings | null {
  return enabled ? { targetLagMs: target_lag, floor } : null;
}
