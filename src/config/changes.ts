/**
 * What is different between the configuration of a running hub or agent and another one, and what of it can be taken
 * over.
 * Nothing of a value is told, so that secrets are compared and never shown.
 */
import { isLive, LIVE_AGENT_SETTINGS, LIVE_HUB_SETTINGS } from "./live_settings.ts";
import { type Config, configSchema } from "./schema.ts";
import { type AgentConfig, agentSchema } from "./schema_agent.ts";
import { detachedContext } from "./schema_context.ts";
import { isMap, listSettings, type Schema, valueAt } from "./schema_walk.ts";

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
  // Whether TLS is spoken at all is decided when an address is opened.
  const fixed = [
    ...(isSame(running.hub.tls.cert === null, next.hub.tls.cert === null) ? [] : ["hub.tls"]),
    ...(isSame(running.public.tls === null, next.public.tls === null) ? [] : ["public.tls"]),
  ];
  const live = LIVE_HUB_SETTINGS.filter((key) => !fixed.includes(key));
  return plan(running, next, { schema: configSchema(detachedContext), live });
}

/** Compares two configurations of an agent. */
export function planAgentChanges(running: AgentConfig, next: AgentConfig): ConfigChanges<AgentConfig> {
  return plan(running, next, { schema: agentSchema(detachedContext), live: LIVE_AGENT_SETTINGS });
}

function plan<C extends object>(
  running: C,
  next: C,
  { schema, live }: { readonly schema: Schema; readonly live: readonly string[] },
): ConfigChanges<C> {
  const differing = listSettings(schema)
    .filter(({ path }) => !isSame(valueAt(running, path), valueAt(next, path)))
    .map(({ path }) => path);
  const [changed, needRestart] = [true, false].map((wanted) =>
    differing.filter((path) => isLive(path.join("."), live) === wanted)
  );
  const config = structuredClone(running);
  for (const path of changed ?? []) setAt(config, path, valueAt(next, path));
  const named = (paths: readonly (readonly string[])[] = []) => paths.map((path) => path.join("."));
  return { config, changed: named(changed), needRestart: named(needRestart) };
}

/** Changes what stands at a path; the sections above it are there. */
function setAt(root: object, path: readonly string[], value: unknown): void {
  const section = path.slice(0, -1).reduce<unknown>((at, key) => isMap(at) ? at[key] : undefined, root);
  if (isMap(section)) Reflect.set(section, path.at(-1) ?? "", value);
}

function isSame(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}
