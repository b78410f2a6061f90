/**
 * The border to whoever uses a connection of frames: beside its messages, which are as those of any other connection,
 * there are streams, and frames that are neither.
 */
import type { FramesOwner, OwnerFrame } from "../link/frames_transport.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { StreamMux, StreamRefusal } from "../link/stream_mux.ts";
import type { FrameFault } from "../wire/frame_header.ts";
import type { GoAway, OpenStream } from "../wire/frame_payloads.ts";
import type { Connection, ConnectionUser } from "./connection.ts";

/** Who uses one connection of frames. */
export interface FramesUser extends ConnectionUser {
  /** The streams of the connection; told once, before anything else. */
  attached(mux: StreamMux): void;
  /** The peer opens a stream: who uses it, or why not. Must not wait. */
  accept(connection: Connection, stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal;
  /** A frame came that is no message and of no stream; gives why the connection has to end, or `null`. */
  frame(connection: Connection, frame: OwnerFrame): FrameFault | null;
  /** Why the peer has to log in before most frames; `null` or left out: it need not any more. */
  loginFault?(): FrameFault | null;
  /** The peer takes no new streams. */
  goingAway(connection: Connection, goAway: GoAway): void;
}

/** Tells a connection what is every connection's business, and its user what is not. */
export class FramesPort implements FramesOwner {
  readonly #connection: Connection;
  readonly #user: FramesUser;

  constructor(connection: Connection, user: FramesUser) {
    this.#connection = connection;
    this.#user = user;
  }

  received(data: Uint8Array, isBinary: boolean): number {
    return this.#connection.received(data, isBinary);
  }

  transportClosing(code: number, reason: string): void {
    this.#connection.transportClosing(code, reason);
  }

  transportClosed(): void {
    this.#connection.transportClosed();
  }

  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal {
    return this.#user.accept(this.#connection, stream, open);
  }

  frame(frame: OwnerFrame): FrameFault | null {
    return this.#user.frame(this.#connection, frame);
  }

  loginFault(): FrameFault | null {
    return this.#user.loginFault?.() ?? null;
  }

  goingAway(goAway: GoAway): void {
    this.#user.goingAway(this.#connection, goAway);
  }
}
