/**
 * Builds the broker from a configuration and connects it to the hub's ports.
 */
import type { BrokerRules } from "../broker/broker_rules.ts";
import { MessageBroker, type MessageBrokerOptions } from "../broker/message_broker.ts";
import type { Config } from "../config/schema.ts";
import type { ConnectionFactory } from "../hub/connection_factory.ts";
import type { UpgradeTarget } from "../hub/upgrade.ts";

/** What the broker gets from the rest of the hub. */
export type BrokerPorts = Pick<
  MessageBrokerOptions,
  | "version"
  | "clock"
  | "cachedClock"
  | "logger"
  | "log"
  | "stopHub"
  | "reload"
  | "readMetrics"
  | "listTunnels"
  | "onLatency"
  | "onAnswered"
  | "logins"
  | "events"
  | "store"
  | "epochMs"
>;

/** The paths on which WebSockets speak text messages. */
export const BROKER_PATHS: readonly string[] = ["/", "/ws"];
const SUBPROTOCOLS: readonly string[] = ["trunkline.text.v1"];

/** Makes the broker; `null` while it is switched off. */
export function createBroker({ auth, broker, hub }: Config, ports: BrokerPorts): MessageBroker | null {
  if (!broker.enabled) return null;
  const { request } = broker;
  const { limits, ...rules } = brokerRules(broker);
  return new MessageBroker({
    ...ports,
    ...rules,
    limits: { ...limits, maxPayloadBytes: broker.max_payload, maxTimeoutMs: request.max_timeout },
    multiTenant: auth.multi_tenant,
    slowConsumer: hub.outbox.slow_consumer,
    heartbeatTimeoutMs: hub.heartbeat.timeout,
    heartbeatIntervalMs: hub.heartbeat.interval,
    requestTimeoutMs: request.timeout,
    failover: request.failover,
  });
}

/** What of the broker can change while it runs. */
export function brokerRules(broker: Config["broker"]): BrokerRules {
  const { rate, topics } = broker;
  return {
    topics: topics.map(({ pattern, slow_consumer, presence, retain, history }) => ({
      pattern,
      slowConsumer: slow_consumer,
      presence,
      retain,
      history: history === null ? null : { size: history.size, ttlMs: history.ttl },
    })),
    topicRates: Object.entries(rate.topics).map(([pattern, perSecond]) => ({ pattern, perSecond })),
    ratePerTopic: rate.per_topic,
    maxOutstandingRequests: broker.max_outstanding_requests,
    limits: {
      maxMalformed: broker.max_malformed,
      maxSubscriptions: broker.max_subscriptions_per_connection,
      ratePerService: rate.per_service,
    },
  };
}

/** What a path leads to when it is the broker's; `undefined` otherwise. */
export function brokerTarget(
  path: string,
  { broker, connections }: { broker: MessageBroker | null; connections: ConnectionFactory },
): UpgradeTarget | undefined {
  if (broker === null || !BROKER_PATHS.includes(path)) return undefined;
  return {
    subprotocols: SUBPROTOCOLS,
    login: "message",
    accept: (accepted) => connections.openWebSocket(accepted, broker.createSession()),
  };
}
