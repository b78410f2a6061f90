/**
 * What the hub itself answers: requests to `system.*` topics. Finds who handles a request and whether it may be made;
 * the handlers take what the payload says and give what is to be answered, and nothing here sends.
 */
import type { BrokerLimits } from "./broker_parts.ts";
import { messageOf } from "../core/errors.ts";
import type { Clock, Logger } from "../core/ports.ts";
import type { TextMessage } from "../wire/text_message.ts";
import { controlTopics, type ControlTopicsOptions } from "./control_topics.ts";
import type { LogFeed } from "./log_feed.ts";
import { logTopics } from "./log_topics.ts";
import { metricsTopics, type ReadMetrics } from "./metrics_topics.ts";
import type { Permissions } from "./permissions.ts";
import { serviceTopics } from "./service_topics.ts";
import { subscriptionTopics } from "./subscription_topics.ts";
import { type ListTunnels, tunnelTopics } from "./tunnel_topics.ts";
import type { Handler, SystemContext, SystemResult } from "./system_handler.ts";

/** What the system topics work with. */
export interface SystemTopicsOptions extends Omit<ControlTopicsOptions, "logger"> {
  readonly limits: Pick<BrokerLimits, "maxSubscriptions">;
  readonly readMetrics: ReadMetrics;
  readonly listTunnels: ListTunnels;
  readonly permissions: Permissions;
  readonly logs: LogFeed;
  /** Time that may lag behind by a turn of the event loop. */
  readonly cachedClock: Clock;
  readonly logger: Logger;
}

/** What a request counts that is not answered at once. */
export const SLOW_REQUEST_COST = 256;

/** Answers the requests to system topics of one hub. */
export class SystemTopics {
  readonly #logger: Logger;
  readonly #permissions: Permissions;
  readonly #handlers: ReadonlyMap<string, Handler>;

  constructor(options: SystemTopicsOptions) {
    this.#logger = options.logger;
    this.#permissions = options.permissions;
    this.#handlers = new Map([
      ...serviceTopics(options.cachedClock),
      ...subscriptionTopics(options),
      ...metricsTopics(options),
      ...tunnelTopics(options),
      ...logTopics(options),
      ...controlTopics(options),
    ]);
  }

  /** Handles one request. A promise does not reject. */
  handle(message: TextMessage, context: SystemContext): SystemResult | Promise<SystemResult> {
    const refusal = this.#permissions.checkSystemRequest(message.topicKey, context);
    if (refusal !== null) return { kind: "error", error: refusal };
    const handler = this.#handlers.get(message.topicKey);
    if (handler === undefined) {
      const text = `Cannot answer ${message.topic}: there is no such system topic in this version`;
      return { kind: "error", error: { code: "TOPIC_NOT_SUPPORTED", message: text } };
    }
    try {
      const result = handler(message, context);
      return result instanceof Promise ? result.catch((error) => this.failed(message, error)) : result;
    } catch (error) {
      return this.failed(message, error);
    }
  }

  /** Logs that a request failed inside the hub; gives what its sender is told. */
  failed({ topic }: TextMessage, error: unknown): SystemResult {
    this.#logger.error("Cannot answer a system request", { topic, error: messageOf(error) });
    const text = `Cannot answer ${topic}: something failed inside the hub; its log says what`;
    return { kind: "error", error: { code: "INTERNAL_ERROR", message: text } };
  }
}
