/** The hub's configuration: loading it, showing it, and telling what is wrong with it. */
export { type ConfigInput, type ConfigResult, loadConfig } from "./load.ts";
export { type EffectiveConfig, printConfigJson, printConfigYaml } from "./print.ts";
export { type ConfigProblem, formatProblem } from "./problem.ts";
export { type Config, defaultConfig } from "./schema.ts";
export { describeSource, type Source } from "./source.ts";
export { type Address, formatAddress } from "./units.ts";
