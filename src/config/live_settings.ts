/**
 * Which settings take effect while a hub or an agent runs. What is not listed needs a restart. `docs/reload.md` is made
 * from these lists, and the comparison of two configurations works by them, so that neither can say anything else.
 */

/** Settings of a hub, or sections of them, by dotted key. */
export const LIVE_HUB_SETTINGS: readonly string[] = [
  "hub.tls",
  "hub.origins",
  "hub.max_connections",
  "hub.max_connections_per_ip",
  "broker.max_outstanding_requests",
  "broker.max_malformed",
  "broker.max_subscriptions_per_connection",
  "broker.rate",
  // Values that are over a lowered limit stay, messages in histories go by and by.
  "broker.retained",
  "broker.history",
  "broker.topics",
  "public.tls",
  "public.max_body",
  "public.header_timeout",
  "public.idle_timeout",
  "public.response_timeout",
  "public.body_rate",
  "public.send_timeout",
  "auth.tokens",
  "auth.certificates",
  "auth.permissions",
  "auth.revoked",
  "auth.jwt",
  "auth.oidc",
  "auth.claims",
  "auth.lockout",
  "limits.connection.messages_per_second",
  "limits.connection.bandwidth",
  "limits.connection.burst",
  "limits.default",
  "limits.accounts",
  "limits.tenants",
  "limits.adjust",
  "logging.level",
  "config.watch",
];

/** Settings of an agent, or sections of them, by dotted key. */
export const LIVE_AGENT_SETTINGS: readonly string[] = [
  // From the next connection on.
  "hub.token",
  "tunnels",
  "allow",
  "services",
  "logging.level",
];

/** Whether a setting is listed, or stands in a section that is. */
export function isLive(key: string, live: readonly string[]): boolean {
  return live.some((one) => key === one || key.startsWith(`${one}.`));
}
