/**
 * The grammar of rules about tunnels and destinations. It stands here because configurations are checked by it and
 * rights are made from it. A `*` alone stands for anything; inside a name it stands for one or more characters other
 * than a dot. Pure; nothing here throws.
 *
 * - Tunnel: `*`, a port (`20000`), a range of ports (`20000-20100`), or a name or host name (`web`, `app-*`,
 *   `*.apps.example`). Case does not matter. A tunnel that is asked for by digits only is a port: no name stands for it.
 * - Destination: `agent:host:port`. The agent is `*` or an id, in the case it has. The host is `*`, a host name
 *   (`db.internal`, `*.internal`), an IPv4 address or range (`10.0.0.0/8`), or an IPv6 one in brackets
 *   (`[::1]`, `[fd00::/8]`). The port is `*`, a port or a range of ports. A name, with or without `*`, never stands
 *   for an address.
 */
import { parseHost } from "./host.ts";
import { type IpRange, parseIpRange } from "./ip_range.ts";
import { ALL_PORTS, parsePortRange, type PortRange } from "./port_range.ts";

/** Which tunnels a rule allows. */
export type TunnelRule =
  | { readonly kind: "any" }
  | { readonly kind: "ports"; readonly ports: PortRange }
  /** In lower case, perhaps with `*`. */
  | { readonly kind: "name"; readonly pattern: string };

/** Which hosts a rule allows. */
export type HostRule =
  | { readonly kind: "any" }
  | { readonly kind: "range"; readonly range: IpRange }
  /** In lower case, perhaps with `*`. */
  | { readonly kind: "name"; readonly pattern: string };

/** Which destinations a rule allows, from wherever they are reached. */
export interface DestinationRule {
  readonly host: HostRule;
  readonly ports: PortRange;
}

/** Which destinations a rule allows through which agents. */
export interface ConnectRule extends DestinationRule {
  /** An id, perhaps with `*`. */
  readonly agent: string;
}

const NAME = /^[A-Za-z0-9_.-]{1,253}$/;
const NAME_PATTERN = /^[A-Za-z0-9_.*-]{1,253}$/;
/** An address written in parts: as a name, `10.0.0.*` would never select anything. */
const NUMERIC_PARTS = /^(?=.*\d)[\d*]+(\.[\d*]+)+$/;

/** The rule that a text is; null when it is none. */
export function parseTunnelRule(text: string): TunnelRule | null {
  if (text === "*") return { kind: "any" };
  if (/^[\d-]+$/.test(text)) {
    const ports = parsePortRange(text);
    return ports === null ? null : { kind: "ports", ports };
  }
  const pattern = namePattern(text);
  return pattern === null ? null : { kind: "name", pattern };
}

/** The rule that a text is; null when it is none. */
export function parseConnectRule(text: string): ConnectRule | null {
  const match = /^([A-Za-z0-9_.*-]{1,253}):(.+)$/.exec(text);
  const destination = match === null ? null : parseDestinationRule(match[2] ?? "");
  return destination === null ? null : { agent: oneStar(match?.[1] ?? ""), ...destination };
}

/** The rule that a text without an agent is (`host:port`); null when it is none. */
export function parseDestinationRule(text: string): DestinationRule | null {
  const match = /^(\[[^\]\s]+\]|[^:\s[\]]+):([\d*-]+)$/.exec(text);
  if (match === null) return null;
  const [, hostText = "", portsText = ""] = match;
  const host = parseHostRule(hostText);
  const ports = portsText === "*" ? ALL_PORTS : parsePortRange(portsText);
  return host === null || ports === null ? null : { host, ports };
}

/** A tunnel's name or host name in the one spelling that rules are compared with; null when it is none. */
export function tunnelName(text: string): string | null {
  return NAME.test(text) ? inLabels(text.toLowerCase()) : null;
}

function parseHostRule(text: string): HostRule | null {
  if (text === "*") return { kind: "any" };
  if (text.includes("*")) {
    const pattern = NUMERIC_PARTS.test(text) ? null : namePattern(text);
    return pattern === null ? null : { kind: "name", pattern };
  }
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1];
  if (bracketed?.includes(":") === false) return null;
  const range = parseIpRange(bracketed ?? text);
  if (range !== null) return { kind: "range", range };
  const host = parseHost(text);
  return host?.kind === "name" ? { kind: "name", pattern: host.name } : null;
}

function namePattern(text: string): string | null {
  return NAME_PATTERN.test(text) ? inLabels(oneStar(text.toLowerCase())) : null;
}

/** A name without the dot at its end; null when a label of it is empty. */
function inLabels(text: string): string | null {
  const name = text.replace(/\.$/, "");
  return name.split(".").every((label) => label !== "") ? name : null;
}

function oneStar(pattern: string): string {
  return pattern.replace(/\*+/g, "*");
}
