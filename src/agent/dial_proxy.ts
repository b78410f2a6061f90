/** Asks an HTTP proxy for a way through to a hub (CONNECT, RFC 9110, section 9.3.6). */
import { formatAddress } from "../config/units.ts";
import { TrunklineError } from "../core/errors.ts";
import type { GatedStream } from "../link/gated_socket.ts";
import type { DialTarget } from "./dial_target.ts";
import type { Proxy } from "./proxy_choice.ts";
import { ask } from "./read_answer.ts";

/**
 * Asks over a connection to the proxy; gives the bytes that came after its answer. Throws `unreachable` for a refusal,
 * else as {@link ask}.
 */
export async function connectThrough(
  link: GatedStream,
  target: DialTarget,
  proxy: Proxy,
): Promise<Uint8Array> {
  const hub = formatAddress(target.url);
  const { status, rest } = await ask(link, [
    `CONNECT ${hub} HTTP/1.1`,
    `Host: ${hub}`,
    ...(proxy.authorization === null ? [] : [`Proxy-Authorization: ${proxy.authorization}`]),
  ]);
  if (status < 200 || status > 299) {
    const message =
      `Cannot reach the hub at ${target.url.text}: the proxy ${formatAddress(proxy)} answered ` +
      `HTTP ${status}; ${adviceFor(status, { hub, hasUser: proxy.authorization !== null })}`;
    throw new TrunklineError("unreachable", message, { details: { status } });
  }
  return rest;
}

function adviceFor(status: number, { hub, hasUser }: { hub: string; hasUser: boolean }): string {
  switch (status) {
    case 407:
      return hasUser
        ? "see that user and password in its URL are right"
        : "give user and password in its URL, as http://user:password@proxy.example:3128";
    case 502:
    case 503:
    case 504:
      return `it cannot reach ${hub}; see that the hub runs there`;
    default:
      return `see that it allows CONNECT to ${hub}`;
  }
}
