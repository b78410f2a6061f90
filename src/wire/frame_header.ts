/**
 * The twelve bytes before every frame: version, type, flags, a reserved byte, stream id, payload length; integers are
 * big-endian. What a type may have (flags, a stream, how long a payload) is known here, so that a header is judged
 * before anything behind it is kept. Pure.
 */
import { CloseCode } from "../core/close_codes.ts";

/** Bytes of a header. */
export const FRAME_HEADER_BYTES = 12;
/** The only version that there is. */
export const FRAME_VERSION = 1;
/** The longest payload of a Data frame. */
export const MAX_DATA_BYTES = 16 * 1024;
/** The longest reason of a CloseStream frame, in bytes of UTF-8. */
export const MAX_REASON_BYTES = 123;
/** What a Datagram frame has before its packet. */
export const DATAGRAM_HEAD_BYTES = 6;
/** What a CloseStream frame has before its reason. */
export const CLOSE_HEAD_BYTES = 5;
/** The largest credit, and the largest sum of credit that is not used up. */
export const MAX_CREDIT = 0x7fff_ffff;
/** The highest stream id. */
export const MAX_STREAM_ID = 0xffff_ffff;

/** The types of frames. */
export const FrameType = {
  heartbeat: 0x00,
  authRequest: 0x01,
  authResponse: 0x02,
  registerTunnel: 0x10,
  unregisterTunnel: 0x11,
  tunnelResponse: 0x12,
  openStream: 0x20,
  data: 0x21,
  closeStream: 0x22,
  windowUpdate: 0x23,
  message: 0x30,
  datagram: 0x40,
  goAway: 0x7e,
  error: 0xff,
} as const;
/** A type of {@link FrameType}. */
export type FrameType = typeof FrameType[keyof typeof FrameType];

/** The only flag that a type can have: ACK of Heartbeat, END of OpenStream and Data, TEXT of Message. */
export const FRAME_FLAG = 0x01;

/** Why nothing can be read behind what came: the connection has to end. */
export interface FrameFault {
  /** See {@link CloseCode}. */
  readonly closeCode: CloseCode;
  /** A sentence for people. */
  readonly message: string;
}

/** A fault of a peer that does not keep to the protocol. */
export function protocolFault(message: string): FrameFault {
  return { closeCode: CloseCode.protocolError, message };
}

/** What a type may have. */
export interface FrameRule {
  readonly type: FrameType;
  readonly name: string;
  /** The flags that are known. */
  readonly flags: number;
  /** Whether it belongs to a stream; the others have the stream id 0. */
  readonly ofStream: boolean;
  readonly minBytes: number;
  readonly maxBytes: number;
}

const KIB = 1024;

const { heartbeat, authRequest, authResponse, registerTunnel, unregisterTunnel, tunnelResponse } = FrameType;
const { openStream, data, closeStream, windowUpdate, message, datagram, goAway, error } = FrameType;
const control = { flags: 0, ofStream: false, minBytes: 0, maxBytes: 16 * KIB };
const RULES: readonly FrameRule[] = [
  { ...control, type: heartbeat, name: "Heartbeat", flags: FRAME_FLAG, minBytes: 8, maxBytes: 8 },
  { ...control, type: authRequest, name: "AuthRequest" },
  { ...control, type: authResponse, name: "AuthResponse" },
  { ...control, type: registerTunnel, name: "RegisterTunnel" },
  { ...control, type: unregisterTunnel, name: "UnregisterTunnel" },
  { ...control, type: tunnelResponse, name: "TunnelResponse" },
  { ...control, type: openStream, name: "OpenStream", flags: FRAME_FLAG, ofStream: true, maxBytes: 4 * KIB },
  { ...control, type: data, name: "Data", flags: FRAME_FLAG, ofStream: true, maxBytes: MAX_DATA_BYTES },
  {
    ...control,
    type: closeStream,
    name: "CloseStream",
    ofStream: true,
    minBytes: CLOSE_HEAD_BYTES,
    maxBytes: CLOSE_HEAD_BYTES + MAX_REASON_BYTES,
  },
  { ...control, type: windowUpdate, name: "WindowUpdate", ofStream: true, minBytes: 4, maxBytes: 4 },
  { ...control, type: message, name: "Message", flags: FRAME_FLAG, maxBytes: MAX_CREDIT },
  {
    ...control,
    type: datagram,
    name: "Datagram",
    minBytes: DATAGRAM_HEAD_BYTES,
    maxBytes: DATAGRAM_HEAD_BYTES + 64 * KIB,
  },
  { ...control, type: goAway, name: "GoAway", maxBytes: 4 * KIB },
  { ...control, type: error, name: "Error", maxBytes: 4 * KIB },
];

