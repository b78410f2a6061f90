/** Makes the users of connections that speak the CloudBridge handshake. */
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/ports.ts";
import { CloudBridgeSession } from "../hub/cloudbridge_session.ts";
import type { LoginDesk } from "../hub/login.ts";
import type { Agents } from "../tunnel/agents.ts";
import type { Tunnels } from "../tunnel/tunnels.ts";

/** What they get from the rest of the hub. */
export interface CloudBridgePorts {
  readonly clock: Clock;
  /** `null` on a hub that asks for no login. */
  readonly logins: LoginDesk | null;
  readonly tunnels: Tunnels;
  readonly agents: Agents;
}

/** The user of one connection. */
export function createCloudBridge(
  { broker }: Config,
  { clock, logins, tunnels, agents }: CloudBridgePorts,
): CloudBridgeSession {
  return new CloudBridgeSession({
    clock,
    maxMalformed: broker.max_malformed,
    logins,
    tunnels: {
      refusalOf: async ({ host, port }, asker) => {
        const refusal = await tunnels.egress.judge({ host, port }, asker);
        return refusal === null ? null : `Cannot reach ${host}:${port} from the hub: ${refusal.reason}`;
      },
      createFramesUser: (guest) => agents.createGuestSession(guest),
    },
  });
}
