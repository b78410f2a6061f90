/**
 * What every transport has in common: kinds, encoded messages, where a peer comes from.
 */

/** How a connection speaks. One message is encoded once for each kind, whatever the number of receivers. */
export type TransportKind = "websocket" | "text" | "frames" | "json";

/** Bytes ready for the wire, shared by every receiver of the same kind: never changed once made. */
export interface Encoded {
  /** The pieces in order; small messages are one piece, large payloads stay uncopied behind their header. */
  readonly parts: readonly Uint8Array[];
  /** Bytes of all parts together. */
  readonly bytes: number;
}

/** Something that can be sent, with one encoding for each kind of transport. */
export interface OutgoingMessage {
  /** Encodes at the first call of a kind and returns the same object afterwards. */
  encodedFor(kind: TransportKind): Encoded;
}

/** Where a peer comes from, after any PROXY header was believed. */
export interface PeerAddress {
  readonly ip: string;
  readonly port: number;
}