/** The rules by the number of the type. */
const RULE_OF: readonly (FrameRule | undefined)[] = Array.from(
  { length: 256 },
  (_, type) => RULES.find((rule) => rule.type === type),
);

/** What a header says. */
export interface FrameHeader {
  readonly type: FrameType;
  readonly flags: number;
  readonly streamId: number;
  /** Bytes of the payload. */
  readonly length: number;
}

/** Writes a header into the first bytes of `target`. */
export function writeFrameHeader(target: Uint8Array, { type, flags, streamId, length }: FrameHeader): void {
  target[0] = FRAME_VERSION;
  target[1] = type;
  target[2] = flags;
  target[3] = 0;
  writeUint32(target, 4, streamId);
  writeUint32(target, 8, length);
}

/** The rule of the type of a header whose bytes begin at `at`; the fault, when the header breaks it. */
export function judgeHeader(
  bytes: Uint8Array,
  at: number,
  { maxMessageBytes }: { readonly maxMessageBytes: number },
): FrameRule | FrameFault {
  const version = bytes[at] ?? 0;
  if (version !== FRAME_VERSION) return protocolFault(`Frames of version ${version} are unknown`);
  const type = bytes[at + 1] ?? 0;
  const rule = RULE_OF[type];
  if (rule === undefined) return protocolFault(`Frames of type ${type} are unknown`);
  const flags = bytes[at + 2] ?? 0;
  if ((flags & ~rule.flags) !== 0) return protocolFault(`${rule.name} frames have no flags like ${flags}`);
  if (bytes[at + 3] !== 0) return protocolFault("The reserved byte of a frame is not zero");
  if ((readUint32(bytes, at + 4) !== 0) !== rule.ofStream) {
    return protocolFault(`${rule.name} frames ${rule.ofStream ? "belong" : "do not belong"} to a stream`);
  }
  const length = readUint32(bytes, at + 8);
  const isMessage = type === FrameType.message;
  const maxBytes = isMessage ? maxMessageBytes : rule.maxBytes;
  if (length >= rule.minBytes && length <= maxBytes) return rule;
  const most = `at most ${maxBytes} are allowed`;
  if (isMessage) {
    return { closeCode: CloseCode.tooBig, message: `A message of ${length} bytes is too long: ${most}` };
  }
  return protocolFault(`A payload of ${length} bytes is wrong for a ${rule.name} frame: ${most}`);
}

/** Whether a frame can come before a login: the login itself, signs of life, a goodbye. None of them is long. */
export function isBeforeLogin(type: FrameType): boolean {
  return type === heartbeat || type === authRequest || type === goAway || type === error;
}

/** Whether bytes are one or more whole frames, by the lengths that their headers name. */
export function holdsWholeFrames(bytes: Uint8Array): boolean {
  let at = 0;
  while (at + FRAME_HEADER_BYTES <= bytes.length) at += FRAME_HEADER_BYTES + readUint32(bytes, at + 8);
  return at > 0 && at === bytes.length;
}

/** Reads an unsigned big-endian integer of four bytes. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)) >>> 0;
}

/** Writes an unsigned big-endian integer of four bytes. */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
