/**
 * What somebody may subscribe to: `subscribe` for what is published, `serve` for requests. Asked when a subscription
 * is made, and again for all of them when a login is renewed.
 */
import type { ReceiveRight, Rights } from "../core/rights.ts";
import type { Subscriber, SubscriptionAction } from "./subscription.ts";
import type { SubscriptionManager } from "./subscription_manager.ts";

/** A subscription, or a part of one, that a right is missing for. */
export interface EndedSubscription {
  readonly topic: string;
  readonly action: SubscriptionAction;
}

/** The first right that is missing for a subscription; `null` when none is. */
export function missingRight(
  rights: Rights,
  { pattern, action }: { pattern: string; action: SubscriptionAction },
): ReceiveRight | null {
  const key = pattern.toLowerCase();
  if (action !== "request" && !rights.covers("subscribe", key)) return "subscribe";
  return action !== "publish" && !rights.covers("serve", key) ? "serve" : null;
}

/** Ends what of a subscriber's subscriptions he has no right to any more; gives what that was. */
export function endForbidden(
  subscriptions: SubscriptionManager,
  subscriber: Subscriber,
  rights: Rights,
): readonly EndedSubscription[] {
  const ended: EndedSubscription[] = [];
  for (const { pattern, action } of [...subscriptions.of(subscriber)]) {
    for (const part of ["publish", "request"] as const) {
      const isPart = action === "both" || action === part;
      if (!isPart || missingRight(rights, { pattern, action: part }) === null) continue;
      subscriptions.unsubscribe(subscriber, { pattern, action: part });
      ended.push({ topic: pattern, action: part });
    }
  }
  return ended;
}
