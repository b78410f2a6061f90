/**
 * Who may do what with topics: the one place of the broker that decides it. It asks the rights of the principal and
 * answers before a payload is read; `null` means that it may be done.
 */
import { DEFAULT_TENANT, type Principal } from "../core/principal.ts";
import { matchesTopic } from "../core/topic.ts";
import type { BrokerError } from "./broker_error.ts";

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

/** Decides for one hub. */
export class Permissions {
  readonly #multiTenant: boolean;

  /** `multiTenant`: whether tenants are customers who must not touch each other's. */
  constructor({ multiTenant }: { multiTenant: boolean }) {
    this.#multiTenant = multiTenant;
  }

  /** Whether a principal may send a request to a system topic, in lower case. */
  checkSystemRequest(topic: string, { rights, tenant }: Principal): BrokerError | null {
    if (!ADMIN_TOPICS.some((admin) => topic === admin || topic.startsWith(`${admin}.`))) return null;
    if (!rights.isAdmin) return forbidden(`Cannot use ${topic}: only administrators may`);
    if (this.#multiTenant && tenant !== DEFAULT_TENANT && HUB_WIDE_TOPICS.has(topic)) {
      return forbidden(
        `Cannot use ${topic}: it is about all tenants; only administrators of tenant ${DEFAULT_TENANT} may`,
      );
    }
    return null;
  }

  /** Whether a principal may subscribe to a pattern, in lower case. */
  checkSubscribe(pattern: string, { rights }: Principal): BrokerError | null {
    const admin = rights.isAdmin ? undefined : ADMIN_EVENTS.find((topic) => matchesTopic(pattern, topic));
    if (admin === undefined) return null;
    const names = pattern === admin
      ? ""
      : `, which ${pattern} selects; name the topics that you want one by one`;
    return forbidden(`Cannot subscribe to ${pattern}: only administrators may subscribe to ${admin}${names}`);
  }

  /** Whether lines of the log that name no tenant may be shown to administrators of tenants. */
  get showsHubLines(): boolean {
    return !this.#multiTenant;
  }
}

function forbidden(message: string): BrokerError {
  return { code: "FORBIDDEN", message };
}
