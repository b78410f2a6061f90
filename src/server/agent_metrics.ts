/** The numbers of agents and their streams, under the names of the metric table. */
import type { CountedCode, StreamStats } from "../link/stream_stats.ts";
import type { MetricSample } from "../metrics/metric_table.ts";
import type { Agents } from "../tunnel/agents.ts";

const MS_PER_SECOND = 1000;

/** The samples of agents and their streams. */
export function* agentSamples(agents: Agents, streams: StreamStats): Iterable<MetricSample> {
  const { admitted, takeovers } = agents.stats;
  yield { name: "tunnel_connections_total", value: admitted };
  for (const [account, value] of agents.stats.connectionsByAccount()) {
    yield { name: "tunnel_connections_per_account", labels: { account }, value };
  }
  yield { name: "tunnel_streams_active", value: streams.active };
  yield { name: "trunkline_agents", value: agents.size };
  yield { name: "trunkline_agent_takeovers_total", value: takeovers };
  yield* streamSamples(streams);
  yield* linkSamples(agents);
}

function* streamSamples(streams: StreamStats): Iterable<MetricSample> {
  const { opened, accepted, refusedBy, resetBy, overCap, bytesReceived, bytesSent } = streams;
  yield { name: "trunkline_streams_opened_total", labels: { by: "hub" }, value: opened };
  yield { name: "trunkline_streams_opened_total", labels: { by: "agent" }, value: accepted };
  for (const [code, value] of byCode(refusedBy)) {
    yield { name: "trunkline_streams_refused_total", labels: { code }, value };
  }
  for (const [code, value] of byCode(resetBy)) {
    yield { name: "trunkline_streams_reset_total", labels: { code }, value };
  }
  yield { name: "trunkline_streams_over_cap_total", value: overCap };
  yield { name: "trunkline_stream_received_bytes_total", value: bytesReceived };
  yield { name: "trunkline_stream_sent_bytes_total", value: bytesSent };
}

function* byCode(counts: ReadonlyMap<CountedCode, number>): Iterable<[code: string, value: number]> {
  for (const [code, value] of counts) yield [String(code), value];
}

function* linkSamples(agents: Agents): Iterable<MetricSample> {
  let [bufferedBytes, windowBytes, roundTripMs] = [0, 0, 0];
  for (const link of agents.links) {
    bufferedBytes += link.bufferedBytes;
    windowBytes += link.windowBytes;
    roundTripMs = Math.max(roundTripMs, link.roundTripMs ?? 0);
  }
  yield { name: "trunkline_stream_buffered_bytes", value: bufferedBytes };
  yield { name: "trunkline_stream_window_bytes", value: windowBytes };
  yield { name: "trunkline_agent_round_trip_max_seconds", value: roundTripMs / MS_PER_SECOND };
}
