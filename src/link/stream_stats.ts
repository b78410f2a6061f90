/**
 * What happened to the streams of all connections of one kind, as plain numbers that metrics read when they are
 * collected.
 */

import { StreamCode } from "../core/stream_codes.ts";

/** A code of the protocol; those that mean nothing share one word. */
export type CountedCode = StreamCode | "other";

const KNOWN_CODES = new Map<number, StreamCode>(Object.values(StreamCode).map((code) => [code, code]));

/** Counters. */
export class StreamStats {
  /** Streams that are there now. */
  active = 0;
  opened = 0;
  accepted = 0;
  /** Streams of peers that were refused, whatever the reason. */
  refused = 0;
  readonly refusedBy = new Map<CountedCode, number>();
  /** Streams that ended other than gracefully. */
  reset = 0;
  readonly resetBy = new Map<CountedCode, number>();
  /** Streams that were reset because their connection held too much. */
  overCap = 0;
  /** Bytes that streams got, framing not included. */
  bytesReceived = 0;
  /** Bytes that streams wrote, framing included. */
  bytesSent = 0;

  countRefused(code: number): void {
    this.refused++;
    count(this.refusedBy, code);
  }

  countReset(code: number): void {
    this.reset++;
    count(this.resetBy, code);
  }
}

function count(counts: Map<CountedCode, number>, code: number): void {
  const counted = KNOWN_CODES.get(code) ?? "other";
  counts.set(counted, (counts.get(counted) ?? 0) + 1);
}
