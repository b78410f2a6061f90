/**
 * What is different between the configuration of a running hub and another one, and what of it the hub can take over.
 * Nothing of a value is told, so that secrets are compared and never shown.
 */
import { type Config, configSchema } from "./schema.ts";
import { detachedContext } from "./schema_context.ts";
import { listSettings, valueAt } from "./schema_walk.ts";

/** What another configuration means for a running hub. Settings are named by dotted key, in the order of the schema. */
export interface ConfigChanges {
  /** What runs, with all of the other one that needs no restart. */
  readonly config: Config;
  /** The settings in which that differs from what runs. */
  readonly changed: readonly string[];
  /** The settings that stay as they run until a restart. */
  readonly needRestart: readonly string[];
}

/** Compares two configurations. */
export function planChanges(running: Config, next: Config): ConfigChanges {
  const settings = listSettings(configSchema(detachedContext));
  const config = withLiveSettings(running, next);
  const differing = (before: Config, after: Config) =>
    settings.filter(({ path }) => !isSame(valueAt(before, path), valueAt(after, path)))
      .map(({ path }) => path.join("."));
  return { config, changed: differing(running, config), needRestart: differing(config, next) };
}

function withLiveSettings(running: Config, next: Config): Config {
  const { tokens, permissions, revoked, jwt, oidc, claims, lockout } = next.auth;
  return {
    ...running,
    auth: { ...running.auth, tokens, permissions, revoked, jwt, oidc, claims, lockout },
    logging: { ...running.logging, level: next.logging.level },
  };
}

function isSame(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}
