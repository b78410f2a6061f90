/** Says why a hub could not be dialled, and what to do about it. */
import { messageOf, TrunklineError } from "../core/errors.ts";
import { formatDuration } from "../config/units.ts";
import { socketFaultOf } from "../link/client_socket.ts";
import { printable } from "../core/printable.ts";
import { HandshakeRefused } from "./websocket_link.ts";
import type { HubTarget } from "./hub_target.ts";

/** How dialling failed. */
export interface DialFailure {
  readonly cause: unknown;
  /** Whether the socket was not even connected, or secured. */
  readonly isSocket: boolean;
  /** How long was waited, in milliseconds, where that was too long. */
  readonly lateAfterMs: number | null;
}

/** The error that tells a person of it. */
export function dialError(target: HubTarget, failure: DialFailure): TrunklineError {
  const { cause, lateAfterMs } = failure;
  if (cause instanceof HandshakeRefused) return handshakeError(target, cause);
  const why = lateAfterMs === null
    ? reasonOf(target, failure)
    : `nothing came of it within ${formatDuration(lateAfterMs)}; see that host and port are right`;
  return new TrunklineError("unreachable", `Cannot reach the hub at ${target.url}: ${why}`, { cause });
}

/** The error of a login that the hub does not look at any more. */
export function lockedOutError(url: string, retryAfterMs: number | null): TrunklineError {
  const when = retryAfterMs === null ? "later" : `in ${Math.ceil(retryAfterMs / 1000)} s`;
  const message = `Cannot log in at ${url}: too many failed logins from this address; try again ${when}`;
  return new TrunklineError("refused", message, { details: { retryAfterMs } });
}

function handshakeError({ url, token }: HubTarget, cause: HandshakeRefused): TrunklineError {
  const { status, retryAfterMs } = cause;
  if (status === 429) return lockedOutError(url, retryAfterMs);
  if (status === 401 || status === 403) {
    const next = token === null
      ? "give a token with --token or TRUNKLINE_TOKEN, or a certificate that the hub knows with --cert and --key"
      : "see that the token is valid";
    const reason = cause.reason === "" ? "" : ` (${printable(cause.reason)})`;
    const message = `Cannot log in at ${url}: the hub refused with HTTP ${status}${reason}; ${next}`;
    return new TrunklineError("refused", message, { cause, details: { status } });
  }
  const why = status === 404
    ? "there is no broker at this path (HTTP 404): it is at / and /ws of the hub, unless broker.enabled is false"
    : status === 503
    ? "the hub takes nobody now (HTTP 503); try again later"
    : `what answered is no hub (HTTP ${status}); see that host, port and path are right`;
  return new TrunklineError("unreachable", `Cannot reach the hub at ${url}: ${why}`, {
    cause,
    details: { status },
  });
}

function reasonOf(target: HubTarget, { cause, isSocket }: DialFailure): string {
  switch (socketFaultOf(cause)) {
    case "refused":
      return "the connection was refused; see that the hub runs there, or give another address with --url";
    case "no_address":
      return `no address is known for ${target.host}; see that the name is right`;
    case "cut_off":
      return cutOffReason(target);
    case "not_tls":
      return `what answers does not speak TLS; ${otherScheme(target)} would be without it`;
    case "wrong_host":
      return `its certificate is not for ${target.host} (${messageOf(cause)}); ` +
        "dial a name that is in it, or give --insecure to connect to whoever answers";
    case "system":
      return messageOf(cause);
    case "other":
      return isSocket ? unsecuredReason(target, cause) : foreignReason(target, cause);
  }
}

function foreignReason(target: HubTarget, cause: unknown): string {
  const next = target.tls === null
    ? `if it speaks TLS, dial ${otherScheme(target)}`
    : "see that the port is right";
  return `what answers is no hub (${messageOf(cause)}); ${next}`;
}

function unsecuredReason({ tls }: HubTarget, cause: unknown): string {
  if (tls === null) return messageOf(cause);
  return `TLS failed (${messageOf(cause)}); give the authority of its certificate with --ca, ` +
    "or --insecure to connect to whoever answers";
}

/** What was seen is the same for all of these, so each is named. */
function cutOffReason(target: HubTarget): string {
  const seen = "the connection was closed before the hub answered";
  if (target.tls === null) return `${seen}; if it speaks TLS, dial ${otherScheme(target)}`;
  const next = `; see whether it speaks TLS at all (${otherScheme(target)} would be without it)`;
  return target.tls.client === null
    ? `${seen}${next}, or whether it wants a client certificate (--cert, --key)`
    : `${seen}${next}, or whether the hub takes the certificate of --cert`;
}

function otherScheme({ url, tls }: HubTarget): string {
  return tls === null
    ? url.replace(/^ws:/, "wss:").replace(/^tcp:/, "tls:")
    : url.replace(/^wss:/, "ws:").replace(/^tls:/, "tcp:");
}
