/** The part of the `ws` package that a client uses; the package brings no types. */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** One end of a WebSocket (RFC 6455). */
export class WebSocket {
  constructor(url: string, protocols: readonly string[], options: {
    perMessageDeflate: false;
    maxPayload: number;
    /** How long the other end may take to answer a close, in milliseconds. */
    closeTimeout: number;
    headers: Readonly<Record<string, string>>;
    createConnection: () => Duplex;
  });
  on(event: "open", listener: () => void): this;
  on(event: "message", listener: (data: Uint8Array, isBinary: boolean) => void): this;
  on(event: "close", listener: (code: number, reason: Uint8Array) => void): this;
  on(event: "error", listener: (error: Error) => void): this;
  on(
    event: "unexpected-response",
    listener: (request: ClientRequest, response: IncomingMessage) => void,
  ): this;
  send(data: Uint8Array, options: { binary: boolean }): void;
  close(code: number): void;
  terminate(): void;
}
