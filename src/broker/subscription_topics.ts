/**
 * The system topics about topics: `system.topic.*`.
 */
import type { BrokerLimits } from "./broker_parts.ts";
import type { Logger } from "../core/ports.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import { recordAction, whoIs } from "./control_topics.ts";
import { byTopic, topicsOf } from "./listings.ts";
import { selectsTaps } from "./message_taps.ts";
import type { QuotaRefusal } from "../limits/quota_scope.ts";
import type { Permissions } from "./permissions.ts";
import { PRESENCE_TOPIC, type PresenceMember } from "./presence.ts";
import { MAX_REPLAYS } from "./replays.ts";
import type { ReplayFrom } from "../store/message_store.ts";
import type { SubscriptionAction } from "./subscription.ts";
import {
  type Handlers,
  invalid,
  listed,
  on,
  success,
  type SystemContext,
  type SystemResult,
} from "./system_handler.ts";
import { systemPayloads } from "./system_payloads.ts";
import { topicInfo } from "./topic_info.ts";
import type { TenantSpace } from "./tenant_space.ts";

/** What the handlers work with. */
export interface SubscriptionTopicsOptions {
  readonly limits: Pick<BrokerLimits, "maxSubscriptions">;
  readonly permissions: Permissions;
  readonly logger: Logger;
  readonly events: SecurityEvents;
}

interface Wanted {
  readonly topic: string;
  readonly action: SubscriptionAction;
  readonly priority: number;
  readonly group?: string | undefined;
  readonly replay?: ReplayFrom | undefined;
}

const NO_REQUESTS = "requests are not kept, only what is published is";
const NO_GROUP = "a queue group shares what is published now; leave group or replay out";

/** Makes the handlers. */
export function subscriptionTopics(options: SubscriptionTopicsOptions): Handlers {
  const { nothing, subscribe, unsubscribe, presence } = systemPayloads;
  return [
    ["system.topic.subscribe", on(subscribe, (wanted, context) => subscribeTo(wanted, context, options))],
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
    [
      "system.topic.info",
      on(presence, ({ topic }, context) => topicInfo(topic, context, options.permissions)),
    ],
    [
      PRESENCE_TOPIC,
      on(presence, ({ topic }, { space }) => listed("members", membersOf(topic.toLowerCase(), space))),
    ],
  ];
}

function subscribeTo(
  { topic, action, priority, group, replay }: Wanted,
  context: SystemContext,
  options: SubscriptionTopicsOptions,
): SystemResult {
  const { connection, principal, space } = context;
  const { limits: { maxSubscriptions: limit }, permissions, logger } = options;
  const wanted = { pattern: topic, action, priority, group: group ?? null };
  if (replay !== undefined && (group !== undefined || action === "request")) {
    return invalid("replay", `Cannot replay ${topic}: ${group === undefined ? NO_REQUESTS : NO_GROUP}`);
  }
  const refusal = permissions.checkSubscribe(wanted, { connection, principal });
  if (refusal !== null) return { kind: "error", error: refusal };
  if (replay !== undefined && !space.replays.hasRoomFor(connection, topic.toLowerCase())) {
    const text = `Cannot replay ${topic}: a connection may have ${MAX_REPLAYS} replays in progress`;
    return {
      kind: "error",
      error: { code: "LIMIT_REACHED", message: text, details: { limit: MAX_REPLAYS } },
    };
  }
  const result = space.subscriptions.subscribe(connection, wanted);
  if (result === "limit") return tooMany(topic, { scope: "connection", limit });
  if (typeof result === "object") return tooMany(topic, result);
  if (action !== "request" && selectsTaps(topic.toLowerCase())) {
    logger.info("An administrator is shown every message", { ...whoIs(connection, principal), topic });
    recordAction(context, options, { action: "tap", target: topic });
  }
  return action === "request" ? success() : catchUp(wanted, context, replay ?? null);
}

/** What was published before comes behind the answer. */
function catchUp(
  { pattern, group }: { readonly pattern: string; readonly group: string | null },
  { connection, space: { subscriptions, replays } }: SystemContext,
  replay: ReplayFrom | null,
): SystemResult {
  const subscription = subscriptions.find(connection, pattern);
  if (subscription === undefined) return success();
  if (group !== null) {
    replays.left(connection, subscription.key);
    return success();
  }
  const begun = replays.subscribed(subscription, connection, replay);
  if (begun === null) return success();
  return { kind: "in_order", answer: { ...begun.answer, status: "success" }, begin: begun.begin };
}

function tooMany(topic: string, { scope, limit }: QuotaRefusal): SystemResult {
  const who = scope === "account" ? "an account" : `a ${scope}`;
  const message = `Cannot subscribe to ${topic}: ${who} may have ${limit} subscriptions`;
  return {
    kind: "error",
    error: { code: "LIMIT_REACHED", message, details: scope === "connection" ? { limit } : { limit, scope } },
  };
}

function* membersOf(topic: string, { subscriptions, presence }: TenantSpace): Generator<PresenceMember> {
  for (const { id } of subscriptions.membersOf(topic)) yield presence.memberOf(id);
}
