/** What `system.topic.info` tells of one topic: its retained value, its history, and how many are subscribed. */
import type { KeptMessage } from "../store/message_store.ts";
import { shownPayload } from "./message_taps.ts";
import type { Permissions } from "./permissions.ts";
import { success, type SystemContext, type SystemResult } from "./system_handler.ts";

/** To look at so many messages takes as long as a delivery. */
const MESSAGES_PER_DELIVERY = 64;

/** Tells who may subscribe to it. */
export function topicInfo(
  topic: string,
  { connection, principal, space }: SystemContext,
  permissions: Permissions,
): SystemResult {
  const refusal = permissions.checkSubscribe({ pattern: topic, action: "publish" }, {
    connection,
    principal,
  });
  if (refusal !== null) return { kind: "error", error: refusal };
  const { archive: { tenant }, subscriptions } = space;
  const topicKey = topic.toLowerCase();
  const { keep } = subscriptions.route(topicKey).settings;
  const [value] = keep?.retain === true ? tenant.retained(topicKey) : [];
  const rules = keep?.history ?? null;
  const messages = rules === null ? [] : tenant.history(topicKey, Date.now());
  const answer = {
    topic,
    retains: keep?.retain ?? false,
    retained: value === undefined ? null : { ...shown(value), ...shownPayload(value.payload) },
    history: rules === null ? null : { ...rules, ...figuresOf(messages) },
    subscribers: subscriptions.membersOf(topicKey).size,
  };
  return success(answer, 1 + Math.floor(messages.length / MESSAGES_PER_DELIVERY));
}

function figuresOf(messages: readonly KeptMessage[]) {
  const [oldest, newest] = [messages[0], messages.at(-1)];
  return {
    count: messages.length,
    bytes: messages.reduce((sum, { payload }) => sum + payload.length, 0),
    oldest: oldest === undefined ? null : shown(oldest),
    newest: newest === undefined ? null : shown(newest),
  };
}

function shown({ id, atMs, payload }: KeptMessage) {
  return { id, time: new Date(atMs).toISOString(), size: payload.length };
}
