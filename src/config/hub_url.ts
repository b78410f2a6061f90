/** The URL of a hub, as `--url` and `hub.url` have it, taken apart. */
import { parseHost } from "./units.ts";

/** What is spoken to a hub: WebSocket, or bytes on a stream, plain or over TLS. */
export type HubScheme = "ws" | "wss" | "tcp" | "tls";

/** The URL of a hub. */
export interface HubUrl {
  /** As a person reads it. */
  readonly text: string;
  readonly scheme: HubScheme;
  /** Whether it is spoken over TLS. */
  readonly isSecure: boolean;
  /** An IP address without brackets, or a name. */
  readonly host: string;
  readonly port: number;
  /** Path and query; only a WebSocket has one. Empty when there is none. */
  readonly path: string;
}

/** Why a text is no URL of a hub: of another scheme, with a user or password, with too much behind the port, without a host. */
export type HubUrlFault = "scheme" | "credentials" | "rest" | "host";

/** What the schemes mean. */
const SCHEMES: ReadonlyMap<string, { scheme: HubScheme; isSecure: boolean; port: number }> = new Map([
  ["ws:", { scheme: "ws", isSecure: false, port: 80 }],
  ["wss:", { scheme: "wss", isSecure: true, port: 443 }],
  ["tcp:", { scheme: "tcp", isSecure: false, port: 8443 }],
  ["tls:", { scheme: "tls", isSecure: true, port: 8443 }],
]);

/** The pattern of a hub's URL, as JSON Schema takes it. */
export const HUB_URL_PATTERN = "^(ws|wss|tcp|tls)://";

/** What the parser refuses of these schemes, as it knows that they need a host; of others it does not know it. */
const NO_HOST = /^wss?:\/\/(?:[:/?#]|$)/i;

/** The URL, or why it is none. */
export function parseHubUrl(text: string): HubUrl | HubUrlFault {
  // An address as the configuration has it, without its scheme, would be read as a scheme.
  const url = URL.parse(text);
  const found = SCHEMES.get(url?.protocol ?? "");
  if (url === null && NO_HOST.test(text)) return "host";
  if (url === null || found === undefined) return "scheme";
  if (url.username !== "" || url.password !== "") return "credentials";
  const { scheme, isSecure } = found;
  const path = url.pathname === "/" && url.search === "" ? "" : `${url.pathname}${url.search}`;
  if (url.hash !== "" || (path !== "" && (scheme === "tcp" || scheme === "tls"))) return "rest";
  const host = parseHost(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  if (host === null) return "host";
  const port = url.port === "" ? found.port : Number(url.port);
  return {
    text: url.search === "" ? url.href.replace(/\/$/, "") : url.href,
    scheme,
    isSecure,
    host,
    port,
    path,
  };
}
