/** What counts connections and looks whether they live, from a configuration. */
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/ports.ts";
import { Admission } from "../hub/admission.ts";
import { HeartbeatMonitor } from "../link/heartbeat.ts";

/** How many may come in. */
export function createAdmission({ hub }: Pick<Config, "hub">): Admission {
  return new Admission({
    maxConnections: hub.max_connections,
    maxConnectionsPerIp: hub.max_connections_per_ip,
    proxies: hub.proxy_protocol,
  });
}

/** How often they are asked, and after how long they are given up. */
export function createHeartbeat({ hub }: Pick<Config, "hub">, clock: Clock): HeartbeatMonitor {
  const { interval: intervalMs, timeout: timeoutMs } = hub.heartbeat;
  return new HeartbeatMonitor({ intervalMs, timeoutMs, clock });
}
