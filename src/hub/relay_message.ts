/**
 * A message of the relay: text or binary exactly as it came, encoded once for each kind of transport.
 */
import type { Encoded, OutgoingMessage, TransportKind } from "../core/transport.ts";
import { encodeLengthPrefixed } from "../wire/length_prefix.ts";
import { encodeWsFrame, WsOpcode } from "../wire/ws_frame.ts";

const NOTHING = new Uint8Array(0);

/** One message on its way to a room. */
export class RelayMessage implements OutgoingMessage {
  readonly #data: Uint8Array;
  readonly #isBinary: boolean;
  #text: Encoded | null = null;
  #websocket: Encoded | null = null;

  /** `data` must not change afterwards: its bytes are shared by all receivers. */
  constructor(data: Uint8Array, isBinary: boolean) {
    this.#data = data;
    this.#isBinary = isBinary;
  }

  encodedFor(kind: TransportKind): Encoded {
    switch (kind) {
      case "text":
        return this.#text ??= encodeLengthPrefixed(NOTHING, this.#data);
      case "websocket":
        return this.#websocket ??= encodeWsFrame(
          this.#isBinary ? WsOpcode.binary : WsOpcode.text,
          this.#data,
        );
      case "frames":
        throw new TypeError("Cannot send a relay message as a frame: relays speak WebSocket");
      case "json":
        throw new TypeError("Cannot send a relay message as a JSON line: the handshake has no word for it");
    }
  }
}
