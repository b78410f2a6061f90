/** Builds what clients of the CloudBridge handshake need from a configuration. */
import type { Config } from "../config/schema.ts";
import type { ClientCertificate } from "../core/client_certificate.ts";
import type { Clock } from "../core/ports.ts";
import { CloudBridgeSession } from "../hub/cloudbridge_session.ts";
import type { EgressDesk } from "../hub/cloudbridge_tunnels.ts";
import type { Agents } from "../tunnel/agents.ts";
import type { Logins } from "./logins.ts";

/** What they get from the rest of the hub. */
export interface CloudBridgePorts {
  readonly clock: Clock;
  /** `null` on a hub that asks for no login. */
  readonly logins: Logins | null;
  readonly certificate: ClientCertificate | null;
  readonly egress: EgressDesk;
  /** Whom those join who go on with frames; `null` where the address does not speak frames. */
  readonly agents: Agents | null;
}

/** Makes the user of one connection of JSON lines. */
export function createCloudBridge(
  { broker }: Config,
  { agents, ...ports }: CloudBridgePorts,
): CloudBridgeSession {
  return new CloudBridgeSession({
    ...ports,
    maxMalformed: broker.max_malformed,
    frames: agents === null ? null : (member) => agents.createMember(member),
  });
}
