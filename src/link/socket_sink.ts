/**
 * The thin adapter from an outbox to a real socket: what one flush gives leaves in one write (corked), and the socket
 * says when it took it. A plain socket mostly does at once, which costs no callback.
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { OutboxSink } from "./outbox.ts";

const NOTHING = new Uint8Array(0);

/** Writes to a plain or TLS socket, or to what stands for one. */
export class SocketSink implements OutboxSink {
  readonly #socket: Duplex;
  /** Whether what it took is seen at once: others encipher first, or frame. */
  readonly #isPlain: boolean;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#isPlain = socket instanceof Socket && !(socket instanceof TLSSocket);
  }

  /** Whether something waits in the socket, so that what is written now will wait too. */
  get isBehind(): boolean {
    return this.#socket.writableLength > 0;
  }

  /** How much waits in the socket. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  write(parts: readonly Uint8Array[], onWritten: () => void): boolean {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return false;
    const lastIndex = parts.length - 1;
    // Several pieces are never taken at once.
    const isPrompt = this.#isPlain && lastIndex === 0 && socket.writableLength === 0;
    if (lastIndex > 0) socket.cork();
    for (let i = 0; i <= lastIndex; i++) {
      const part = parts[i];
      if (part === undefined) continue;
      if (i === lastIndex && !isPrompt) socket.write(part, whenWell(onWritten));
      else socket.write(part);
    }
    if (lastIndex > 0) socket.uncork();
    if (!isPrompt) return false;
    if (socket.writableLength === 0) return true;
    // The kernel took a part only. What has no bytes comes behind the rest, and tells when that is gone.
    socket.write(NOTHING, whenWell(onWritten));
    return false;
  }
}

function whenWell(onWritten: () => void): (error?: Error | null) => void {
  return (error) => {
    if (error === undefined || error === null) onWritten();
  };
}
