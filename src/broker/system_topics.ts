/**
 * What the hub itself answers: requests to `system.*` topics. Each handler takes what the payload says and gives
 * what is to be answered; nothing here sends.
 */
import type { z } from "zod";
import type { Clock, Logger } from "../core/ports.ts";
import { messageOf } from "../core/errors.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import type { TextMessage } from "../wire/text_message.ts";
import type { Connection } from "../hub/connection.ts";
import type { BrokerError } from "./broker_error.ts";
import { recordDenial } from "./denial.ts";
import { missingRight } from "./receive_rights.ts";
import { byTopic, cutList, describeAll, topicsOf } from "./listings.ts";
import type { Subscriber, SubscriptionAction } from "./subscription.ts";
import type { ServiceDescription } from "./service_registry.ts";
import { readPayload, systemPayloads } from "./system_payloads.ts";
import type { TenantSpace } from "./tenant_space.ts";

/** What comes of a request. */
export type SystemResult =
  | {
    readonly kind: "answer";
    readonly answer: Readonly<Record<string, unknown>>;
    /** How many deliveries it counts as. @default 1 */
    readonly cost?: number;
  }
  | { readonly kind: "error"; readonly error: BrokerError };

/** One series of a metric. */
export interface MetricSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Everything that is measured now, by name. */
export type ReadMetrics = () => Promise<ReadonlyMap<string, readonly MetricSeries[]>>;

/** Who can be a service. */
export interface Registrant {
  /** Registers, or changes what it registered as. */
  register(service: ServiceDescription): void;
}

/** Who asks, and where. */
export interface SystemContext {
  readonly registrant: Registrant;
  readonly connection: Subscriber & Pick<Connection, "principal" | "origin">;
  readonly space: TenantSpace;
}

/** What the system topics work with. */
export interface SystemTopicsOptions {
  readonly maxSubscriptions: number;
  readonly events: SecurityEvents;
  readonly readMetrics: ReadMetrics;
  /** Time that may lag behind by a turn of the event loop. */
  readonly cachedClock: Clock;
  readonly logger: Logger;
}

/** So many characters of an answer count as one delivery. */
const CHARACTERS_PER_DELIVERY = 64;
/** What a request counts that is not answered at once. */
export const SLOW_REQUEST_COST = 256;

type Handler = (message: TextMessage, context: SystemContext) => SystemResult | Promise<SystemResult>;

/** Answers the requests to system topics of one hub. */
export class SystemTopics {
  readonly #options: SystemTopicsOptions;
  readonly #handlers: ReadonlyMap<string, Handler>;

