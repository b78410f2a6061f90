/** Connects what the broker counts of kept messages to the names of the metric table. */
import type { MessageBroker } from "../broker/message_broker.ts";
import type { MetricSample } from "../metrics/metric_table.ts";

/** What is kept, and who caught up with it. */
export function* keptSamples({ stats, kept, replayCount }: MessageBroker): Iterable<MetricSample> {
  const { replays } = stats;
  const messages = "trunkline_broker_kept_messages";
  yield { name: messages, labels: { as: "history" }, value: kept.messages };
  yield { name: messages, labels: { as: "retained" }, value: kept.retained };
  yield { name: "trunkline_broker_kept_bytes", value: kept.bytes };
  yield { name: "trunkline_broker_kept_unsafe", value: kept.unsafe };
  const trimmed = "trunkline_broker_trimmed_total";
  yield { name: trimmed, labels: { reason: "size" }, value: kept.trimmedBySize };
  yield { name: trimmed, labels: { reason: "age" }, value: kept.trimmedByAge };
  yield { name: "trunkline_broker_replays_active", value: replayCount };
  const total = "trunkline_broker_replays_total";
  yield { name: total, labels: { recovered: "true" }, value: replays.started - replays.unrecovered };
  yield { name: total, labels: { recovered: "false" }, value: replays.unrecovered };
  yield { name: "trunkline_broker_replay_gaps_total", value: replays.gaps };
  const caughtUp = "trunkline_broker_caught_up_total";
  yield { name: caughtUp, labels: { as: "history" }, value: replays.messages };
  yield { name: caughtUp, labels: { as: "retained" }, value: stats.retainedSent };
  yield { name: "trunkline_broker_duplicates_total", value: stats.duplicates };
  yield { name: "trunkline_broker_retained_refused_total", value: stats.retainedRefused };
  yield { name: "trunkline_broker_unsafe_total", value: stats.unsafe };
  yield { name: "trunkline_storage_failures_total", value: kept.failures };
}
