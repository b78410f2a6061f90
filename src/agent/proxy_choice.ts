/**
 * Which HTTP proxy leads to a hub, as the environment says: `HTTPS_PROXY` for TLS, `HTTP_PROXY` for plain text,
 * `ALL_PROXY` for both where the first is not set, and `NO_PROXY` for what is reached without one. Names in lower
 * case win. This machine itself is never reached by a proxy.
 */
import { isIP } from "node:net";
import { isLoopback, matchesIpRange, parseIpRange } from "../core/ip_range.ts";
import { TrunklineError } from "../core/errors.ts";
import { parseHost } from "../config/units.ts";

/** A proxy that takes CONNECT. */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** The value of `Proxy-Authorization`; `null` without a user. A secret. */
  readonly authorization: string | null;
}

/** What is to be reached. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
}

type Env = Readonly<Record<string, string>>;

const HTTP_PORT = 80;

/** The proxy to take, `null` for none. Throws `usage` where the environment names one that cannot be used. */
export function chooseProxy(target: ProxyTarget, env: Env): Proxy | null {
  const [name, url] = firstOf(
    env,
    target.isSecure ? ["HTTPS_PROXY", "ALL_PROXY"] : ["HTTP_PROXY", "ALL_PROXY"],
  );
  if (url === "" || isLocal(target.host) || isExempt(target, firstOf(env, ["NO_PROXY"])[1])) return null;
  return parseProxy(name, url);
}

/** The first variable that is set, in either case. */
function firstOf(env: Env, names: readonly string[]): [name: string, value: string] {
  for (const upper of names) {
    for (const name of [upper.toLowerCase(), upper]) {
      const value = env[name]?.trim() ?? "";
      if (value !== "") return [name, value];
    }
  }
  return ["", ""];
}

function parseProxy(name: string, text: string): Proxy {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url === null) throw unusable(name, "it is no URL; write one as http://proxy.example:3128");
  if (url.protocol !== "http:") {
    throw unusable(name, `a proxy is spoken to by http:// only, not ${url.protocol}//`);
  }
  const host = parseHost(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  if (host === null) throw unusable(name, "it names no host; write one as http://proxy.example:3128");
  const port = url.port === "" ? HTTP_PORT : Number(url.port);
  return { host, port, authorization: authorizationOf(name, url) };
}

function authorizationOf(name: string, { username, password }: URL): string | null {
  if (username === "" && password === "") return null;
  let credentials: string;
  try {
    credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch (cause) {
    throw unusable(name, "its user or password is not well encoded; write % as %25", cause);
  }
  return `Basic ${new TextEncoder().encode(credentials).toBase64()}`;
}

/** The value is not shown: it may hold a password. */
function unusable(name: string, why: string, cause?: unknown): TrunklineError {
  return new TrunklineError("usage", `Cannot use the proxy of ${name}: ${why}`, { cause });
}

function isLocal(host: string): boolean {
  return host === "localhost" || isLoopback(host);
}

/** Whether `NO_PROXY` names the target; what none of its forms is, matches nothing. */
function isExempt(target: ProxyTarget, list: string): boolean {
  return list.split(/[\s,]+/).some((entry) => entry !== "" && matches(entry.toLowerCase(), target));
}

function matches(entry: string, { host, port }: ProxyTarget): boolean {
  if (entry === "*") return true;
  const [name, onlyPort] = splitPort(entry);
  if (onlyPort !== null && onlyPort !== port) return false;
  if (isIP(host) !== 0) {
    const range = parseIpRange(name);
    return range !== null && matchesIpRange(range, host);
  }
  const suffix = name.replace(/^\*?\./, "");
  if (suffix === "") return false;
  // A leading dot means the names below only.
  return host.endsWith(`.${suffix}`) || (suffix === name && host === name);
}

/** An entry without its port, and the port. A bare IPv6 address has none. */
function splitPort(entry: string): [name: string, port: number | null] {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(entry);
  if (match !== null) return [match[1] ?? match[2] ?? "", Number(match[3])];
  return [entry.replace(/^\[(.*)\]$/, "$1"), null];
}
