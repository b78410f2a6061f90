/** Users of streams in tests: one that sends back every byte, two that are joined, and one that remembers. */
import type { Stream, StreamConsumer, StreamReset } from "../../src/link/stream.ts";
import { concat } from "./prefixed.ts";

/** Sends what comes on one stream out on another, held back as that one is; with itself it is an echo. */
export class StreamJoint implements StreamConsumer {
  readonly #from: () => Stream;
  readonly #to: () => Stream | null;
  #held = 0;

  constructor(from: () => Stream, to: () => Stream | null) {
    this.#from = from;
    this.#to = to;
  }

  data(bytes: Uint8Array): void {
    if (this.#to()?.write(bytes) === true) this.#from().consumed(bytes.length);
    else this.#held += bytes.length;
  }

  end(): void {
    this.#to()?.end();
  }

  drained(): void {
    this.onDrained();
  }

  /** What was held back may be passed on. */
  resume(): void {
    const held = this.#held;
    this.#held = 0;
    if (held > 0) this.#from().consumed(held);
  }

  onDrained = (): void => this.resume();

  closed(reset: StreamReset | null): void {
    if (reset !== null) this.#to()?.reset(reset.code, reset.reason);
  }
}

/** Sends back every byte. */
export function echoOf(stream: Stream): StreamConsumer {
  return new StreamJoint(() => stream, () => stream);
}

/** Joins a stream with another one that is opened for it; gives its user, or nothing where none can be opened. */
export function joinStreams(
  stream: Stream,
  open: (consumer: StreamConsumer) => Stream | string,
): StreamConsumer | null {
  let other: Stream | null = null;
  const back = new StreamJoint(() => other ?? stream, () => stream);
  const opened = open(back);
  if (typeof opened === "string") return null;
  other = opened;
  const there = new StreamJoint(() => stream, () => other);
  there.onDrained = () => back.resume();
  back.onDrained = () => there.resume();
  return there;
}

/** Remembers what came. */
export class RecordingStream implements StreamConsumer {
  readonly closedWith: Promise<StreamReset | null>;
  readonly #closed = Promise.withResolvers<StreamReset | null>();
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #waiting: { bytes: number; resolve: () => void } | null = null;
  /** How often the end was told. */
  ends = 0;
  stream: Stream | null = null;

  constructor() {
    this.closedWith = this.#closed.promise;
  }

  /** What came. */
  get bytes(): Uint8Array {
    return concat(this.#chunks);
  }

  /** Until so many bytes came. */
  async got(bytes: number): Promise<void> {
    if (this.#bytes >= bytes) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { bytes, resolve };
    await promise;
  }

  data(bytes: Uint8Array): void {
    this.#chunks.push(bytes.slice());
    this.#bytes += bytes.length;
    this.stream?.consumed(bytes.length);
    if (this.#waiting !== null && this.#bytes >= this.#waiting.bytes) this.#waiting.resolve();
  }

  end(): void {}

  drained(): void {}

  closed(reset: StreamReset | null): void {
    this.ends++;
    this.#closed.resolve(reset);
  }
}
