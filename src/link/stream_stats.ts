/**
 * What happened to the streams of all connections of one kind, as plain numbers that metrics read when they are
 * collected.
 */

/** Counters. */
export class StreamStats {
  /** Streams that are there now. */
  active = 0;
  opened = 0;
  accepted = 0;
  /** Streams of peers that were refused, whatever the reason. */
  refused = 0;
  /** Streams that ended other than gracefully. */
  reset = 0;
  /** Streams that were reset because their connection held too much. */
  overCap = 0;
  /** Bytes that streams got, framing not included. */
  bytesReceived = 0;
  /** Bytes that streams wrote, framing included. */
  bytesSent = 0;
}
