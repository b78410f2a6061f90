/** A client of topics with history: it knows where it stands, and what came. */
import assert from "node:assert/strict";
import { type Answer, BrokerClient, type Reachable, type Received, type Transport } from "./broker_client.ts";

/** The topics that the tests of history are about. */
export const HISTORY = 'broker.topics=[{ pattern: "log.#", history: { size: 100, ttl: 1h } }]';

/** The message id of a delivery. */
export function idOf({ header }: Received): string {
  return header.split(":")[3] ?? "";
}

/** The topic of a message. */
export function topicOf({ header }: Pick<Received, "header">): string {
  return header.split(":")[1] ?? "";
}

/** Subscribes with a replay; gives the answer. */
export async function replay(client: BrokerClient, topic: string, from: unknown): Promise<Answer["payload"]> {
  const answer = await client.request("system.topic.subscribe", { topic, action: "publish", replay: from });
  assert.equal(answer.status, "success", JSON.stringify(answer));
  return answer;
}

/** Publishes payloads to a topic, each with an answer; gives the ids. */
export async function publishAll(
  client: BrokerClient,
  topic: string,
  payloads: readonly string[],
): Promise<string[]> {
  const ids: string[] = [];
  for (const payload of payloads) {
    const { status, id, position } = await client.publish(topic, payload);
    assert.equal(status, "success");
    assert.equal(position, id);
    ids.push(id);
  }
  return ids;
}

/** The payloads of what came. */
export function payloadsOf(messages: readonly Received[]): string[] {
  return messages.map(({ payload }) => payload);
}

/** Numbers as payloads, from one up to another. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, at) => String(from + at));
}

/** Connects, which tests do often. */
export function connect(hub: Reachable, transport: Transport = "websocket"): Promise<BrokerClient> {
  return BrokerClient.connect(hub, transport);
}
