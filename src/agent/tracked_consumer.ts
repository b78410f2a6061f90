/** The user of a stream, and somebody who has to know that the stream is over. */
import type { StreamConsumer, StreamReset } from "../link/stream.ts";

/** Who has to know. */
export interface StreamWatcher {
  /** A stream is over. */
  streamOver(): void;
}

/** Passes everything on to the user, and tells of the end after him. */
export class TrackedConsumer implements StreamConsumer {
  readonly #consumer: StreamConsumer;
  readonly #watcher: StreamWatcher;

  constructor(consumer: StreamConsumer, watcher: StreamWatcher) {
    this.#consumer = consumer;
    this.#watcher = watcher;
  }

  data(bytes: Uint8Array): void {
    this.#consumer.data(bytes);
  }

  end(): void {
    this.#consumer.end();
  }

  drained(): void {
    this.#consumer.drained();
  }

  closed(reset: StreamReset | null): void {
    this.#consumer.closed(reset);
    this.#watcher.streamOver();
  }
}
