/**
 * The wire beneath one connection, whichever of the transports that is: it reads, writes through its outbox,
 * shows whether the peer lives, and says goodbye.
 */
import type { PeerAddress, TransportKind } from "../core/transport.ts";
import type { BytePace } from "../limits/byte_pace.ts";
import type { HeartbeatPeer } from "./heartbeat.ts";
import type { Outbox } from "./outbox.ts";

/** What a goodbye says beside its code and its reason. */
export interface CloseOptions {
  /** When the peer may come back, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** Whether what waits is written before it. @default as the code says */
  readonly isPatient?: boolean;
}

/** The wire beneath one connection. */
export interface Transport extends HeartbeatPeer {
  readonly kind: TransportKind;
  readonly peer: PeerAddress;
  readonly outbox: Outbox;
  /** Bytes that it holds of messages that have not come to their end. */
  readonly unfinishedBytes: number;
  /** Starts reading; `head` are bytes that were read already. */
  start(head: Uint8Array): void;
  /** Says goodbye with a code and a reason (at most 123 bytes of UTF-8), then closes within the close time-out. */
  close(code: number, reason: string, options?: CloseOptions): void;
  /** Reads, and writes, no faster than this from now on. */
  pace(paces: { readonly reading: BytePace; readonly writing: BytePace }): void;
  /** Ends at once, without a goodbye. */
  destroy(): void;
}

/** Whose transport it is. */
export interface TransportOwner {
  /** A whole message; gives the number of deliveries that it caused. The bytes are a view that stays valid. */
  received(data: Uint8Array, isBinary: boolean): number;
  /** The goodbye began, from either side: nothing more is taken. */
  transportClosing(code: number, reason: string): void;
  /** The socket is gone. */
  transportClosed(): void;
}
