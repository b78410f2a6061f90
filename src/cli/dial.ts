/**
 * Dials a hub over whichever transport its URL names. Certificate and host name are verified unless that was
 * switched off, which is said each time; every failure comes out as one line that tells what to do next.
 */
import type { Socket } from "node:net";
import { established, openSocket, secureSocket } from "../link/client_socket.ts";
import { dialError } from "./dial_error.ts";
import type { HubTarget } from "./hub_target.ts";
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
  const sockets: Socket[] = [];
  const cut = () => sockets.forEach((socket) => socket.destroy());
  let isLate = false;
  let isSocket = true;
  const timer = setTimeout(() => {
    isLate = true;
    cut();
  }, timeoutMs);
  try {
    const socket = await connectTo(target, sockets);
    isSocket = false;
    return await open(socket);
  } catch (cause) {
    cut();
    throw dialError(target, { cause, isSocket, lateAfterMs: isLate ? timeoutMs : null });
  } finally {
    clearTimeout(timer);
  }
}

/** Connects and secures; each socket is noted as soon as there is one. */
async function connectTo({ host, port, tls }: HubTarget, sockets: Socket[]): Promise<Socket> {
  const raw = openSocket({ host, port });
  sockets.push(raw);
  await established(raw, "connect");
  if (tls === null) return raw;
  const { socket } = secureSocket(raw, { host, tls });
  sockets.push(socket);
  await established(socket, "secureConnect");
  return socket;
}

function upgrade(socket: Socket, { url, token }: HubTarget): Promise<WebSocketLink> {
  const headers: Record<string, string> = token === null ? {} : { "Authorization": `Bearer ${token}` };
  return WebSocketLink.open({ socket, url, headers });
}
