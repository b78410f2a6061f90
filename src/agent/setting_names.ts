/** What the settings of an agent are called where a text tells a person to look at one: keys of its file, or options. */

/** A name for each setting that texts speak of. */
export interface SettingNames {
  readonly url: string;
  readonly token: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly agentId: string;
  /** The authority of a local service, and that it is not checked. */
  readonly localCa: string;
  readonly localInsecure: string;
}

/** Of agent.yaml. */
export const FILE_NAMES: SettingNames = {
  url: "hub.url",
  token: "hub.token",
  ca: "hub.ca",
  cert: "hub.cert",
  key: "hub.key",
  agentId: "agent.id",
  localCa: "tunnels[].ca",
  localInsecure: "tunnels[].insecure",
};

/** Of a command that is an agent for a while. */
export const OPTION_NAMES: SettingNames = {
  url: "--url",
  token: "--token or TRUNKLINE_TOKEN",
  ca: "--ca",
  cert: "--cert",
  key: "--key",
  agentId: "--agent-id",
  localCa: "--local-ca",
  localInsecure: "--local-insecure",
};
