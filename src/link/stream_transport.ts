/**
 * What the transports share that put whole messages on a stream of bytes and have no close frame: every message is a
 * sign of life, and so are the bytes of a long one on its way; the last message says why the connection ends, and there is no half-close: a FIN is a disconnect.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { Encoded } from "../core/transport.ts";
import { isPatient, SocketTransport } from "./socket_transport.ts";
import type { CloseOptions } from "./transport.ts";

/** Why a connection ends. */
export interface Farewell extends CloseOptions {
  /** See {@link CloseCode}. */
  readonly code: number;
  readonly reason: string;
}

/** One open connection of messages on a stream of bytes. */
export abstract class StreamTransport extends SocketTransport {
  #hasWhole = false;

  /**
   * Takes the next bytes and hands whole messages to {@link received}. Gives how many it took, which is all of them
   * unless the budget was used up, or why they cannot be read.
   */
  protected abstract decode(bytes: Uint8Array): number | Farewell;

  /** Whether a message has begun and is not complete. */
  protected abstract get isInside(): boolean;

  /** The last message, as the transport has it. */
  protected abstract encodeFarewell(farewell: Farewell): Encoded;

  expire(): void {
    this.close(CloseCode.heartbeatTimeout, "No sign of life");
  }

  close(code: number, reason: string, options: CloseOptions = {}): void {
    if (!this.isOpen) return;
    this.reader.stop();
    this.sayGoodbye(code, reason, {
      last: this.encodeFarewell({ code, reason, ...options }),
      purge: !(options.isPatient ?? isPatient(code)),
      onWritten: () => this.socket.end(),
    });
  }

  /** Whether something has begun that is not there to its end. */
  protected get isPartial(): boolean {
    return this.isInside;
  }

  /** What ends a message is a sign of life; of others see {@link heardPart}. */
  protected override feed(slice: Uint8Array): number {
    this.#hasWhole = false;
    const result = this.decode(slice);
    if (this.#hasWhole || !this.isPartial) this.heard();
    else this.heardPart(slice.length);
    const taken = typeof result === "number" ? result : slice.length;
    this.settings.stats.bytesReceived += taken;
    if (typeof result !== "number") this.close(result.code, result.reason);
    return taken;
  }

  /** Something came to its end in the bytes that are being taken. */
  protected cameWhole(): void {
    this.#hasWhole = true;
  }

  /** A whole message. */
  protected received(message: Uint8Array): void {
    if (!this.isOpen) return;
    this.cameWhole();
    this.settings.stats.messagesReceived++;
    // Nobody has looked yet whether it is UTF-8.
    this.budget.spendMessage(this.owner.received(message, true));
  }

  /** A goodbye of ours that is on its way is still written; it ends the socket, or the close time-out does. */
  protected override peerEnded(): void {
    const code = this.isInside ? CloseCode.abnormal : CloseCode.normal;
    if (this.begin(code, "")) this.socket.destroy();
  }
}
