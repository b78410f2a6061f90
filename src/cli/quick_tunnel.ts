/** The tunnel of a command, with all that the command line does not say as in agent.yaml. */
import type { ConfiguredTunnel } from "../agent/agent_streams.ts";

/** What a command says of its tunnel. */
export type QuickTunnel = Pick<ConfiguredTunnel, "name" | "kind" | "local"> & Partial<ConfiguredTunnel>;

const POOL = { max: 64, idle_timeout: 60_000 };

/** The whole tunnel. */
export function quickTunnel(tunnel: QuickTunnel): ConfiguredTunnel {
  return {
    subdomain: null,
    hostname: null,
    host_header: null,
    ca: null,
    insecure: false,
    remote_port: null,
    proxy_protocol: false,
    pool: POOL,
    ...tunnel,
  };
}
