/**
 * Joins two streams: what comes on one leaves on the other, uncopied and within the credit of both, with each half-close
 * and each reset passed on. Nothing is held here: what was handed to the other stream waits there.
 */
import { StreamCode } from "../core/stream_codes.ts";
import type { Stream, StreamConsumer, StreamReset } from "../link/stream.ts";

/** One side of a joint: takes what comes on its stream and gives it to the other. */
class Side implements StreamConsumer {
  own: Stream | null = null;
  other: Stream | null = null;
  /** The other direction. */
  peer: Side | null = null;
  /** What was handed over while the other stream was full, so that there is no room for more yet. */
  #owedBytes = 0;

  data(bytes: Uint8Array): void {
    const { other, own } = this;
    if (other === null || own === null) return;
    if (other.write(bytes)) own.consumed(bytes.length);
    else this.#owedBytes += bytes.length;
  }

  end(): void {
    this.other?.end();
  }

  /** The own stream takes more: whoever fills it may go on. */
  drained(): void {
    this.peer?.settle();
  }

  /** There is room for what was held back. */
  settle(): void {
    const bytes = this.#owedBytes;
    this.#owedBytes = 0;
    if (bytes > 0) this.own?.consumed(bytes);
  }

  closed(reset: StreamReset | null): void {
    if (reset === null) return;
    const { code, reason, notStarted, origin } = reset;
    // A connection that broke is no business of the other one.
    const told = origin === "link" ? "The other connection ended" : reason;
    this.other?.reset(origin === "link" ? StreamCode.localReset : code, told, { notStarted });
  }
}

/**
 * Opens a stream by `open` and joins it with this one; gives who uses this one. A string: why no stream was opened.
 */
export function joinStreams<R extends string>(
  stream: Stream,
  open: (consumer: StreamConsumer) => Stream | R,
): StreamConsumer | R {
  const [near, far] = [new Side(), new Side()];
  near.peer = far;
  far.peer = near;
  const opened = open(far);
  if (typeof opened === "string") return opened;
  near.own = stream;
  near.other = opened;
  far.own = opened;
  far.other = stream;
  return near;
}
