/** The server's end of a WebSocket for frames, as a stream of bytes. */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { GatedStream } from "../../src/link/gated_socket.ts";
import { receiverOptions } from "../../src/link/ws_receiver.ts";
import { encodeWsFrame, wsClosePayload, WsOpcode } from "../../src/wire/ws_frame.ts";
import { concat } from "./prefixed.ts";
// @ts-types="../../src/link/ws_types.d.ts"
import { Receiver } from "ws";

/** What was sent of a WebSocket. */
export class ServerWebSocket extends Duplex implements GatedStream {
  readonly #socket: Socket;
  readonly #receiver = new Receiver(receiverOptions(32 * 1024 * 1024, { isServer: true }));

  constructor(socket: Socket) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#receiver.on("message", (data) => {
      if (!this.push(data)) socket.pause();
    });
    this.#receiver.on("conclude", () => this.push(null));
    this.#receiver.on("error", (error) => this.destroy(error));
    socket.on("data", (chunk) => this.#receiver.write(chunk));
    socket.on("end", () => this.push(null));
    socket.on("close", () => this.destroy());
    this.on("error", () => {});
  }

  get socket(): Duplex {
    return this;
  }

  /** Closes as a WebSocket does, without an Error frame. */
  sayClose(code: number, reason: string): void {
    this.#send(WsOpcode.close, wsClosePayload(code, reason));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.#send(WsOpcode.binary, chunk);
    done();
  }

  override _writev(chunks: readonly { chunk: Uint8Array }[], done: () => void): void {
    this.#send(WsOpcode.binary, concat(chunks.map(({ chunk }) => chunk)));
    done();
  }

  override _final(done: () => void): void {
    this.#send(WsOpcode.close, wsClosePayload(1000, ""));
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#receiver.destroy();
    this.#socket.destroy();
    done(error);
  }

  #send(opcode: WsOpcode, payload: Uint8Array): void {
    if (this.#socket.destroyed) return;
    for (const part of encodeWsFrame(opcode, payload).parts) this.#socket.write(part);
  }
}
