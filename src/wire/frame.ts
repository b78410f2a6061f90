/**
 * Frames: what agents and hubs say to each other on one connection, streams and messages alike. One union, a pure
 * encoder and a pure decoder of payloads; {@link FrameDecoder} finds the frames in a stream of bytes.
 */
import type { z } from "zod";
import type { Encoded } from "../core/transport.ts";
import {
  CLOSE_HEAD_BYTES,
  DATAGRAM_HEAD_BYTES,
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  type FrameFault,
  FrameType,
  MAX_CREDIT,
  MAX_REASON_BYTES,
  protocolFault,
  readUint32,
  writeFrameHeader,
  writeUint32,
} from "./frame_header.ts";
import * as payloads from "./frame_payloads.ts";
import { isNestedTooDeep, MAX_JSON_DEPTH } from "./json_depth.ts";
import { Slab } from "./slab.ts";
import { readRef, readTunnelStream } from "./tunnel_stream.ts";

/** The reset of a stream: both directions are over. */
export interface CloseStreamFrame {
  readonly kind: "close_stream";
  readonly streamId: number;
  readonly code: number;
  /** No byte reached the service: it may be tried elsewhere. */
  readonly notStarted: boolean;
  readonly reason: string;
}

/** Opens a stream. */
export interface OpenStreamFrame {
  readonly kind: "open_stream";
  readonly streamId: number;
  readonly open: payloads.OpenStream;
  /** Nothing will come from the side that opens it. */
  readonly isEnd: boolean;
}

/** Opens a stream for what one before was opened for, and begins it. */
export interface OpenAgainFrame {
  readonly kind: "open_again";
  readonly streamId: number;
  readonly ref: number;
  /** The first bytes of the stream. */
  readonly payload: Uint8Array;
  readonly isEnd: boolean;
}

/** Bytes of a stream. */
export interface DataFrame {
  readonly kind: "data";
  readonly streamId: number;
  readonly payload: Uint8Array;
  /** Nothing more will come in this direction. */
  readonly isEnd: boolean;
}

/** Every frame but Data, which the decoder hands out without an object of its own. */
export type OtherFrame =
  | { readonly kind: "heartbeat"; readonly opaque: Uint8Array; readonly isAck: boolean }
  | { readonly kind: "auth_request"; readonly request: payloads.AuthRequest }
  | { readonly kind: "auth_response"; readonly response: payloads.AuthResponse }
  | { readonly kind: "register_tunnel"; readonly request: payloads.RegisterTunnel }
  | { readonly kind: "unregister_tunnel"; readonly request: payloads.UnregisterTunnel }
  | { readonly kind: "tunnel_response"; readonly response: payloads.TunnelResponse }
  | OpenStreamFrame
  | OpenAgainFrame
  | CloseStreamFrame
  | { readonly kind: "window_update"; readonly streamId: number; readonly credit: number }
  /** One text message; `isText`: its payload is known to be UTF-8. */
  | { readonly kind: "message"; readonly message: Uint8Array; readonly isText: boolean }
  | {
    readonly kind: "datagram";
    readonly tunnelId: number;
    readonly flowId: number;
    readonly packet: Uint8Array;
  }
  | { readonly kind: "go_away"; readonly goAway: payloads.GoAway }
  | { readonly kind: "error"; readonly error: payloads.ErrorPayload };

/** Any frame. */
export type Frame = DataFrame | OtherFrame;

const NOTHING = new Uint8Array(0);
const slab = new Slab();
const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Payloads up to this many bytes are copied behind their header; larger ones are passed on as they are. */
const COPY_LIMIT_BYTES = 4096;
const LINE_FEED = 0x0a;

/** Encodes any frame. Its parts hold the caller's bytes where they are large, and Data always. */
export function encodeFrame(frame: Frame): Encoded {
  switch (frame.kind) {
    case "data": {
      const { streamId, payload, isEnd } = frame;
      const header = encodeDataHeader({ streamId, length: payload.length, isEnd });
      return { parts: [header, payload], bytes: FRAME_HEADER_BYTES + payload.length };
    }
    case "heartbeat":
      return joined({ type: FrameType.heartbeat, flags: flagIf(frame.isAck), payload: frame.opaque });
    case "auth_request":
      return json(FrameType.authRequest, frame.request);
    case "auth_response":
      return json(FrameType.authResponse, frame.response);
    case "register_tunnel":
      return json(FrameType.registerTunnel, frame.request);
    case "unregister_tunnel":
      return json(FrameType.unregisterTunnel, frame.request);
    case "tunnel_response":
      return json(FrameType.tunnelResponse, frame.response);
    case "open_stream":
      return encodeOpenStream(frame);
    case "open_again": {
      const { payload } = frame;
      const head = encodeOpenAgain({ ...frame, length: payload.length });
      return { parts: [head, payload], bytes: head.length + payload.length };
    }
    case "close_stream":
      return joined({ type: FrameType.closeStream, streamId: frame.streamId, payload: closePayload(frame) });
    case "window_update":
      return joined({
        type: FrameType.windowUpdate,
        streamId: frame.streamId,
        payload: uint32(frame.credit),
      });
    case "message":
      return encodeMessageFrame(NOTHING, { payload: frame.message, isText: frame.isText });
    case "datagram":
      return joined({ type: FrameType.datagram, head: datagramHead(frame), payload: frame.packet });
    case "go_away":
      return json(FrameType.goAway, frame.goAway);
    case "error":
      return json(FrameType.error, frame.error);
  }
}

