/**
 * The tunnels that one client of the CloudBridge handshake announces: each is checked, by its fields and by whether the
 * hub would connect where it leads to, and answered. Nothing is dialled for it: that is what streams are for.
 */
import type { Destination } from "../core/destination_check.ts";
import { parseHost } from "../core/host.ts";
import { isLoginName } from "../core/login_names.ts";
import { ALL_PORTS } from "../core/port_range.ts";
import type { Principal } from "../core/principal.ts";
import type { EventOrigin } from "../core/security_event.ts";
import { StreamCode } from "../core/stream_codes.ts";
import type { DialRefusal } from "../link/checked_dial.ts";
import type { HandshakeError } from "../wire/json_error.ts";
import type { JsonObject } from "../wire/json_line.ts";

/** Says whether the hub would connect somewhere for somebody. */
export interface EgressDesk {
  /** Why not; `null`: it would. The promise does not reject. */
  judge(
    target: Destination,
    asker: { readonly principal: Principal | null; readonly origin: EventOrigin },
  ): Promise<DialRefusal | null>;
}

/** What a client is told of its tunnel. */
export type TunnelAnswer = { readonly kind: "ok"; readonly tunnelId: string } | HandshakeTunnelError;

/** Why it does not get it. */
export interface HandshakeTunnelError extends HandshakeError {
  readonly kind: "error";
}

/** A client that announces tunnels. */
interface Announcer {
  readonly principal: Principal | null;
  readonly origin: EventOrigin;
}

interface Announcement extends Destination {
  readonly tunnelId: string;
  readonly tenant: string | null;
}

/** Ids are repeated in answers. */
const TUNNEL_ID = /^[\x21-\x7e]{1,64}$/;
/** Tunnels of one connection. One that is announced again counts once. */
export const MAX_TUNNELS = 100;

/** The tunnels of one connection. */
export class CloudBridgeTunnels {
  readonly #desk: EgressDesk;
  readonly #ids = new Set<string>();

  constructor(desk: EgressDesk) {
    this.#desk = desk;
  }

  /** Checks one tunnel. The promise does not reject. */
  async announce(object: JsonObject, client: Announcer): Promise<TunnelAnswer> {
    const announced = readAnnouncement(object);
    if (typeof announced === "string") return invalid(announced);
    const { tunnelId, host, port, tenant } = announced;
    if (tenant !== null && tenant !== client.principal?.tenant) {
      return error("invalid_tenant", "Cannot take the tunnel_info: tenant_id is not the tenant of the login");
    }
    if (!this.#ids.has(tunnelId) && this.#ids.size >= MAX_TUNNELS) {
      return error(
        "tenant_limit_reached",
        `Cannot take the tunnel_info: a connection has at most ${MAX_TUNNELS}`,
      );
    }
    const refusal = await this.#desk.judge({ host, port }, client);
    if (refusal !== null) return answerTo(refusal);
    this.#ids.add(tunnelId);
    return { kind: "ok", tunnelId };
  }
}

function answerTo({ code }: DialRefusal): HandshakeTunnelError {
  switch (code) {
    case StreamCode.notAllowed:
      return invalid("the rights do not let the hub connect to remote_host and remote_port");
    case StreamCode.localRefused:
      return invalid("remote_host cannot be resolved");
    case StreamCode.overLimit:
      return error("server_unavailable", "Cannot take the tunnel_info now: too many names are looked up");
    default:
      return error(
        "server_unavailable",
        "Cannot take the tunnel_info now: remote_host was not resolved in time",
      );
  }
}

/** What a tunnel_info says, or what is wrong with it. */
function readAnnouncement(object: JsonObject): Announcement | string {
  const { tunnel_id: tunnelId, local_port: localPort, remote_host: host, remote_port: port } = object;
  const { tenant_id: tenant = null } = object;
  if (typeof tunnelId !== "string" || !TUNNEL_ID.test(tunnelId)) {
    return "tunnel_id is no text of 1 to 64 printable characters of ASCII without a space";
  }
  if (!isPort(localPort)) return "local_port is no port from 1 to 65535";
  if (typeof host !== "string" || parseHost(host) === null) {
    return "remote_host is no host name or IP address";
  }
  if (!isPort(port)) return "remote_port is no port from 1 to 65535";
  if (tenant !== null && !isLoginName(tenant)) return "tenant_id is no name of a tenant";
  return { tunnelId, host, port, tenant };
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= ALL_PORTS.first &&
    value <= ALL_PORTS.last;
}

function invalid(what: string): HandshakeTunnelError {
  return error("invalid_tunnel_info", `Cannot take the tunnel_info: ${what}`);
}

function error(code: HandshakeError["code"], message: string): HandshakeTunnelError {
  return { kind: "error", code, message };
}
