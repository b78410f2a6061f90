/** The numbers of tunnels, under the names of the metric table. */
import { DEFAULT_TENANT } from "../core/principal.ts";
import type { MetricSample } from "../metrics/metric_table.ts";
import { type Tunnel, tunnelLabel } from "../tunnel/tunnel.ts";
import { COUNTED_METHODS, STATUS_CLASSES } from "../tunnel/http_counts.ts";
import type { PublicDoor } from "./public_setup.ts";
import { EGRESS_RESULTS } from "../tunnel/egress_counts.ts";
import type { HubEgress } from "../tunnel/hub_egress.ts";
import type { Tunnels } from "../tunnel/tunnels.ts";
import { VISITOR_ENDS } from "../tunnel/visitor_ends.ts";

/** Tunnels that have series of their own; the others share one. */
export const MAX_TUNNEL_SERIES = 100;

/** The samples of tunnels. */
export function* tunnelSamples({ registry, stats, egress }: Tunnels): Iterable<MetricSample> {
  const sizes = { http: 0, tcp: 0 };
  const byLabel = new Map<string, Totals>();
  for (const tunnel of registry.all()) {
    sizes[tunnel.kind]++;
    addTo(byLabel, tunnel);
  }
  yield { name: "tunnel_registry_size", labels: { kind: "http" }, value: sizes.http };
  yield { name: "tunnel_registry_size", labels: { kind: "tcp" }, value: sizes.tcp };
  yield { name: "trunkline_tunnels_refused_total", value: stats.refusedTunnels };
  yield { name: "trunkline_forwarded_streams_total", value: stats.forwarded };
  yield* egressSamples(egress);
  for (const [tunnel, totals] of byLabel) {
    yield { name: "trunkline_tunnel_connections_active", labels: { tunnel }, value: totals.active };
    yield { name: "trunkline_tunnel_connections_total", labels: { tunnel }, value: totals.total };
    yield { name: "trunkline_tunnel_connections_refused_total", labels: { tunnel }, value: totals.refused };
    yield { name: "trunkline_tunnel_received_bytes_total", labels: { tunnel }, value: totals.bytesRead };
    yield { name: "trunkline_tunnel_sent_bytes_total", labels: { tunnel }, value: totals.bytesWritten };
  }
}

function* egressSamples({ stats, dialer: { dials, lookups } }: HubEgress): Iterable<MetricSample> {
  yield { name: "trunkline_egress_connections_active", value: stats.active };
  for (const result of EGRESS_RESULTS) {
    yield { name: "trunkline_egress_connections_total", labels: { result }, value: stats.results[result] };
  }
  const name = "trunkline_egress_over_limit_total";
  yield { name, labels: { limit: "dials" }, value: dials.refused };
  yield { name, labels: { limit: "lookups" }, value: lookups.refused };
}

/** The samples of visitors over HTTP, and of those who were too slow on any way. */
export function* visitorSamples(
  { counts, connections, ends }: PublicDoor,
  { ends: tcpEnds }: Tunnels,
): Iterable<MetricSample> {
  for (const method of COUNTED_METHODS) {
    for (const status of STATUS_CLASSES) {
      yield { name: "tunnel_requests_total", labels: { method, status }, value: counts.of(method, status) };
    }
  }
  yield { name: "trunkline_responses_broken_total", value: counts.broken };
  yield { name: "trunkline_visitor_connections", value: connections };
  for (const reason of VISITOR_ENDS) {
    const value = ends.of(reason) + tcpEnds.of(reason);
    yield { name: "trunkline_visitors_ended_total", labels: { reason }, value };
  }
}

type Totals = { active: number; total: number; refused: number; bytesRead: number; bytesWritten: number };

function addTo(byLabel: Map<string, Totals>, tunnel: Tunnel): void {
  const own = seriesOf(tunnel);
  const label = byLabel.has(own) || byLabel.size < MAX_TUNNEL_SERIES ? own : "other";
  const totals = byLabel.get(label) ?? { active: 0, total: 0, refused: 0, bytesRead: 0, bytesWritten: 0 };
  byLabel.set(label, totals);
  const { active, total, refused, bytesRead, bytesWritten } = tunnel.stats;
  totals.active += active;
  totals.total += total;
  totals.refused += refused;
  totals.bytesRead += bytesRead;
  totals.bytesWritten += bytesWritten;
}

function seriesOf(tunnel: Tunnel): string {
  const { tenant, account, agentId } = tunnel.agent;
  const path = `${account}/${agentId}/${tunnelLabel(tunnel)}`;
  return tenant === DEFAULT_TENANT ? path : `${tenant}/${path}`;
}