/** The header of a Data frame; its bytes follow as they are. */
function encodeDataHeader(
  { streamId, length, isEnd }: { streamId: number; length: number; isEnd: boolean },
): Uint8Array {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  writeFrameHeader(header, { type: FrameType.data, flags: isEnd ? FRAME_FLAG : 0, streamId, length });
  return header;
}

/** Encodes one text message, of which `head` is the first part. */
export function encodeMessageFrame(
  head: Uint8Array,
  { payload, isText }: { readonly payload: Uint8Array; readonly isText: boolean },
): Encoded {
  return joined({ type: FrameType.message, flags: flagIf(isText), head, payload });
}

interface Pieces {
  readonly type: FrameType;
  readonly flags?: number;
  readonly streamId?: number;
  readonly head?: Uint8Array;
  readonly payload: Uint8Array;
}

/** A frame in one piece, or with a large payload uncopied behind the rest. */
function joined({ type, flags = 0, streamId = 0, head = NOTHING, payload }: Pieces): Encoded {
  const length = head.length + payload.length;
  const isJoined = length <= COPY_LIMIT_BYTES;
  const first = new Uint8Array(FRAME_HEADER_BYTES + (isJoined ? length : head.length));
  writeFrameHeader(first, { type, flags, streamId, length });
  first.set(head, FRAME_HEADER_BYTES);
  if (!isJoined) return { parts: [first, payload], bytes: FRAME_HEADER_BYTES + length };
  first.set(payload, FRAME_HEADER_BYTES + head.length);
  return { parts: [first], bytes: first.length };
}

function json(type: FrameType, value: unknown): Encoded {
  return joined({ type, payload: encoder.encode(JSON.stringify(value)) });
}

/** An OpenStream frame. */
export function encodeOpenStream(
  { streamId, open, isEnd }: { streamId: number; open: payloads.OpenStream; isEnd: boolean },
): Encoded {
  const payload = encoder.encode(JSON.stringify(open));
  return joined({ type: FrameType.openStream, flags: flagIf(isEnd), streamId, payload });
}

/**
 * The begin of an OpenStream frame by a ref, behind which so many bytes of the stream follow. Cut from a slab: one is
 * written with every exchange, and gone with the next write.
 */
export function encodeOpenAgain(
  { streamId, ref, length, isEnd }: { streamId: number; ref: number; length: number; isEnd: boolean },
): Uint8Array {
  const text = String(ref);
  const ownBytes = text.length + (length > 0 ? 1 : 0);
  const frame = slab.take(FRAME_HEADER_BYTES + ownBytes);
  const type = FrameType.openStream;
  writeFrameHeader(frame, { type, flags: flagIf(isEnd), streamId, length: ownBytes + length });
  for (let at = 0; at < text.length; at++) frame[FRAME_HEADER_BYTES + at] = text.charCodeAt(at);
  if (length > 0) frame[FRAME_HEADER_BYTES + text.length] = LINE_FEED;
  return frame;
}

function flagIf(isSet: boolean): number {
  return isSet ? FRAME_FLAG : 0;
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeUint32(bytes, 0, value);
  return bytes;
}

function closePayload({ code, notStarted, reason }: CloseStreamFrame): Uint8Array {
  const bytes = new Uint8Array(CLOSE_HEAD_BYTES + MAX_REASON_BYTES);
  writeUint32(bytes, 0, code);
  bytes[4] = notStarted ? 1 : 0;
  // What does not fit is left out, never half a character.
  const { written } = encoder.encodeInto(reason, bytes.subarray(CLOSE_HEAD_BYTES));
  return bytes.subarray(0, CLOSE_HEAD_BYTES + written);
}

function datagramHead({ tunnelId, flowId }: { tunnelId: number; flowId: number }): Uint8Array {
  const head = new Uint8Array(DATAGRAM_HEAD_BYTES);
  writeUint32(head, 0, tunnelId);
  head[4] = flowId >>> 8;
  head[5] = flowId;
  return head;
}

