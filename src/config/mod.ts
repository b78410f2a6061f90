/** The configurations of hub and agent: loading them, showing them, and telling what is wrong with them. */
export {
  type AgentConfigResult,
  loadAgentConfig,
  printAgentConfigJson,
  printAgentConfigYaml,
} from "./agent_config.ts";
export { type ConfigResult, loadConfig, printConfigJson, printConfigYaml } from "./hub_config.ts";
export { type HubUrl } from "./hub_url.ts";
export { type ConfigInput } from "./load.ts";
export { type LocalService } from "./local_service.ts";
export { type EffectiveConfig } from "./print.ts";
export { type ConfigProblem, formatProblem } from "./problem.ts";
export { type Config, defaultConfig } from "./schema.ts";
export { type AgentConfig, defaultAgentConfig } from "./schema_agent.ts";
export { describeSource, type Source } from "./source.ts";
export { type Address, formatAddress } from "./units.ts";
