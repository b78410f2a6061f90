/**
 * How a hub tells a peer in the peer's own transport that this transport is not served here, so that a client
 * on the wrong port gets an answer instead of silence.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { FirstByteKind } from "./first_byte.ts";
import type { ErrorPayload } from "./frame_payloads.ts";
import { encodeHandshakeError } from "./json_error.ts";
import { encodeLengthPrefixed } from "./length_prefix.ts";
import { encodeSystemClose, type SystemClose } from "./system_close.ts";

const FRAME_HEADER_BYTES = 12;
const FRAME_VERSION = 0x01;
const FRAME_ERROR = 0xff;

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

/** The last bytes for a peer of this transport; `null` where the transport has no word for it. */
export function encodeNotAvailable(kind: FirstByteKind, messageId: string): Uint8Array | null {
  const message = `This hub does not serve the ${kind} transport on this address`;
  switch (kind) {
    case "text":
      return encodeTextRefusal({ code: CloseCode.policy, reason: message }, messageId);
    case "frames":
      return encodeFramesRefusal({ code: "server_unavailable", message });
    case "json":
      return encodeHandshakeError({ code: "server_unavailable", message });
    case "http":
      return encodeHttpRefusal(404, "Not Found", { body: message });
    case "unknown":
      return null;
  }
}

/** A whole HTTP/1.1 response after which the connection closes. `headers` must be valid fields. */
export function encodeHttpRefusal(
  status: number,
  statusText: string,
  { body, headers = {} }: { body: string; headers?: Readonly<Record<string, string>> },
): Uint8Array {
  const text = `${body}\n`;
  const fields = Object.entries({
    "Content-Type": "text/plain; charset=utf-8",
    ...headers,
    "Content-Length": String(encoder.encode(text).length),
    "Connection": "close",
  });
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return encoder.encode(`HTTP/1.1 ${status} ${statusText}\r\n${head}\r\n${text}`);
}

/** An Error frame, after which the connection closes. */
export function encodeFramesRefusal(error: ErrorPayload): Uint8Array {
  const payload = encoder.encode(JSON.stringify(error));
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  bytes[0] = FRAME_VERSION;
  bytes[1] = FRAME_ERROR;
  new DataView(bytes.buffer).setUint32(8, payload.length);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** A `system.close` behind its length prefix, after which the connection closes. */
export function encodeTextRefusal(close: SystemClose, messageId: string): Uint8Array | null {
  const head = encodeSystemClose(close, messageId);
  // A head stands whole behind its prefix.
  const { parts: [whole] } = encodeLengthPrefixed(head, NOTHING);
  return whole ?? null;
}
