/**
 * One socket of a connection, plain or TLS, with the pause that really works on it. A paused
 * plain socket pushes back by itself; a TLS socket does not on this runtime (it goes on reading into memory),
 * so {@link TlsGate} stops the raw socket below it, also for those who only know the TLS socket, as the HTTP server.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect, TLSSocket } from "node:tls";
import type { ConnectionOptions, TLSSocketOptions } from "node:tls";
import { TrunklineError } from "../core/errors.ts";

/** A stream of bytes in both directions whose peer can be held back. */
export interface GatedStream {
  /** Where bytes are read and written. */
  readonly socket: Duplex;
  /** Reads nothing more: the peer is blocked once the kernel's buffers are full. */
  pause(): void;
  /** Reads on. */
  resume(): void;
  /** Bytes that it holds of what cannot be read yet. @default none */
  readonly unfinishedBytes?: number;
}

/** One whose bytes go straight over a socket. */
export interface GatedSocket extends GatedStream {
  readonly socket: Socket;
  /** Ends it at once, so that the peer cannot take that for a clean end; what waits is thrown away. */
  reset(): void;
}

/** A plain socket. */
export class PlainSocket implements GatedSocket {
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** The part of a raw socket's handle that starts and stops reading from the kernel. */
interface ReadHandle {
  readStart(): unknown;
  readStop(): unknown;
}

/** A TLS socket over a raw one, in either role. */
export class TlsGate implements GatedSocket {
  readonly socket: TLSSocket;
  readonly #raw: Socket;

  private constructor(raw: Socket, socket: TLSSocket) {
    this.#raw = raw;
    this.socket = socket;
    readHandleOf(raw);
    const { pause, resume } = socket;
    socket.pause = () => {
      pause.call(socket);
      if (!this.#raw.destroyed) readHandleOf(this.#raw).readStop();
      return socket;
    };
    socket.resume = () => {
      resume.call(socket);
      if (!this.#raw.destroyed) readHandleOf(this.#raw).readStart();
      return socket;
    };
  }

  /** Takes the server's part on an accepted raw socket. */
  static server(raw: Socket, options: TLSSocketOptions): TlsGate {
    return new TlsGate(raw, new TLSSocket(raw, { ...options, isServer: true }));
  }

  /** Takes the client's part on a connected raw socket. */
  static client(raw: Socket, options: ConnectionOptions): TlsGate {
    return new TlsGate(raw, connect({ ...options, socket: raw }));
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  reset(): void {
    // To reset the TLS socket itself looks like a clean end to the peer.
    this.#raw.resetAndDestroy();
    this.socket.destroy();
  }
}

function readHandleOf(raw: Socket): ReadHandle {
  const handle: unknown = Reflect.get(raw, "_handle");
  if (isReadHandle(handle)) return handle;
  throw new TrunklineError(
    "start_failed",
    "Cannot hold back a TLS peer: the socket has no handle to stop reading",
  );
}

function isReadHandle(value: unknown): value is ReadHandle {
  return typeof value === "object" && value !== null && "readStart" in value && "readStop" in value &&
    typeof value.readStart === "function" && typeof value.readStop === "function";
}
