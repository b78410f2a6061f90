/** What a client of the CloudBridge handshake says of a tunnel that it wants, read with all its limits. */
import { parseHost } from "../core/host.ts";
import type { Principal } from "../core/principal.ts";
import type { JsonObject } from "../wire/json_line.ts";

/** A tunnel, or what is wrong with it. */
export type BridgeTunnelInfo =
  | { readonly ok: true; readonly id: string; readonly host: string; readonly port: number }
  | { readonly ok: false; readonly message: string };

/** Ids can be repeated in an answer. */
const TUNNEL_ID = /^[\x21-\x7e]{1,64}$/;

/** Reads `tunnel_info`. */
export function readTunnelInfo(object: JsonObject, { tenant }: Principal): BridgeTunnelInfo {
  const { tunnel_id: id, local_port: localPort, remote_host: host, remote_port: port, tenant_id } = object;
  if (typeof id !== "string" || !TUNNEL_ID.test(id)) {
    return wrong("tunnel_id", "it is 1 to 64 printable characters of ASCII without a space");
  }
  if (!isPort(localPort)) return wrong("local_port", "it is a number from 1 to 65535");
  if (typeof host !== "string" || parseHost(host) === null) {
    return wrong("remote_host", "it is an IP address or a host name");
  }
  if (!isPort(port)) return wrong("remote_port", "it is a number from 1 to 65535");
  if (tenant_id !== undefined && tenant_id !== tenant) {
    return wrong("tenant_id", "it is not that of the login");
  }
  return { ok: true, id, host, port };
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65535;
}

function wrong(field: string, why: string): BridgeTunnelInfo {
  return { ok: false, message: `Cannot take the ${field}: ${why}` };
}
