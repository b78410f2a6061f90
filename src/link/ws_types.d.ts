/**
 * The part of the `ws` package that is used here. The published types lack `Receiver` and the option that
 * replaces the WebSocket class.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex, Writable } from "node:stream";

/** How a receiver reads. */
export interface ReceiverOptions {
  isServer: boolean;
  maxPayload: number;
  maxFragments: number;
  maxBufferedChunks: number;
  skipUTF8Validation: boolean;
  allowSynchronousEvents: boolean;
}

/** Reads WebSocket frames from bytes (RFC 6455) and emits whole messages and control frames. */
export class Receiver extends Writable {
  /** Bounds of the frames that come. No part of what is published: the version of the package is an exact one. */
  _maxPayload: number;
  _maxBufferedChunks: number;
  /** Bytes of a frame, and of the frames of a message before it, that are kept until the message is whole. */
  readonly _bufferedBytes: number;
  readonly _messageLength: number;
  constructor(options: ReceiverOptions);
  on(event: "message", listener: (data: Uint8Array, isBinary: boolean) => void): this;
  on(event: "ping" | "pong", listener: (data: Uint8Array) => void): this;
  on(event: "conclude", listener: (code: number, reason: Uint8Array) => void): this;
  on(event: "error", listener: (error: Error & { code?: string }) => void): this;
  on(event: "drain", listener: () => void): this;
}

/** What the server makes at the end of a handshake instead of its own WebSocket. */
export interface UpgradedSocket {
  setSocket(socket: Duplex, head: Uint8Array, options: unknown): void;
}

/** Does the opening handshake. */
export class WebSocketServer {
  constructor(options: {
    noServer: true;
    clientTracking: false;
    perMessageDeflate: false;
    handleProtocols: (protocols: Set<string>, request: IncomingMessage) => string | false;
    WebSocket: new () => UpgradedSocket;
  });
  on(
    event: "wsClientError",
    listener: (error: Error, socket: Duplex, request: IncomingMessage) => void,
  ): this;
  handleUpgrade<T extends UpgradedSocket>(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    done: (upgraded: T) => void,
  ): void;
}
