/** Builds the relay of a hub from its configuration. */
import type { Config } from "../config/schema.ts";
import type { ConnectionFactory } from "../hub/connection_factory.ts";
import { Relay } from "../hub/relay.ts";

/** Makes the relay; `null` while it is switched off. */
export function createRelay({ relay, hub }: Config, connections: ConnectionFactory): Relay | null {
  if (!relay.enabled) return null;
  const { paths, rooms, echo, max_message: maxMessageBytes, auth } = relay;
  const { slow_consumer: slowConsumer } = hub.outbox;
  const isOpen = auth === "none";
  return new Relay({ paths, rooms, echo, maxMessageBytes, slowConsumer, isOpen }, connections);
}
