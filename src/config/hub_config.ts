/** The hub's configuration as one kind of configuration: how it is loaded, checked and shown. */
import { findContradictions } from "./cross_checks.ts";
import { type ConfigInput, type ConfigKind, load, type LoadResult } from "./load.ts";
import { type EffectiveConfig, printJson, printYaml } from "./print.ts";
import { type Config, configSchema, defaultConfig } from "./schema.ts";
import { detachedContext } from "./schema_context.ts";
import { refuseUnbuilt } from "./unbuilt.ts";

/** A configuration of a hub that can be used, or everything that is wrong with it. */
export type ConfigResult = LoadResult<Config>;

/** Variables that the commands read themselves. */
const NOT_SETTINGS = new Set(["TRUNKLINE_URL", "TRUNKLINE_TOKEN"]);
const AGENT_PREFIX = "TRUNKLINE_AGENT_";

const HUB: ConfigKind<Config> = {
  schema: configSchema,
  environment: {
    prefix: "TRUNKLINE_",
    isForeign: (name) => NOT_SETTINGS.has(name) || name.startsWith(AGENT_PREFIX),
  },
  exampleFlag: "hub.listen=:8443",
  check: (config, { isValid, reporter }) => {
    findContradictions(config, { isValid, reporter });
    refuseUnbuilt(config, { defaults: defaultConfig(), isValid, report: reporter([]) });
  },
};

/** Loads the configuration of a hub; see {@link load}. */
export function loadConfig(input: ConfigInput): ConfigResult {
  return load(HUB, input);
}

/** The configuration as YAML, one line for each setting, each with its source as a comment. */
export function printConfigYaml(effective: EffectiveConfig<Config>): string {
  return printYaml(configSchema(detachedContext), effective);
}

/** The configuration as JSON: `{ config, sources }`, the sources by dotted key. */
export function printConfigJson(effective: EffectiveConfig<Config>): string {
  return printJson(configSchema(detachedContext), effective);
}
