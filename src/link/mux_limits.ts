/** What bounds the streams of one connection. */
import type { WindowLimits } from "./flow_control.ts";

/** Who pays for the streams of a connection. */
export interface StreamPayer {
  /** One more; gives what is in the way, or `null`. */
  add(what: "streams"): unknown;
  /** One less. */
  remove(what: "streams"): void;
}

/** Bounds of one connection. */
export interface MuxLimits {
  /** Streams of the peer at a time. */
  readonly maxStreams: number;
  readonly windows: WindowLimits;
  /** What the peer lets a new stream send. */
  readonly peerInitialBytes: number;
}
