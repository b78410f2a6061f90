/**
 * Which names a tunnel asks for, and whether it may have them: the part of a registration that depends on nothing but
 * the request, the rights of who asks and the settings. Pure.
 */
import { isHostName } from "../core/host.ts";
import type { PortRange } from "../core/port_range.ts";
import type { Principal } from "../core/principal.ts";
import type { RegisterTunnel } from "../wire/frame_payloads.ts";
import type { TunnelRefusal } from "./tunnel.ts";

/** What of the settings decides about names. */
export interface TunnelSettings {
  /** The domain whose subdomains are tunnels; `null`: there are no tunnels for HTTP. */
  readonly domain: string | null;
  /** Ports for tunnels that ask for none; `null`: there are no tunnels for TCP. */
  readonly ports: PortRange | null;
}

/** What a tunnel asks for: one name, or any that suits. */
export type WantedName =
  | { readonly kind: "host"; readonly host: string }
  | { readonly kind: "any_host"; readonly domain: string }
  | { readonly kind: "port"; readonly port: number }
  | { readonly kind: "any_port"; readonly ports: PortRange };

/** Names that agents give their tunnels. */
const NAME = /^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Takes a request apart. */
export function wantedName(request: RegisterTunnel, settings: TunnelSettings): WantedName | TunnelRefusal {
  const { kind, name, subdomain, hostname, remotePort } = request;
  if (name !== undefined && !NAME.test(name)) {
    return invalid("name", "it has letters, digits and inside them - and _, at most 63");
  }
  if (kind === "tcp") {
    if (subdomain !== undefined || hostname !== undefined) {
      return invalid("subdomain or hostname", "a TCP tunnel has a port");
    }
    if (settings.ports === null) return unsupported("TCP tunnels are switched off here (tunnel.tcp_ports)");
    return remotePort === undefined || remotePort === 0
      ? { kind: "any_port", ports: settings.ports }
      : { kind: "port", port: remotePort };
  }
  if (kind !== "http") return unsupported(`Tunnels of kind ${kind} are not part of this version`);
  if (settings.domain === null) return unsupported("HTTP tunnels are switched off here (public.enabled)");
  if (remotePort !== undefined) return invalid("remotePort", "an HTTP tunnel has a host name");
  return wantedHost({ subdomain, hostname }, settings.domain);
}

function wantedHost(
  { subdomain, hostname }: { subdomain: string | undefined; hostname: string | undefined },
  domain: string,
): WantedName | TunnelRefusal {
  if (subdomain !== undefined && hostname !== undefined) {
    return invalid("subdomain", "there is a hostname as well; give one of the two");
  }
  if (subdomain !== undefined) {
    const label = subdomain.toLowerCase();
    if (!LABEL.test(label)) return invalid("subdomain", "it is one label of letters, digits and - inside");
    return { kind: "host", host: `${label}.${domain}` };
  }
  if (hostname === undefined) return { kind: "any_host", domain };
  const host = hostname.toLowerCase().replace(/\.$/, "");
  return isHostName(host) ? { kind: "host", host } : invalid("hostname", "it is no host name");
}

/** Who asks, and for what it asks. */
export interface Asker {
  readonly principal: Principal;
  readonly settings: TunnelSettings;
}

/** Why somebody may not have a host name that it asks for; `null`: it may. */
export function refuseHost(host: string, { principal, settings: { domain } }: Asker): TunnelRefusal | null {
  const label = labelOf(host, domain);
  // Who is nobody gets subdomains; names of others have to be granted to somebody.
  if (label === null && isNobody(principal)) return notAllowed(host);
  return principal.rights.allowsTunnel(host) || allowsLabel(principal, label) ? null : notAllowed(host);
}

/** Why somebody may not have a port that it asks for; `null`: it may. */
export function refusePort(port: number, { principal, settings: { ports } }: Asker): TunnelRefusal | null {
  const isInRange = ports !== null && port >= ports.first && port <= ports.last;
  if (!isInRange && isNobody(principal)) {
    const range = ports === null ? "" : ` (${ports.first}-${ports.last})`;
    return { code: "name_not_allowed", message: `Port ${port} is none of tunnel.tcp_ports${range}` };
  }
  return principal.rights.allowsTunnel(String(port)) ? null : notAllowed(`port ${port}`);
}

/** Whether the hub may give a tunnel of this name a port or host name that it chose. */
export function allowsChosen(
  chosen: string,
  { principal, settings: { domain }, name }: Asker & { readonly name: string | null },
): boolean {
  return principal.rights.allowsTunnel(chosen) || allowsLabel(principal, name) ||
    allowsLabel(principal, labelOf(chosen, domain));
}

/** Somebody who did not log in, and does not sit at the hub either. */
function isNobody({ account, rights }: Principal): boolean {
  return account === null && !rights.isAdmin;
}

/** What stands before the domain; `null` where the name is none of it. */
function labelOf(host: string, domain: string | null): string | null {
  return domain !== null && host.endsWith(`.${domain}`) ? host.slice(0, -domain.length - 1) : null;
}

/** In rights, digits alone are a port. */
function allowsLabel({ rights }: Principal, label: string | null): boolean {
  return label !== null && !/^\d+$/.test(label) && rights.allowsTunnel(label);
}

/** What somebody may not have. */
export function notAllowed(what: string): TunnelRefusal {
  return {
    code: "name_not_allowed",
    message: `Not allowed to take ${what}: no permission of this login names it (tunnel)`,
  };
}

function unsupported(message: string): TunnelRefusal {
  return { code: "unsupported_kind", message };
}

function invalid(field: string, why: string): TunnelRefusal {
  return { code: "invalid_tunnel_info", message: `Cannot take the ${field}: ${why}` };
}
