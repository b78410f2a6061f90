/**
 * The schema of `limits`: how much each connection and account may use. Guarantees that every account and
 * tenant that is named has all limits, those that are left out taken from `limits.default`.
 */
import { z } from "zod";
import { section } from "./composites.ts";
import { bool, decimal, duration, factor, HOUR, integer, MINUTE, SECOND, size } from "./fields.ts";

const MAX_RATE = 1_000_000_000;
const MAX_COUNT = 10_000_000;

function rate() {
  return integer(0, MAX_RATE);
}

function count() {
  return integer(0, MAX_COUNT);
}

function bandwidth() {
  return size(0, 2 ** 40);
}

function burst() {
  return factor(1, 100);
}

function defaultQuota() {
  return section({
    connections: count().prefault(1000).describe("Connections at a time; 0: no limit"),
    requests_per_second: rate().prefault(0).describe("HTTP requests a second through tunnels; 0: no limit"),
    messages_per_second: rate().prefault(0).describe("Messages a second; 0: no limit"),
    bandwidth: bandwidth().prefault(0).describe("Bytes a second in each direction; 0: no limit"),
    burst: burst().prefault("2x").describe("How far a rate may be exceeded for a second"),
    streams: count().prefault(8192).describe("Streams at a time; 0: no limit"),
    subscriptions: count().prefault(100_000).describe("Subscriptions; 0: no limit"),
    tunnels: count().prefault(50).describe("Tunnels; 0: no limit"),
  });
}

function ownQuota() {
  return section({
    connections: count().optional(),
    requests_per_second: rate().optional(),
    messages_per_second: rate().optional(),
    bandwidth: bandwidth().optional(),
    burst: burst().optional(),
    streams: count().optional(),
    subscriptions: count().optional(),
    tunnels: count().optional(),
  });
}

/** The limits of an account or tenant; in each, 0 means no limit. */
export type Quota = z.infer<ReturnType<typeof defaultQuota>>;
type OwnQuota = z.infer<ReturnType<typeof ownQuota>>;

/** A tenant has as much as its accounts have together. */
const NO_LIMITS: Quota = {
  connections: 0,
  requests_per_second: 0,
  messages_per_second: 0,
  bandwidth: 0,
  burst: 2,
  streams: 0,
  subscriptions: 0,
  tunnels: 0,
};

function withDefaults(own: OwnQuota, base: Quota): Quota {
  return {
    connections: own.connections ?? base.connections,
    requests_per_second: own.requests_per_second ?? base.requests_per_second,
    messages_per_second: own.messages_per_second ?? base.messages_per_second,
    bandwidth: own.bandwidth ?? base.bandwidth,
    burst: own.burst ?? base.burst,
    streams: own.streams ?? base.streams,
    subscriptions: own.subscriptions ?? base.subscriptions,
    tunnels: own.tunnels ?? base.tunnels,
  };
}

function fillIn(quotas: Readonly<Record<string, OwnQuota>>, base: Quota): Record<string, Quota> {
  return Object.fromEntries(Object.entries(quotas).map(([name, own]) => [name, withDefaults(own, base)]));
}

/** The section `limits`. */
export function limitsSchema() {
  return section({
    connection: section({
      messages_per_second: rate().prefault(0).describe("Messages a second; 0: no limit"),
      bandwidth: bandwidth().prefault(0).describe("Bytes a second in each direction; 0: no limit"),
      burst: burst().prefault("2x").describe("How far a rate may be exceeded for a second"),
      streams: count().prefault(4096).describe("Streams that its peer may have open at a time; 0: no limit"),
    }).prefault({}).describe("Limits of each connection"),
    default: defaultQuota().prefault({}).describe(
      "Limits of each account; logins without an account have none",
    ),
    accounts: z.record(z.string().min(1), ownQuota()).prefault({})
      .describe("Limits of single accounts, by name; what is left out is as in limits.default"),
    tenants: z.record(z.string().min(1), ownQuota()).prefault({})
      .describe("Limits of single tenants, by name; what is left out has no limit"),
    adjust: section({
      enabled: bool().prefault(true).describe("Lower rates while the hub lags behind"),
      interval: duration(100, MINUTE).prefault("1s").describe("Time between two adjustments"),
      target_lag: duration(1, SECOND).prefault("20ms").describe("Delay of the event loop that is aimed at"),
      floor: decimal(0.01, 1).prefault(0.1).describe("Lowest share of a rate that is left"),
    }).prefault({}).describe("Limits that follow the load"),
  }).transform((limits) => ({
    ...limits,
    accounts: fillIn(limits.accounts, limits.default),
    tenants: fillIn(limits.tenants, NO_LIMITS),
  }));
}

/** The section `shutdown`. */
export function shutdownSchema() {
  return section({
    grace: duration(0, HOUR).prefault("20s").describe(
      "How long running requests and streams may take to finish",
    ),
    spread: duration(0, 10 * MINUTE).prefault("5s").describe(
      "Over how much time clients are told to come back",
    ),
  });
}
