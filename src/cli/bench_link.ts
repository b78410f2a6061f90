/**
 * The connection of a load client. What the load knows by its first bytes it takes itself; everything else goes to
 * whoever talks to the hub over it. One write of the load is on its way at a time: whoever waits for it is as slow as
 * the hub lets him be.
 */
import type { Socket } from "node:net";
import { encodeTextMessage, type TextHeader } from "../wire/text_message.ts";
import { encodeFrame, type Framing, prefixedFraming, webSocketFraming } from "./bench_framing.ts";
import { shakeHands } from "./bench_handshake.ts";
import { dialWith } from "./dial.ts";
import type { HubTarget } from "./hub_target.ts";
import { CLOSE_TIMEOUT_MS, type LinkEnd, type MessageLink } from "./message_link.ts";

/** What the load does with its connection. */
export interface LoadEvents {
  /** Whether it is a message of the load, which is taken then. */
  take(message: Uint8Array): boolean;
  /** Everything that came at once was taken. */
  onTurn?(): void;
  /** What was written is on its way. */
  onWritten?(): void;
}

/** Connects. Throws `unreachable` or `refused`. */
export function openLoadLink(
  target: HubTarget,
  { warn, events }: { readonly warn: (line: string) => void; readonly events: LoadEvents },
): Promise<LoadLink> {
  const open = async (socket: Socket) => {
    if (target.transport === "text") return new LoadLink(socket, prefixedFraming, { events });
    await shakeHands(socket, target);
    return new LoadLink(socket, webSocketFraming(), { events });
  };
  return dialWith(target, { warn, open });
}

/** A link over a connected socket. */
export class LoadLink implements MessageLink {
  readonly closed: Promise<LinkEnd>;
  readonly framing: Framing;
  readonly #socket: Socket;
  readonly #events: LoadEvents;
  #end: LinkEnd = { code: null, reason: "" };
  #isWriting = false;

  constructor(socket: Socket, framing: Framing, { events }: { readonly events: LoadEvents }) {
    this.#socket = socket;
    this.framing = framing;
    this.#events = events;
    const { promise, resolve } = Promise.withResolvers<LinkEnd>();
    this.closed = promise;
    socket.on("error", (error) => this.#endWith({ code: null, reason: error.message }));
    socket.on("close", () => resolve(this.#end));
  }

  /** Whether a write of the load has to be waited for, or none is possible any more. */
  get isBusy(): boolean {
    return this.#isWriting || !this.#socket.writable;
  }

  start(onMessage: (bytes: Uint8Array) => void): void {
    const read = this.framing.reader({
      onMessage: (message) => {
        if (!this.#events.take(message)) onMessage(message);
      },
      onPing: (payload) => this.#writeControl(this.framing.pong(payload)),
      onClose: (code, reason) => {
        this.#endWith({ code, reason });
        this.#writeControl(this.framing.close());
        this.#socket.end();
      },
    });
    this.#socket.on("data", (chunk: Uint8Array) => {
      if (this.#socket.destroyed) return;
      if (!read(chunk)) {
        this.#endWith({ code: null, reason: "what came is no message of a hub" });
        this.#socket.destroy();
      }
      this.#events.onTurn?.();
    });
    this.#socket.resume();
  }

  /** Writes frames of the load. Only when nothing is busy. */
  write(frames: Uint8Array): void {
    this.#isWriting = true;
    this.#socket.write(frames, (error) => {
      this.#isWriting = false;
      if (!error) this.#events.onWritten?.();
    });
  }

  send(header: TextHeader, payload: Uint8Array): void {
    if (this.#socket.writable) {
      this.#socket.write(encodeFrame(this.framing, encodeTextMessage(header, payload)));
    }
  }

  async close(): Promise<void> {
    const cut = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS);
    this.#writeControl(this.framing.close());
    this.#socket.end();
    await this.closed;
    clearTimeout(cut);
  }

  #writeControl(frame: Uint8Array | null): void {
    if (frame !== null && this.#socket.writable) this.#socket.write(frame);
  }

  /** The first reason is the one. */
  #endWith(end: LinkEnd): void {
    if (this.#end.code === null && this.#end.reason === "") this.#end = end;
  }
}

/** Whether the bytes begin so. */
export function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  if (bytes.length < beginning.length) return false;
  for (let at = 0; at < beginning.length; at++) if (bytes[at] !== beginning[at]) return false;
  return true;
}
