/** Users of streams: one that sends back what comes, one that counts it. */
import type { Stream, StreamConsumer, StreamReset } from "../../src/link/stream.ts";

/** Sends back every byte; reads no faster than it may write. */
export function echo(stream: Stream): StreamConsumer {
  let held = 0;
  return {
    data(bytes) {
      // What is not passed on yet is not given credit for: the other side waits.
      if (stream.write(bytes)) stream.consumed(bytes.length);
      else held += bytes.length;
    },
    end: () => stream.end(),
    drained() {
      stream.consumed(held);
      held = 0;
    },
    closed: () => {},
  };
}

/** Counts what comes. */
export class Collector implements StreamConsumer {
  /** Resolves to why the stream ended; `null` when it ended as it should. */
  readonly over: Promise<StreamReset | null>;
  readonly #over = Promise.withResolvers<StreamReset | null>();
  #stream: Stream | null = null;
  #bytes = 0;

  constructor() {
    this.over = this.#over.promise;
  }

  /** How many bytes came. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Says which stream it is. */
  attach(stream: Stream): void {
    this.#stream = stream;
  }

  data(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#stream?.consumed(bytes.length);
  }

  end(): void {}

  drained(): void {}

  closed(reset: StreamReset | null): void {
    this.#over.resolve(reset);
  }
}