/** A frame whose header was judged already. */
export interface RawFrame {
  readonly type: Exclude<FrameType, typeof FrameType.data>;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** Reads the payload of a frame; the result holds views of it. */
export function decodeFrame(raw: RawFrame): OtherFrame | FrameFault {
  const { type, flags, streamId, payload } = raw;
  switch (type) {
    case FrameType.heartbeat:
      return { kind: "heartbeat", opaque: payload, isAck: flags === FRAME_FLAG };
    case FrameType.closeStream:
      return decodeClose(payload, streamId);
    case FrameType.windowUpdate:
      return decodeWindowUpdate(payload, streamId);
    case FrameType.message:
      return { kind: "message", message: payload, isText: flags === FRAME_FLAG };
    case FrameType.datagram:
      return {
        kind: "datagram",
        tunnelId: readUint32(payload, 0),
        flowId: ((payload[4] ?? 0) << 8) | (payload[5] ?? 0),
        packet: payload.subarray(DATAGRAM_HEAD_BYTES),
      };
    default:
      return decodeJson({ ...raw, type });
  }
}

/** The types whose payload is JSON. */
type JsonFrameType = Exclude<
  RawFrame["type"],
  | typeof FrameType.heartbeat
  | typeof FrameType.closeStream
  | typeof FrameType.windowUpdate
  | typeof FrameType.message
  | typeof FrameType.datagram
>;

function decodeJson(
  { type, flags, streamId, payload }: RawFrame & { readonly type: JsonFrameType },
): OtherFrame | FrameFault {
  switch (type) {
    case FrameType.openStream: {
      const isEnd = flags === FRAME_FLAG;
      const again = readRef(payload);
      if (again !== null) return { kind: "open_again", streamId, isEnd, ...again };
      const open = readTunnelStream(payload);
      if (open !== null) return { kind: "open_stream", streamId, open, isEnd };
      return parsed(payload, payloads.openStreamSchema, (open) => ({
        kind: "open_stream",
        streamId,
        open,
        isEnd,
      }));
    }
    case FrameType.authRequest:
      return parsed(payload, payloads.authRequestSchema, (request) => ({ kind: "auth_request", request }));
    case FrameType.authResponse:
      return parsed(
        payload,
        payloads.authResponseSchema,
        (response) => ({ kind: "auth_response", response }),
      );
    case FrameType.registerTunnel:
      return parsed(
        payload,
        payloads.registerTunnelSchema,
        (request) => ({ kind: "register_tunnel", request }),
      );
    case FrameType.unregisterTunnel:
      return parsed(
        payload,
        payloads.unregisterTunnelSchema,
        (request) => ({ kind: "unregister_tunnel", request }),
      );
    case FrameType.tunnelResponse:
      return parsed(
        payload,
        payloads.tunnelResponseSchema,
        (response) => ({ kind: "tunnel_response", response }),
      );
    case FrameType.goAway:
      return parsed(payload, payloads.goAwaySchema, (goAway) => ({ kind: "go_away", goAway }));
    case FrameType.error:
      return parsed(payload, payloads.errorSchema, (error) => ({ kind: "error", error }));
  }
}

/** Whether what was decoded is a fault. */
export function isFrameFault(value: OtherFrame | FrameFault): value is FrameFault {
  return "closeCode" in value;
}

function decodeClose(payload: Uint8Array, streamId: number): OtherFrame | FrameFault {
  const flag = payload[4];
  if (flag !== 0 && flag !== 1) return protocolFault(`A CloseStream frame has no flag like ${flag}`);
  const reason = decodeText(payload.subarray(CLOSE_HEAD_BYTES));
  if (reason === null) return protocolFault("The reason of a CloseStream frame is not UTF-8");
  return { kind: "close_stream", streamId, code: readUint32(payload, 0), notStarted: flag === 1, reason };
}

function decodeText(bytes: Uint8Array): string | null {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return null;
  }
}

function decodeWindowUpdate(payload: Uint8Array, streamId: number): OtherFrame | FrameFault {
  const credit = readUint32(payload, 0);
  if (credit === 0 || credit > MAX_CREDIT) return protocolFault(`A credit of ${credit} bytes is none`);
  return { kind: "window_update", streamId, credit };
}

function parsed<T>(
  payload: Uint8Array,
  schema: z.ZodType<T>,
  wrap: (value: T) => OtherFrame,
): OtherFrame | FrameFault {
  if (isNestedTooDeep(payload)) {
    return protocolFault(`The payload of a frame is nested deeper than ${MAX_JSON_DEPTH} levels`);
  }
  let value: unknown;
  try {
    value = JSON.parse(strictDecoder.decode(payload));
  } catch {
    return protocolFault("The payload of a frame is not JSON");
  }
  const result = schema.safeParse(value);
  if (result.success) return wrap(result.data);
  const [issue] = result.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`;
  return protocolFault(`The payload of a frame is not what it has to be${where}`);
}
