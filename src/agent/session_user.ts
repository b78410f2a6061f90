/** Who uses the sessions of an agent: what a session tells of the hub, and asks. */
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { StreamRefusal } from "../link/stream_mux.ts";
import type { OpenStream, TunnelResponse } from "../wire/frame_payloads.ts";
import type { Session } from "./session.ts";

/** Who uses sessions. */
export interface SessionUser {
  /** The hub opens a stream: who uses it, or why not. Must not wait. */
  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal;
  /** A message of the hub. */
  received(message: Uint8Array): void;
  /** There may be room for messages that there was none for. */
  drained(): void;
  /** The hub says what became of a tunnel. */
  tunnelAnswered(response: TunnelResponse): void;
  /** Whether a hub that goes away still owes something beside streams. */
  isBusy(): boolean;
  /** The login succeeded; nothing came before. */
  sessionBegins(session: Session): void;
  /** A stream of it is over. */
  streamEnded(): void;
  /** The session takes and gives nothing any more; called once, and only after it began. */
  sessionEnds(session: Session): void;
}
