/**
 * Dials a hub for frames: a socket to the hub or to the proxy on the way, CONNECT where there is a proxy, TLS where
 * the URL asks for it, and on the way of WebSockets the handshake. What comes out is a stream of bytes, whatever it
 * went through; all together is one time-out, and whatever fails leaves no socket behind.
 */
import type { Socket } from "node:net";
import { TrunklineError } from "../core/errors.ts";
import { established, openSocket, secureSocket } from "../link/client_socket.ts";
import { type GatedSocket, type GatedStream, PlainSocket } from "../link/gated_socket.ts";
import type { PeerClose } from "../link/websocket_stream.ts";
import { dialError, type DialStep, lateError } from "./dial_error.ts";
import { connectThrough } from "./dial_proxy.ts";
import type { DialTarget } from "./dial_target.ts";
import { upgrade } from "./dial_websocket.ts";
import type { LinkPath } from "./link_paths.ts";

/** A connection to a hub on which frames go both ways. Reading begins with `link.resume()`. */
export interface DialledLink {
  readonly path: LinkPath;
  readonly link: GatedStream;
  /** Bytes of the hub that were read already. */
  readonly head: Uint8Array;
  /** How the hub closed the WebSocket; `null` while it did not, and always for a stream. */
  readonly peerClose: () => PeerClose | null;
}

/** How to dial. */
export interface DialOptions {
  readonly path: LinkPath;
  /** Ends the attempt at once; its reason is what is thrown. */
  readonly signal: AbortSignal;
}

const NOTHING = new Uint8Array(0);
const HTTP_ALPN = "http/1.1";

/**
 * Connects. Throws `unreachable`, or `refused` where the hub does not let the agent in. Frames are not tried here:
 * whether they get through shows at the login (see `link_paths.ts`).
 */
export async function dial(target: DialTarget, { path, signal }: DialOptions): Promise<DialledLink> {
  const attempt = new Attempt(target, path);
  const onAbort = () => attempt.giveUp(asError(signal.reason));
  const timer = setTimeout(() => attempt.giveUp(lateError(target, attempt.step)), target.connectTimeoutMs);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await attempt.run();
  } catch (cause) {
    throw attempt.failed(cause);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

/** One attempt with all its sockets. */
class Attempt {
  readonly #target: DialTarget;
  readonly #path: LinkPath;
  readonly #sockets: Socket[] = [];
  #step: DialStep = "connect";
  #givenUp: TrunklineError | null = null;

  constructor(target: DialTarget, path: LinkPath) {
    this.#target = target;
    this.#path = path;
  }

  /** How far it came. */
  get step(): DialStep {
    return this.#step;
  }

  async run(): Promise<DialledLink> {
    const { proxy, url } = this.#target;
    const raw = openSocket(proxy ?? url);
    this.#keep(raw);
    await established(raw, "connect");
    const plain = new PlainSocket(raw);
    const early = proxy === null ? NOTHING : await this.#passProxy(plain);
    const link = await this.#secure(plain, early);
    // Over TLS there is nothing early.
    if (this.#path === "stream") return { path: "stream", link, head: early, peerClose: () => null };
    if (early.length > 0) raw.unshift(early);
    this.#step = "upgrade";
    const stream = await upgrade(link, this.#target);
    return { path: "websocket", link: stream, head: NOTHING, peerClose: () => stream.peerClose };
  }

  /** Ends it at once, for this reason. */
  giveUp(reason: TrunklineError): void {
    this.#givenUp ??= reason;
    this.#cut();
  }

  /** It failed: nothing is left of it. Gives what to tell. */
  failed(cause: unknown): TrunklineError {
    this.#cut();
    return this.#givenUp ?? dialError(this.#target, { cause, step: this.#step });
  }

  async #passProxy(link: GatedStream): Promise<Uint8Array> {
    const { proxy } = this.#target;
    if (proxy === null) return NOTHING;
    this.#step = "proxy";
    return await connectThrough(link, this.#target, proxy);
  }

  async #secure(link: PlainSocket, early: Uint8Array): Promise<GatedSocket> {
    const { tls, url } = this.#target;
    if (tls === null) return link;
    if (early.length > 0) {
      // A TLS server never speaks first, so these are not its bytes.
      throw new TrunklineError(
        "unreachable",
        `Cannot reach the hub at ${url.text}: the proxy sent bytes of its own`,
      );
    }
    this.#step = "tls";
    const alpn = this.#path === "websocket" ? { alpn: HTTP_ALPN } : {};
    const gate = secureSocket(link.socket, { host: url.host, tls, ...alpn });
    this.#keep(gate.socket);
    await established(gate.socket, "secureConnect");
    return gate;
  }

  #keep(socket: Socket): void {
    this.#sockets.push(socket);
    if (this.#givenUp !== null) socket.destroy();
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function asError(reason: unknown): TrunklineError {
  return reason instanceof TrunklineError
    ? reason
    : new TrunklineError("connection_lost", "Cannot go on dialling: it was called off", { cause: reason });
}
