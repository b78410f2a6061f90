/**
 * What is different between the configuration of a running hub or agent and another one, and what of it can be taken
 * over.
 * Nothing of a value is told, so that secrets are compared and never shown.
 */
import { type Config, configSchema } from "./schema.ts";
import { type AgentConfig, agentSchema } from "./schema_agent.ts";
import { detachedContext } from "./schema_context.ts";
import { listSettings, type Schema, valueAt } from "./schema_walk.ts";

/** What another configuration means for a running hub or agent. Settings are named by dotted key, in the order of the schema. */
export interface ConfigChanges<C> {
  /** What runs, with all of the other one that needs no restart. */
  readonly config: C;
  /** The settings in which that differs from what runs. */
  readonly changed: readonly string[];
  /** The settings that stay as they run until a restart. */
  readonly needRestart: readonly string[];
}

/** Compares two configurations of a hub. */
export function planChanges(running: Config, next: Config): ConfigChanges<Config> {
  return plan(running, next, { schema: configSchema(detachedContext), live: withLiveSettings });
}

/** Compares two configurations of an agent. */
export function planAgentChanges(running: AgentConfig, next: AgentConfig): ConfigChanges<AgentConfig> {
  return plan(running, next, { schema: agentSchema(detachedContext), live: withLiveAgentSettings });
}

function plan<C>(
  running: C,
  next: C,
  { schema, live }: { readonly schema: Schema; readonly live: (running: C, next: C) => C },
): ConfigChanges<C> {
  const settings = listSettings(schema);
  const config = live(running, next);
  const differing = (before: C, after: C) =>
    settings.filter(({ path }) => !isSame(valueAt(before, path), valueAt(after, path)))
      .map(({ path }) => path.join("."));
  return { config, changed: differing(running, config), needRestart: differing(config, next) };
}

function withLiveSettings(running: Config, next: Config): Config {
  const { tokens, certificates, permissions, revoked, jwt, oidc, claims, lockout } = next.auth;
  return {
    ...running,
    auth: { ...running.auth, tokens, certificates, permissions, revoked, jwt, oidc, claims, lockout },
    logging: { ...running.logging, level: next.logging.level },
  };
}

function withLiveAgentSettings(running: AgentConfig, next: AgentConfig): AgentConfig {
  const { tunnels, allow, services, logging: { level } } = next;
  return { ...running, tunnels, allow, services, logging: { ...running.logging, level } };
}

function isSame(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}
