/**
 * Who may do what with topics: the one place of the broker that decides it. It asks the rights of the principal and
 * answers before a payload is read; `null` means that it may be done. What it denies is told to those who look after
 * security.
 */
import { DEFAULT_TENANT, type Principal } from "../core/principal.ts";
import type { ReceiveRight, SendRight } from "../core/rights.ts";
import type { DeniedRight, EventOrigin, SecurityEvents } from "../core/security_event.ts";
import { matchesTopic } from "../core/topic.ts";
import type { BrokerError } from "./broker_error.ts";
import type { SubscriptionAction } from "./subscription.ts";
import type { SubscriptionManager } from "./subscription_manager.ts";
import type { Member } from "./tenant_space.ts";

/** Where the lines of the log arrive. */
export const LOG_TOPIC = "system.log";
/** Where every routed message is shown. */
export const TAP_TOPIC = "system.message";

/** Topics that only an administrator may ask for anything, with all below them. */
const ADMIN_TOPICS: readonly string[] = [LOG_TOPIC, TAP_TOPIC, "system.control"];
/** What changes the hub for all tenants. */
const HUB_WIDE_TOPICS: ReadonlySet<string> = new Set([
  "system.control.drain",
  "system.control.reload",
  "system.control.log_level",
]);
/** What arrives here, only an administrator may subscribe to. */
const ADMIN_EVENTS: readonly string[] = [LOG_TOPIC, TAP_TOPIC];

/** Who wants to do something. */
export interface Actor {
  readonly principal: Principal;
  /** The connection that it comes over. */
  readonly connection: { readonly origin: EventOrigin };
}

/** What somebody wants to subscribe to. */
export interface WantedPattern {
  /** As it was written. */
  readonly pattern: string;
  readonly action: SubscriptionAction;
}

/** A subscription, or a part of one, that ended because a right to it is gone. */
export interface EndedSubscription {
  readonly topic: string;
  readonly action: SubscriptionAction;
}

/** What a hub is like. */
export interface PermissionsOptions {
  /** Whether tenants are customers who must not touch each other's. */
  readonly multiTenant: boolean;
  readonly events: SecurityEvents;
}

/** Decides for one hub. */
export class Permissions {
  readonly #multiTenant: boolean;
  readonly #events: SecurityEvents;

  constructor({ multiTenant, events }: PermissionsOptions) {
    this.#multiTenant = multiTenant;
    this.#events = events;
  }

  /** Whether somebody may send a request to a system topic, in lower case. */
  checkSystemRequest(topic: string, actor: Actor): BrokerError | null {
    if (!ADMIN_TOPICS.some((admin) => topic === admin || topic.startsWith(`${admin}.`))) return null;
    if (!actor.principal.rights.isAdmin) {
      return this.#deny(actor, "admin", {
        target: topic,
        why: `Cannot use ${topic}: only administrators may`,
      });
    }
    if (!HUB_WIDE_TOPICS.has(topic) || this.sees(actor.principal)) return null;
    const why = `Cannot use ${topic}: it is about all tenants; ` +
      `only administrators of tenant ${DEFAULT_TENANT} may`;
    return this.#deny(actor, "admin", { target: topic, why });
  }

  /** Says that somebody may not send to a topic; whether he may, he remembers himself. */
  denySend(topic: string, right: SendRight, actor: Actor): BrokerError {
    const why = `Cannot send to ${topic}: the login has no right to ${right} there`;
    return this.#deny(actor, right, { target: topic, why });
  }

  /** Whether somebody may subscribe to a pattern. */
  checkSubscribe(wanted: WantedPattern, actor: Actor): BrokerError | null {
    const { pattern } = wanted;
    const admin = adminTopicIn(wanted, actor.principal);
    if (admin !== undefined) {
      const names = pattern.toLowerCase() === admin
        ? ""
        : `, which ${pattern} selects; name the topics that you want one by one`;
      const why = `Cannot subscribe to ${pattern}: only administrators may subscribe to ${admin}${names}`;
      return this.#deny(actor, "admin", { target: pattern, why });
    }
    const right = missingRight(wanted, actor.principal);
    if (right === null) return null;
    const why = `Cannot subscribe to ${pattern}: the login has no right to ${right} there`;
    return this.#deny(actor, right, { target: pattern, why });
  }

  /** Ends what of a member's subscriptions he has no right to any more; gives what that was. */
  endForbidden(
    subscriptions: SubscriptionManager,
    member: Member,
    principal: Principal,
  ): readonly EndedSubscription[] {
    const ended: EndedSubscription[] = [];
    for (const { pattern, action } of [...subscriptions.of(member)]) {
      for (const part of ["publish", "request"] as const) {
        if (action !== "both" && action !== part) continue;
        const wanted = { pattern, action: part };
        if (adminTopicIn(wanted, principal) === undefined && missingRight(wanted, principal) === null) {
          continue;
        }
        subscriptions.unsubscribe(member, wanted);
        ended.push({ topic: pattern, action: part });
      }
    }
    return ended;
  }

  /** Whether a principal may see what is about the hub as a whole, and not about its tenant alone. */
  sees({ tenant, rights }: Principal): boolean {
    return !this.#multiTenant || tenant === DEFAULT_TENANT && rights.isAdmin;
  }

  /** Whether lines of the log that name no tenant may be shown to administrators of tenants. */
  get showsHubLines(): boolean {
    return !this.#multiTenant;
  }

  #deny(
    { connection }: Actor,
    right: DeniedRight,
    { target, why }: { target: string; why: string },
  ): BrokerError {
    this.#events.record({ kind: "denied", ...connection.origin, right, target });
    return { code: "FORBIDDEN", message: why, ...(right === "admin" ? {} : { details: { right } }) };
  }
}

/** The topic for administrators alone that a pattern selects and this one may not. */
function adminTopicIn({ pattern }: WantedPattern, { rights }: Principal): string | undefined {
  const key = pattern.toLowerCase();
  return rights.isAdmin ? undefined : ADMIN_EVENTS.find((topic) => matchesTopic(key, topic));
}

/** The first right that is missing for a subscription. */
function missingRight({ pattern, action }: WantedPattern, { rights }: Principal): ReceiveRight | null {
  const key = pattern.toLowerCase();
  if (action !== "request" && !rights.covers("subscribe", key)) return "subscribe";
  return action !== "publish" && !rights.covers("serve", key) ? "serve" : null;
}
