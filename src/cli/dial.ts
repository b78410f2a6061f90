/**
 * Dials a hub over whichever transport its URL names. Certificate and host name are verified unless that was
 * switched off, which is said each time; every failure comes out as one line that tells what to do next.
 */
import { connect, isIP, type Socket } from "node:net";
import * as tls from "node:tls";
import { dialError } from "./dial_error.ts";
import type { HubTarget, TlsChoice } from "./hub_target.ts";
import type { MessageLink } from "./message_link.ts";
import { PrefixedLink } from "./prefixed_link.ts";
import { WebSocketLink } from "./websocket_link.ts";

/** How to dial. */
export interface DialOptions {
  /** Tells a person something beside the result. */
  readonly warn: (line: string) => void;
  /** How long everything may take until the hub is reached. @default 10_000 */
  readonly timeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Probes find out about a hub that vanished without a word. */
const KEEP_ALIVE_MS = 30_000;

/** Connects. Throws `unreachable` or `refused`. */
export function dial(target: HubTarget, options: DialOptions): Promise<MessageLink> {
  return dialWith(target, {
    ...options,
    open: (socket): MessageLink | Promise<MessageLink> =>
      target.transport === "text" ? new PrefixedLink(socket) : upgrade(socket, target),
  });
}

/** How to dial, and what becomes of the socket. */
export interface DialWithOptions<T> extends DialOptions {
  /** Makes something of the socket once it is connected; what it throws is a failure to dial. */
  readonly open: (socket: Socket) => T | Promise<T>;
}

/** Connects a socket and gives what `open` makes of it. Throws `unreachable` or `refused`. */
export async function dialWith<T>(
  target: HubTarget,
  { warn, timeoutMs = CONNECT_TIMEOUT_MS, open }: DialWithOptions<T>,
): Promise<T> {
  if (target.tls?.verify === false) {
    warn(
      `Warning: the certificate of ${target.host} is not verified (--insecure); anybody may stand in for it`,
    );
  }
  const socket = openSocket(target);
  // Errors after the last one that was waited for have no other listener.
  socket.on("error", () => {});
  let isLate = false;
  let isSocket = true;
  const timer = setTimeout(() => {
    isLate = true;
    socket.destroy(new Error("time-out"));
  }, timeoutMs);
  try {
    await connected(socket, target.tls !== null);
    isSocket = false;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    return await open(socket);
  } catch (cause) {
    socket.destroy();
    throw dialError(target, { cause, isSocket, lateAfterMs: isLate ? timeoutMs : null });
  } finally {
    clearTimeout(timer);
  }
}

function openSocket({ host, port, tls: choice }: HubTarget): Socket {
  return choice === null ? connect({ host, port }) : openTls(host, port, choice);
}

function openTls(host: string, port: number, { ca, client, verify }: TlsChoice): tls.TLSSocket {
  return tls.connect({
    host,
    port,
    rejectUnauthorized: verify,
    minVersion: "TLSv1.2",
    // Addresses have no place in the server name (RFC 6066, section 3); they are checked all the same.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === null ? {} : { ca }),
    ...client,
  });
}

function connected(socket: Socket, isTls: boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once(isTls ? "secureConnect" : "connect", resolve);
  socket.once("error", reject);
  socket.once(
    "close",
    () => reject(Object.assign(new Error("the socket was closed"), { code: "ECONNRESET" })),
  );
  return promise;
}

function upgrade(socket: Socket, { url, token }: HubTarget): Promise<WebSocketLink> {
  const headers: Record<string, string> = token === null ? {} : { "Authorization": `Bearer ${token}` };
  return WebSocketLink.open({ socket, url, headers });
}
