/**
 * Which web pages may open a WebSocket here. Browsers send WebSockets to any host without asking, so an
 * unauthenticated hub on loopback would be open to every page that its user visits: the origin decides
 * (RFC 6455, section 10.2), and on loopback the Host too, against names that were rebound to 127.0.0.1.
 */
import { isLoopback } from "../core/ip_range.ts";

/** The configured words and origins. */
export type OriginRule = "*" | "self" | "loopback" | string;

/** What of a request decides. */
export interface OriginCheck {
  /** The `Origin` header; `undefined` for clients that are no browsers. */
  readonly origin: string | undefined;
  /** The `Host` header. */
  readonly host: string | undefined;
  /** Whether the listener is bound to loopback. */
  readonly onLoopback: boolean;
}

/** What to do with the request. */
export type OriginVerdict = "allowed" | "origin" | "host";

/** Decides for one list of rules. */
export class OriginPolicy {
  #allowAll = false;
  #self = false;
  #loopback = false;
  #listed: ReadonlySet<string> = new Set();
  #isDefault = false;

  constructor(rules: readonly OriginRule[]) {
    this.change(rules);
  }

  /** Other rules from now on; pages that are connected stay so. */
  change(rules: readonly OriginRule[]): void {
    this.#allowAll = rules.includes("*");
    this.#self = rules.includes("self");
    this.#loopback = rules.includes("loopback");
    const listed = rules.filter((rule) => rule !== "*" && rule !== "self" && rule !== "loopback");
    this.#listed = new Set(listed.map((rule) => URL.parse(rule)?.origin ?? rule));
    this.#isDefault = this.#self && this.#loopback && rules.length === 2;
  }

  /** Whether an origin is listed: the words `self` and `loopback` do not count. Programs send none. */
  isListed(origin: string | undefined): boolean {
    return this.#allowAll || this.isNamed(origin);
  }

  /** Whether an origin is listed by its name: no word counts, `*` neither. Programs send none. */
  isNamed(origin: string | undefined): boolean {
    if (origin === undefined) return true;
    const url = URL.parse(origin);
    return url !== null && this.#listed.has(url.origin);
  }

  /** `origin` and `host` name what was wrong. */
  check({ origin, host, onLoopback }: OriginCheck): OriginVerdict {
    if (origin === undefined || this.#allowAll) return "allowed";
    const url = URL.parse(origin);
    if (url === null || url.origin === "null") return "origin";
    if (this.#isDefault && onLoopback && !isLoopbackName(URL.parse(`http://${host ?? ""}`)?.hostname)) {
      return "host";
    }
    if (this.#listed.has(url.origin)) return "allowed";
    if (this.#loopback && isLoopbackName(url.hostname)) return "allowed";
    if (!this.#self || !isSame(url, host)) return "origin";
    // Any name can be rebound to loopback: there "self" means names that are loopback or listed.
    return !onLoopback || isLoopbackName(url.hostname) ? "allowed" : "host";
  }
}

/** Exactly `localhost`, 127.0.0.0/8 or [::1]; never `*.localhost`, where tunnels live. */
function isLoopbackName(hostname: string | undefined): boolean {
  if (hostname === undefined) return false;
  return hostname === "localhost" || isLoopback(hostname.replace(/^\[(.*)\]$/, "$1"));
}

/** Whether the origin's authority is the Host, with the scheme's default port on either side. */
function isSame(origin: URL, host: string | undefined): boolean {
  const own = URL.parse(`${origin.protocol}//${host ?? ""}`);
  return own !== null && own.host === origin.host;
}
