/** The configuration of an agent as one kind of configuration: how it is loaded, checked and shown. */
import { findAgentContradictions } from "./agent_checks.ts";
import { type ConfigInput, type ConfigKind, load, type LoadResult } from "./load.ts";
import { type EffectiveConfig, printJson, printYaml } from "./print.ts";
import { type AgentConfig, agentSchema } from "./schema_agent.ts";
import { detachedContext } from "./schema_context.ts";

/** A configuration of an agent that can be used, or everything that is wrong with it. */
export type AgentConfigResult = LoadResult<AgentConfig>;

const AGENT: ConfigKind<AgentConfig> = {
  schema: agentSchema,
  // Its own prefix, so that hub and agent can run in one environment.
  environment: { prefix: "TRUNKLINE_AGENT_", isForeign: () => false },
  exampleFlag: "hub.url=tls://hub.example:8443",
  check: findAgentContradictions,
};

/** Loads the configuration of an agent; see {@link load}. */
export function loadAgentConfig(input: ConfigInput): AgentConfigResult {
  return load(AGENT, input);
}

/** The configuration as YAML, one line for each setting, each with its source as a comment. */
export function printAgentConfigYaml(effective: EffectiveConfig<AgentConfig>): string {
  return printYaml(agentSchema(detachedContext), effective);
}

/** The configuration as JSON: `{ config, sources }`, the sources by dotted key. */
export function printAgentConfigJson(effective: EffectiveConfig<AgentConfig>): string {
  return printJson(agentSchema(detachedContext), effective);
}
