/** Says why a hub could not be dialled, and what to do about it. */
import { formatAddress, formatDuration } from "../config/units.ts";
import { messageOf, TrunklineError } from "../core/errors.ts";
import { socketFaultOf } from "../link/client_socket.ts";
import type { ClientTls } from "../link/client_tls.ts";
import type { DialTarget } from "./dial_target.ts";
import { NoHttpAnswer } from "./read_answer.ts";
import { FILE_NAMES, type SettingNames } from "./setting_names.ts";

/** How far dialling came. */
export type DialStep = "connect" | "proxy" | "tls" | "upgrade";

/** The error for what was thrown at this step; an error that tells everything itself stays as it is. */
export function dialError(
  target: DialTarget,
  { cause, step }: { cause: unknown; step: DialStep },
): TrunklineError {
  if (cause instanceof TrunklineError) return cause;
  const message = `Cannot reach the hub at ${target.url.text}: ${reasonOf(target, { cause, step })}`;
  return new TrunklineError("unreachable", message, { cause });
}

/** The error for a hub that was not reached in time. */
export function lateError(target: DialTarget, step: DialStep): TrunklineError {
  const { url, connectTimeoutMs } = target;
  const where = WAITING[step](target);
  const message = `Cannot reach the hub at ${url.text}: nothing came within ${
    formatDuration(connectTimeoutMs)
  } ${where}`;
  return new TrunklineError("unreachable", message);
}

/** What was waited for. */
const WAITING: Readonly<Record<DialStep, (target: DialTarget) => string>> = {
  connect: (target) => `of connecting to ${formatAddress(target.proxy ?? target.url)}`,
  proxy: (target) => `of an answer of the proxy ${formatAddress(target.proxy ?? target.url)}`,
  tls: () => "of TLS",
  upgrade: () => "of an answer to the WebSocket handshake",
};

function reasonOf(target: DialTarget, { cause, step }: { cause: unknown; step: DialStep }): string {
  const { url, proxy, names = FILE_NAMES } = target;
  const whom = proxy !== null && (step === "connect" || step === "proxy")
    ? `the proxy ${formatAddress(proxy)}`
    : formatAddress(url);
  if (cause instanceof NoHttpAnswer) {
    return `what answers at ${whom} is not what it should be: ${cause.message}${
      otherSchemeHint(target, step)
    }`;
  }
  switch (socketFaultOf(cause)) {
    case "refused":
      return `${whom} refused the connection; see that it runs there`;
    case "no_address":
      return `no address is known for ${(proxy ?? url).host}; see that the name is right`;
    case "cut_off":
      return cutOffReason(target, { whom, step });
    case "not_tls":
      return `what answers does not speak TLS; see ${names.url}`;
    case "wrong_host":
      return `its certificate is not for ${url.host} (${
        messageOf(cause)
      }); write a name that is in it in ${names.url}`;
    case "system":
      return `${messageOf(cause)} (${whom})`;
    case "other":
      return step === "tls"
        ? `TLS failed (${messageOf(cause)}); name the authority of its certificate in ${names.ca}`
        : `${messageOf(cause)} (${whom})`;
  }
}

/** A hub that speaks TLS answers plain text with bytes that are no HTTP, or not at all. */
function otherSchemeHint({ tls, url }: DialTarget, step: DialStep): string {
  if (tls !== null || step !== "upgrade") return "";
  const secure = url.text.replace(/^ws:/, "wss:").replace(/^tcp:/, "tls:");
  return `; if it speaks TLS, dial ${secure}`;
}

function cutOffReason(target: DialTarget, { whom, step }: { whom: string; step: DialStep }): string {
  const { tls, names = FILE_NAMES } = target;
  const seen = `${whom} closed the connection before it answered`;
  if (step === "connect" || step === "proxy") return seen;
  if (tls === null) return `${seen}${otherSchemeHint(target, step)}`;
  const shown = certificateHint(tls, names);
  return step === "tls" ? `${seen}; see whether it speaks TLS, and ${shown}` : `${seen}; see ${shown}`;
}

/** What a client certificate may have to do with it that a hub ends a connection without a word. */
export function certificateHint({ client }: ClientTls, { cert, key }: SettingNames): string {
  return client === null
    ? `whether it wants a client certificate (${cert}, ${key})`
    : `whether it takes the certificate in ${cert}`;
}
