/** A hub that drops the oldest messages of slow subscribers soon, and a publisher that makes it do so. */
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";

const DROPPED = 'trunkline_messages_dropped_total{reason="drop_oldest"}';
const LARGE = "x".repeat(60_000);
const BATCH = 16;

/** Starts the hub. */
export function startSlowHub(): Promise<TestHub> {
  return TestHub.start(["hub.outbox.slow_consumer=drop_oldest", "hub.outbox.publish=64KiB"]);
}

/** Publishes to a topic, to which somebody is subscribed who does not read, until he loses something. */
export async function publishUntilDropped(hub: TestHub, topic: string): Promise<void> {
  await using publisher = await WsClient.connect(hub.url("/"));
  while (await hub.metric(DROPPED) === 0) {
    for (let sent = 0; sent < BATCH; sent++) publisher.send(`publish:${topic}:1.0.0\n${LARGE}`);
  }
}
