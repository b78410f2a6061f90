/** What an agent dials: its hub, the proxy on the way, and how TLS is spoken. */
import type { AgentConfig } from "../config/mod.ts";
import type { HubUrl } from "../config/hub_url.ts";
import { type ClientTls, readClientTls } from "../link/client_tls.ts";
import type { LinkPath } from "./link_paths.ts";
import { chooseProxy, type Proxy } from "./proxy_choice.ts";
import { FILE_NAMES, type SettingNames } from "./setting_names.ts";

/** A hub to dial. */
export interface DialTarget {
  readonly url: HubUrl;
  /** `null` to dial the hub itself. */
  readonly proxy: Proxy | null;
  /** `null` for plain text. */
  readonly tls: ClientTls | null;
  /** How long everything together may take until the hub is reached. */
  readonly connectTimeoutMs: number;
  /** What texts call its settings. @default the keys of agent.yaml */
  readonly names?: SettingNames;
}

/**
 * Reads what the configuration and the environment say. Throws `certificate_invalid` for a file and `usage` for a
 * proxy that cannot be used. The files are read again for each connection; where they cannot be used any more `failed`
 * is told, and those that were read last go on.
 */
export function readDialTarget(
  { url, ca, cert, key, tls_min_version: minVersion, connect_timeout: connectTimeoutMs }: AgentConfig["hub"],
  env: Readonly<Record<string, string>>,
  failed: (error: unknown) => void = () => {},
): DialTarget {
  const read = (): ClientTls => ({
    ...readClientTls({ ca, cert, key }, { names: FILE_NAMES, code: "certificate_invalid" }),
    verify: true,
    minVersion,
  });
  let last = url.isSecure ? read() : null;
  return {
    url,
    proxy: chooseProxy(url, env),
    connectTimeoutMs,
    get tls() {
      if (last === null) return null;
      try {
        last = read();
      } catch (error) {
        failed(error);
      }
      return last;
    },
  };
}

/** The way that the URL asks for first. */
export function firstPath({ scheme }: HubUrl): LinkPath {
  return scheme === "ws" || scheme === "wss" ? "websocket" : "stream";
}
