/** How WebSocket frames are read, whichever end one is: the limits of the receiver, and what its mistakes mean. */
import { CloseCode } from "../core/close_codes.ts";
// @ts-types="./ws_types.d.ts"
import type { Receiver, ReceiverOptions } from "ws";

const MAX_FRAGMENTS = 1024;
/** A message may arrive in pieces of this size on average; smaller ones would cost more memory than they carry. */
const MIN_MEAN_CHUNK_BYTES = 256;
const MIN_BUFFERED_CHUNKS = 1024;

/** The options of a receiver that reads messages up to `maxMessageBytes`. */
export function receiverOptions(
  maxMessageBytes: number,
  { isServer }: { isServer: boolean },
): ReceiverOptions {
  return {
    isServer,
    maxPayload: maxMessageBytes,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: maxChunks(maxMessageBytes),
    skipUTF8Validation: false,
    allowSynchronousEvents: true,
  };
}

/** Lets a receiver read longer messages from the next frame on. */
export function raiseLimit(receiver: Receiver, maxMessageBytes: number): void {
  receiver._maxPayload = maxMessageBytes;
  receiver._maxBufferedChunks = maxChunks(maxMessageBytes);
}

/** Bytes that a receiver keeps of a message that is not whole. */
export function heldBytesOf({ _bufferedBytes, _messageLength }: Receiver): number {
  return _bufferedBytes + _messageLength;
}

function maxChunks(maxMessageBytes: number): number {
  return Math.max(MIN_BUFFERED_CHUNKS, Math.floor(maxMessageBytes / MIN_MEAN_CHUNK_BYTES));
}

/** The close code for what a receiver objected to. */
export function closeCodeOf(receiverCode: string | undefined): number {
  switch (receiverCode) {
    case "WS_ERR_INVALID_UTF8":
      return CloseCode.invalidData;
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
    case "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH":
      return CloseCode.tooBig;
    case "WS_ERR_TOO_MANY_BUFFERED_PARTS":
      return CloseCode.policy;
    default:
      return CloseCode.protocolError;
  }
}