  constructor(options: SystemTopicsOptions) {
    this.#options = options;
    const { cachedClock } = options;
    const { nothing, register, subscribe, unsubscribe, serviceSubscriptions, metrics } = systemPayloads;
    this.#handlers = new Map<string, Handler>([
      ["system.heartbeat", on(nothing, () => success())],
      [
        "system.service.register",
        on(register, (service, { registrant, connection }) => {
          registrant.register(service);
          return success({ serviceId: connection.id });
        }),
      ],
      [
        "system.service.list",
        on(nothing, (_, { space }) => listed("services", space.services.list(cachedClock.now()))),
      ],
      ["system.service.subscriptions", on(serviceSubscriptions, subscriptionsOf)],
      ["system.topic.subscribe", on(subscribe, (wanted, context) => this.#subscribe(wanted, context))],
      [
        "system.topic.unsubscribe",
        on(unsubscribe, ({ topic, action }, { connection, space }) => {
          space.subscriptions.unsubscribe(connection, { pattern: topic, action });
          return success();
        }),
      ],
      ["system.topic.list", on(nothing, (_, { space }) => listed("topics", topicsOf(space.subscriptions)))],
      [
        "system.topic.subscriptions",
        on(nothing, (_, { space }) => listed("subscriptions", byTopic(space.subscriptions))),
      ],
      ["system.metrics", on(metrics, (wanted) => this.#metrics(wanted))],
    ]);
  }

  /** Handles one request. A promise does not reject. */
  handle(message: TextMessage, context: SystemContext): SystemResult | Promise<SystemResult> {
    const handler = this.#handlers.get(message.topicKey);
    if (handler === undefined) {
      const text = `Cannot answer ${message.topic}: there is no such system topic in this version`;
      return { kind: "error", error: { code: "TOPIC_NOT_SUPPORTED", message: text } };
    }
    try {
      const result = handler(message, context);
      return result instanceof Promise ? result.catch((error) => this.#failed(message, error)) : result;
    } catch (error) {
      return this.#failed(message, error);
    }
  }

  #failed({ topic }: TextMessage, error: unknown): SystemResult {
    this.#options.logger.error("Cannot answer a system request", { topic, error: messageOf(error) });
    const text = `Cannot answer ${topic}: something failed inside the hub; its log says what`;
    return { kind: "error", error: { code: "INTERNAL_ERROR", message: text } };
  }

  #subscribe(
    { topic, action, priority, group }: {
      topic: string;
      action: SubscriptionAction;
      priority: number;
      group?: string | undefined;
    },
    { connection, space }: SystemContext,
  ): SystemResult {
    const wanted = { pattern: topic, action, priority, group: group ?? null };
    const right = connection.principal === null ? null : missingRight(connection.principal.rights, wanted);
    if (right !== null) {
      recordDenial(this.#options.events, connection, { right, topic });
      const message = `Cannot subscribe to ${topic}: the login has no right to ${right} there`;
      return { kind: "error", error: { code: "FORBIDDEN", message, details: { right } } };
    }
    if (space.subscriptions.subscribe(connection, wanted) !== "limit") return success();
    const limit = this.#options.maxSubscriptions;
    const text = `Cannot subscribe to ${topic}: a connection may have ${limit} subscriptions`;
    return { kind: "error", error: { code: "LIMIT_REACHED", message: text, details: { limit } } };
  }

  async #metrics(
    { showAll, paramFilter }: { showAll: boolean; paramFilter?: Record<string, string> | undefined },
  ): Promise<SystemResult> {
    const wanted = Object.entries(paramFilter ?? {});
    const metrics: Record<string, readonly MetricSeries[]> = {};
    for (const [name, series] of await this.#options.readMetrics()) {
      const kept = series.filter(({ labels, value }) =>
        (showAll || value !== 0) && wanted.every(([label, text]) => labels[label] === text)
      );
      if (kept.length > 0) metrics[name] = kept;
    }
    return success({ metrics });
  }
}

function success(answer: Readonly<Record<string, unknown>> = {}, cost = 1): SystemResult {
  return { kind: "answer", answer: { ...answer, status: "success" }, cost };
}

/** A handler of payloads that keep a schema; what does not keep it is answered with what is wrong. */
function on<T>(
  schema: z.ZodType<T>,
  handle: (payload: T, context: SystemContext) => SystemResult | Promise<SystemResult>,
): Handler {
  return ({ payload }, context) => {
    const read = readPayload(schema, payload);
    return read.ok ? handle(read.payload, context) : { kind: "error", error: read.error };
  };
}

/** A list that is cut where it would be too long for a message. */
function listed(name: string, entries: Iterable<unknown>): SystemResult {
  const { kept, isCut, characters } = cutList(entries);
  const cost = 1 + Math.floor(characters / CHARACTERS_PER_DELIVERY);
  return success({ [name]: kept, ...(isCut ? { truncated: true } : {}) }, cost);
}

/** The subscriptions of one service; of the one that asks when none is named. */
function subscriptionsOf(
  { serviceId }: { serviceId?: string | undefined },
  { connection, space }: SystemContext,
): SystemResult {
  const subscriber = serviceId === undefined ? connection : space.member(serviceId);
  if (subscriber === undefined) {
    const message = `Cannot list the subscriptions of ${
      JSON.stringify(serviceId)
    }: no such service is connected`;
    return { kind: "error", error: { code: "INVALID_REQUEST", message, details: { field: "serviceId" } } };
  }
  return listed("subscriptions", describeAll(space.subscriptions.of(subscriber)));
}
