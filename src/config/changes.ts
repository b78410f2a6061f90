/**
 * What is different between two configurations, and what of it a running hub can take over. Nothing of a value is told,
 * so that secrets are compared and never shown.
 */
import { type Config, configSchema } from "./schema.ts";
import { detachedContext } from "./schema_context.ts";
import { listSettings, valueAt } from "./schema_walk.ts";

/** The settings in which two configurations differ, by dotted key, in the order of the schema. */
export function changedSettings(before: Config, after: Config): string[] {
  return listSettings(configSchema(detachedContext))
    .filter(({ path }) => JSON.stringify(valueAt(before, path)) !== JSON.stringify(valueAt(after, path)))
    .map(({ path }) => path.join("."));
}

/** A running configuration with all of another one that needs no restart. */
export function withLiveSettings(running: Config, next: Config): Config {
  const { tokens, permissions, revoked, jwt, oidc, claims, lockout } = next.auth;
  return {
    ...running,
    auth: { ...running.auth, tokens, permissions, revoked, jwt, oidc, claims, lockout },
    logging: { ...running.logging, level: next.logging.level },
  };
}
