/**
 * The part of the table of metrics that is about what accounts, tenants and connections may use.
 */
import { QUOTA_COUNTS, QUOTA_RATES, QUOTA_SCOPES } from "../core/quota_words.ts";
import { defineMetrics } from "./metric_definition.ts";

const WHO = {
  scope: ["account", "tenant"],
  tenant: "Its tenant; `default` where there are none",
  name: "Name of the account or tenant; only the 100 are told that use most of what they may",
  what: QUOTA_COUNTS,
} as const;

/** Metrics by name. */
export const quotaMetrics = defineMetrics({
  trunkline_quota_used: { type: "gauge", help: "What accounts and tenants use at the moment", labels: WHO },
  trunkline_quota_limit: {
    type: "gauge",
    help: "What accounts and tenants may use at a time, and of rates in a second; 0: without a limit",
    labels: { ...WHO, what: [...QUOTA_COUNTS, ...QUOTA_RATES] },
  },
  trunkline_quota_passed_total: {
    type: "counter",
    help: "What accounts and tenants sent of what has a rate, and was not turned away",
    labels: { ...WHO, what: QUOTA_RATES },
  },
  trunkline_quota_refused_total: {
    type: "counter",
    help: "What was turned away because a quota was used up",
    labels: { scope: QUOTA_SCOPES, what: [...QUOTA_COUNTS, ...QUOTA_RATES] },
  },
  trunkline_limits_delayed_total: {
    type: "counter",
    help:
      "Messages after which a connection was read later, and requests that were told to come later, as the hub lags behind or what cannot be refused was over its rate",
    labels: { what: QUOTA_RATES },
  },
  trunkline_limits_share: {
    type: "gauge",
    help: "What is left of rates while the hub lags behind; 1: all",
  },
  trunkline_limits_adjusted_total: {
    type: "counter",
    help: "How often rates were lowered because the hub lagged behind, and raised again",
    labels: { direction: ["lowered", "raised"] },
  },
});
