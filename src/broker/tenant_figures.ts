/**
 * What each tenant has and did, for the metrics: summed up when somebody asks, from what is counted anyway.
 */
import type { TenantSpaces } from "./tenant_space.ts";
import type { TenantTraffics } from "./tenant_traffic.ts";

/** The figures of one tenant, or of all that are not counted by their names. */
export interface TenantFigures {
  readonly tenant: string;
  readonly connections: number;
  readonly subscriptions: number;
  readonly services: number;
  readonly requestsOutstanding: number;
  readonly published: number;
  readonly delivered: number;
}

/** Sums up; tenants of which nobody is connected have zeroes beside what they did. */
export function tenantFigures(traffics: TenantTraffics, spaces: TenantSpaces): readonly TenantFigures[] {
  const byLabel = new Map<string, { -readonly [K in keyof TenantFigures]: TenantFigures[K] }>();
  for (const { label: tenant, published, delivered } of traffics.all()) {
    const present = { connections: 0, subscriptions: 0, services: 0, requestsOutstanding: 0 };
    byLabel.set(tenant, { tenant, ...present, published, delivered });
  }
  for (const { tenant, size, subscriptions, services, requests } of spaces.all()) {
    const figures = byLabel.get(traffics.of(tenant).label);
    if (figures === undefined) continue;
    figures.connections += size;
    figures.subscriptions += subscriptions.size;
    figures.services += services.size;
    figures.requestsOutstanding += requests.outstanding;
  }
  return [...byLabel.values()];
}
