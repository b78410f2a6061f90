/**
 * Joins a stream with a connection that is not there yet: what comes meanwhile is kept, within the stream's credit, and
 * a stream that ends first calls the dialling off. A refusal is told to the peer with its code; a connection that is
 * there is joined for good.
 */
import type { Socket } from "node:net";
import { StreamCode } from "../core/stream_codes.ts";
import { keptOf } from "../core/views.ts";
import type { DialRefusal } from "./checked_dial.ts";
import type { Flusher } from "./flusher.ts";
import { PlainSocket } from "./gated_socket.ts";
import { type ByteMeter, SocketPump } from "./socket_pump.ts";
import type { Stream, StreamConsumer, StreamReset } from "./stream.ts";

/** How to join. */
export interface DialledStreamOptions {
  /** Does not reject, and ends soon after the signal. */
  readonly dial: (signal: AbortSignal) => Promise<Socket | DialRefusal>;
  readonly flusher: Flusher;
  readonly meter?: ByteMeter;
  /** It is over. `null`: both directions ended. */
  readonly onClosed: (reset: StreamReset | null) => void;
}

const BROKE = {
  code: StreamCode.localReset,
  reason: "The destination reset the connection",
  notStarted: false,
};

/** Dials for a stream; gives who uses it. */
export function joinDialled(stream: Stream, options: DialledStreamOptions): StreamConsumer {
  const joint = new DialledStream(stream, options);
  void joint.run();
  return joint;
}

class DialledStream implements StreamConsumer {
  readonly #stream: Stream;
  readonly #options: DialledStreamOptions;
  readonly #abort = new AbortController();
  #held: Uint8Array[] = [];
  #hasEnded = false;
  #pump: SocketPump | null = null;

  constructor(stream: Stream, options: DialledStreamOptions) {
    this.#stream = stream;
    this.#options = options;
  }

  async run(): Promise<void> {
    const dialled = await this.#options.dial(this.#abort.signal);
    if (this.#stream.isOver) {
      if (!("code" in dialled)) dialled.destroy();
    } else if ("code" in dialled) this.#stream.reset(dialled.code, dialled.reason, { notStarted: true });
    else this.#join(dialled);
  }

  data(bytes: Uint8Array): void {
    if (this.#pump === null) this.#held.push(keptOf(bytes));
    else this.#pump.data(bytes);
  }

  end(): void {
    this.#hasEnded = true;
    this.#pump?.end();
  }

  drained(): void {
    this.#pump?.drained();
  }

  closed(reset: StreamReset | null): void {
    if (this.#pump !== null) return this.#pump.closed(reset);
    this.#abort.abort();
    this.#forget();
    this.#options.onClosed(reset);
  }

  #join(socket: Socket): void {
    const { flusher, meter, onClosed } = this.#options;
    const pump = new SocketPump(new PlainSocket(socket), flusher, {
      ...(meter === undefined ? {} : { meter }),
      failure: () => BROKE,
      onClosed,
    });
    this.#pump = pump;
    pump.start(this.#stream);
    for (const bytes of this.#held) pump.data(bytes);
    this.#held = [];
    if (this.#hasEnded) pump.end();
  }

  /** What nobody takes any more must not count for ever. */
  #forget(): void {
    for (const { length } of this.#held) this.#stream.consumed(length);
    this.#held = [];
  }
}
