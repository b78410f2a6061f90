/**
 * What a request is for (RFC 9112, sections 3.2 and 7.2 of RFC 9110): the form of its target, and the one host that it
 * names. What could be routed in two ways is refused.
 */
import { parseHost } from "../core/host.ts";
import { type HttpRefusal, type HttpRequestHead, isRefusal, refuse } from "./http_head.ts";

/** Where a request goes. */
export interface HttpTarget {
  /** The host in lower case, without its port and the dot at its end: what tunnels are found by. */
  readonly host: string;
  /** As the visitor wrote it, with its port: what the service is told. */
  readonly authority: string;
  /** The target in origin form, or `*`. */
  readonly path: string;
}

const AUTHORITY = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?$/;
const ABSOLUTE = /^https?:\/\/([^/?#]*)([/?].*)?$/i;

/** Reads what the requests of one connection are for. */
export class TargetReader {
  /** What was read last, which mostly comes again. */
  #last: { readonly authority: string; readonly host: string | null } = { authority: "", host: null };

  /** Reads target and Host of a request. */
  read(request: HttpRequestHead): HttpTarget | HttpRefusal {
    const hosts = request.fields.all("host", this.#last.authority);
    const authority = hosts[0];
    if (authority === undefined || hosts.length > 1) return refuse(400, "There has to be one Host");
    if (authority !== this.#last.authority) this.#last = { authority, host: hostOf(authority) };
    return readTarget(request, this.#last);
  }
}

function readTarget(
  { method, target }: HttpRequestHead,
  { authority, host }: { readonly authority: string; readonly host: string | null },
): HttpTarget | HttpRefusal {
  if (host === null) return refuse(400, "The Host is none");
  if (method === "CONNECT") return refuse(400, "CONNECT is not answered here");
  if (target.startsWith("/")) {
    return target.includes("#")
      ? refuse(400, "The target has a fragment")
      : { host, authority, path: target };
  }
  if (target === "*") {
    return method === "OPTIONS" ? { host, authority, path: "*" } : refuse(400, "Only OPTIONS is for *");
  }
  const absolute = readAbsolute(target, { host, authority });
  // A server as a whole is named without a path (RFC 9112, section 3.2.4).
  const isWhole = method === "OPTIONS" && !isRefusal(absolute) && /^https?:\/\/[^/?]*$/i.test(target);
  return isWhole ? { host, authority, path: "*" } : absolute;
}

function readAbsolute(
  target: string,
  { host, authority }: { host: string; authority: string },
): HttpTarget | HttpRefusal {
  const match = ABSOLUTE.exec(target);
  if (match === null || target.includes("#")) return refuse(400, "The target is none");
  const [, named = "", rest = ""] = match;
  if (named.toLowerCase() !== authority.toLowerCase()) {
    return refuse(400, "Target and Host name different hosts");
  }
  return { host, authority, path: rest.startsWith("/") ? rest : `/${rest}` };
}

function hostOf(authority: string): string | null {
  const match = AUTHORITY.exec(authority);
  const port = match?.[2];
  if (match === null || (port !== undefined && Number(port) > 65535)) return null;
  const parsed = parseHost(match[1] ?? "");
  if (parsed === null) return null;
  return parsed.kind === "name" ? parsed.name : (match[1] ?? "").toLowerCase();
}
