/**
 * The thin adapter from an outbox to a real socket: what one flush gives leaves in one write (corked), and
 * the callback tells when the socket took it.
 */
import type { Duplex } from "node:stream";
import type { OutboxSink } from "./outbox.ts";

/** Writes to a plain or TLS socket, or to what stands for one. */
export class SocketSink implements OutboxSink {
  readonly #socket: Duplex;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  write(parts: readonly Uint8Array[], onWritten: () => void): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return;
    const lastIndex = parts.length - 1;
    const written = (error?: Error | null) => {
      if (error === undefined || error === null) onWritten();
    };
    if (lastIndex > 0) socket.cork();
    for (let i = 0; i <= lastIndex; i++) {
      const part = parts[i];
      if (part === undefined) continue;
      if (i === lastIndex) socket.write(part, written);
      else socket.write(part);
    }
    if (lastIndex > 0) socket.uncork();
  }
}
