/** Where a tunnel leads on the agent's side, as `local` of agent.yaml and the command line have it. */
import { formatAddress, parseHost } from "./units.ts";

/** A service that the agent reaches. */
export interface LocalService {
  /** As a person writes it, with its port. */
  readonly text: string;
  /** What it speaks when the text says so; `null` for a bare address. */
  readonly scheme: "http" | "https" | null;
  /** An IP address without brackets, or a name. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

const LOOPBACK = "127.0.0.1";
const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** The pattern of a service, as JSON Schema takes it. */
export const LOCAL_SERVICE_PATTERN = "^(https?://.+|(.*:)?[0-9]{1,5})$";

/**
 * A service from `3000` (on this machine), `host:port`, `[::1]:port`, or a URL such as `http://127.0.0.1:3000`
 * without anything behind host and port; `null` when it is none.
 */
export function parseLocalService(text: string): LocalService | null {
  if (/^https?:\/\//i.test(text)) return parseUrl(text);
  const match = /^(?:(?:\[([^\][]+)\]|([^\][:]*)):)?(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const bracketed = match[1];
  if (bracketed !== undefined && !bracketed.includes(":")) return null;
  const host = parseHost(bracketed ?? (match[2] || LOOPBACK));
  return host === null ? null : service(null, { host, port: Number(match[3]) });
}

function parseUrl(text: string): LocalService | null {
  const url = URL.parse(text);
  const scheme = url?.protocol === "https:" ? "https" : "http";
  if (url === null || url.username !== "" || url.password !== "" || url.href !== `${url.origin}/`) {
    return null;
  }
  const host = parseHost(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  return host === null
    ? null
    : service(scheme, { host, port: url.port === "" ? DEFAULT_PORTS[scheme] : Number(url.port) });
}

function service(
  scheme: LocalService["scheme"],
  { host, port }: { host: string; port: number },
): LocalService | null {
  if (port < 1 || port > 65535) return null;
  const address = formatAddress({ host, port });
  return { text: scheme === null ? address : `${scheme}://${address}`, scheme, host, port };
}
