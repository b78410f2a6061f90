/** The metrics about published messages that are kept, part of the one table. */
import { defineMetrics } from "./metric_definition.ts";

/** Metrics by name. */
export const keptMetrics = defineMetrics({
  trunkline_broker_kept_messages: {
    type: "gauge",
    help: "Messages that are kept: in histories, and as retained values",
    labels: { as: ["history", "retained"] },
  },
  trunkline_broker_kept_bytes: {
    type: "gauge",
    help: "Bytes of all kept messages, with what they cost beside their payload",
  },
  trunkline_broker_kept_unsafe: {
    type: "gauge",
    help: "Changes of what is kept that are not yet written to the disk",
  },
  trunkline_broker_trimmed_total: {
    type: "counter",
    help:
      "Messages that were trimmed from histories, because there were too many (size) or they were too old (age)",
    labels: { reason: ["size", "age"] },
  },
  trunkline_broker_replays_active: {
    type: "gauge",
    help: "Replays of histories in progress",
  },
  trunkline_broker_replays_total: {
    type: "counter",
    help: "Replays that were asked for, by whether all that was asked for was there",
    labels: { recovered: ["true", "false"] },
  },
  trunkline_broker_replay_gaps_total: {
    type: "counter",
    help: "Notices to subscribers that messages were trimmed before they could be replayed",
  },
  trunkline_broker_caught_up_total: {
    type: "counter",
    help: "Messages from before a subscription that were sent to its subscriber",
    labels: { as: ["history", "retained"] },
  },
  trunkline_broker_duplicates_total: {
    type: "counter",
    help: "Publishes that came before, and were dropped and answered as they were then",
  },
  trunkline_broker_retained_refused_total: {
    type: "counter",
    help: "Messages that did not become retained values, because their tenant has too many",
  },
  trunkline_broker_unsafe_total: {
    type: "counter",
    help: "Messages whose publishers were told that they could not be made safe",
  },
  trunkline_storage_failures_total: {
    type: "counter",
    help: "Writes to the disk of kept messages that failed",
  },
});
