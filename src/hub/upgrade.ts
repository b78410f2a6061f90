/**
 * The borders of a WebSocket upgrade: what a path leads to, and what is left of a request once its handshake
 * is done. Nothing here holds the request itself, so that an idle WebSocket does not keep it alive.
 */
import type { PeerAddress } from "../core/transport.ts";
import type { GatedSocket } from "../link/gated_socket.ts";

/** A WebSocket right after its handshake. */
export interface AcceptedWebSocket {
  readonly link: GatedSocket;
  readonly peer: PeerAddress;
  /** Bytes that arrived behind the request's head. */
  readonly head: Uint8Array;
}

/** Who takes the WebSockets of a path. */
export interface UpgradeTarget {
  accept(socket: AcceptedWebSocket): void;
}

/** Finds who takes the WebSockets of a path; `undefined` when nobody does. */
export type UpgradeRoutes = (path: string) => UpgradeTarget | undefined;
