/**
 * The ways in which a client can be slow on purpose, on every transport: what it sends at once, what it sends a byte at
 * a time after that, whether it reads, and which series of the metrics counts its end.
 */
import { encodeFrame } from "../../src/wire/frame.ts";
import { upgradeRequest } from "./raw_client.ts";
import { concat, prefixed, prefixOf } from "./prefixed.ts";

/** Where a slow client connects: the hub plain or over TLS, visitors over HTTP plain or over TLS, the port of a tunnel. */
export type SlowDoor = "hub" | "hubTls" | "public" | "publicTls" | "tcp";

/** One way to be slow. */
export interface SlowKind {
  readonly name: string;
  readonly door: SlowDoor;
  /** Sent as soon as it is connected, over TLS where the door has it. */
  readonly opening: Uint8Array;
  /** Whether it does a TLS handshake where the door has TLS; else its opening goes over the raw socket. @default true */
  readonly shakesHands?: boolean;
  /** Sent a byte at a time then, over and over. @default nothing */
  readonly dribble?: Uint8Array;
  /** @default true */
  readonly reads?: boolean;
  /** The series that counts its end. */
  readonly counted: string;
}

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);
const refused = (reason: string) => `trunkline_connections_refused_total{reason="${reason}"}`;
const closed = (code: number) => `trunkline_connections_closed_total{code="${code}"}`;
const ended = (reason: string) => `trunkline_visitors_ended_total{reason="${reason}"}`;

const NOTHING = new Uint8Array(0);
const A = bytes("a");
/** The beginning of a ClientHello: a record that claims 512 bytes, and a few of them. */
const HALF_HANDSHAKE = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3);
/** A masked binary message of 1,000 bytes. */
const MESSAGE_HEAD = Uint8Array.of(0x82, 0xfe, 0x03, 0xe8, 0, 0, 0, 0);
const AUTH = concat(
  [
    ...encodeFrame({
      kind: "auth_request",
      request: { agentId: "slow", session: "slow-session", features: [] },
    }).parts,
  ],
);
const upgraded = (path: string, ...more: Uint8Array[]) => concat([bytes(upgradeRequest({ path })), ...more]);
const get = (path: string, fields = "") =>
  bytes(`GET ${path} HTTP/1.1\r\nHost: app.localhost\r\n${fields}\r\n`);
const post = (length: number) =>
  bytes(`POST /upload HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: ${length}\r\n\r\n`);
const [FIRST_BYTE, HEAD] = [refused("first_byte_timeout"), refused("request_timeout")];
const [SILENT, NOT_IN] = [closed(4408), closed(4401)];

/** How many requests a client sends that reads none of their answers: more than the kernel takes. */
const UNREAD_REQUESTS = 100_000;

function pipelined(): Uint8Array {
  const request = bytes("GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n");
  const all = new Uint8Array(UNREAD_REQUESTS * request.length);
  for (let at = 0; at < all.length; at += request.length) all.set(request, at);
  return all;
}

/** On the hub's port, over any transport; over TLS the same, after the handshake. */
function* hubKinds(door: "hub" | "hubTls"): Iterable<SlowKind> {
  const frame = AUTH.subarray(0, 20);
  const line = bytes('{"type":"hel');
  yield { name: "silent", door, opening: NOTHING, counted: FIRST_BYTE };
  yield { name: "http: half a head", door, opening: bytes("GET /ws HT"), counted: HEAD };
  yield { name: "http: a head byte by byte", door, opening: bytes("GET /"), dribble: A, counted: HEAD };
  yield { name: "ws: no answer to pings", door, opening: upgraded("/ws"), counted: SILENT };
  yield {
    name: "ws: half a frame's head",
    door,
    opening: upgraded("/ws", Uint8Array.of(0x82)),
    counted: SILENT,
  };
  yield { name: "ws: half a message", door, opening: upgraded("/ws", MESSAGE_HEAD, A), counted: SILENT };
  yield {
    name: "ws: a message byte by byte",
    door,
    opening: upgraded("/relay", MESSAGE_HEAD),
    dribble: A,
    counted: SILENT,
  };
  yield { name: "frames in ws: half a frame", door, opening: upgradedAgent(frame), counted: NOT_IN };
  yield { name: "text: half a prefix", door, opening: prefixOf(20).subarray(0, 2), counted: SILENT };
  yield {
    name: "text: half a message",
    door,
    opening: prefixed("publish:a").subarray(0, 8),
    counted: SILENT,
  };
  yield { name: "text: a message byte by byte", door, opening: prefixOf(5000), dribble: A, counted: SILENT };
  yield { name: "text: idle, reads nothing", door, opening: prefixed("x"), reads: false, counted: SILENT };
  yield { name: "frames: half a header", door, opening: AUTH.subarray(0, 5), counted: NOT_IN };
  yield { name: "frames: half a frame", door, opening: frame, counted: NOT_IN };
  yield { name: "frames: a login byte by byte", door, opening: claimedLogin(), dribble: A, counted: NOT_IN };
  yield { name: "json: half a line", door, opening: line, counted: SILENT };
  yield { name: "json: a line byte by byte", door, opening: line, dribble: A, counted: SILENT };
}

/** An AuthRequest that claims all that one may have. */
function claimedLogin(): Uint8Array {
  const head = AUTH.slice(0, 12);
  new DataView(head.buffer).setUint32(8, 16 * 1024);
  return head;
}

function upgradedAgent(more: Uint8Array): Uint8Array {
  const fields = { "Sec-WebSocket-Protocol": "trunkline.frames.v1" };
  const message = concat([Uint8Array.of(0x82, 0x80 | more.length + 9, 0, 0, 0, 0), more]);
  return concat([bytes(upgradeRequest({ path: "/agent", fields })), message]);
}

/** Visitors of an HTTP tunnel whose service has a large answer at `/large`. */
function* visitorKinds(door: "public" | "publicTls"): Iterable<SlowKind> {
  const [head, idle] = [ended("header_timeout"), ended("idle_timeout")];
  const [body, send] = [ended("body_timeout"), ended("send_timeout")];
  yield { name: "visitor: silent", door, opening: NOTHING, counted: head };
  yield { name: "visitor: half a head", door, opening: bytes("GET / HT"), counted: head };
  yield { name: "visitor: a head byte by byte", door, opening: bytes("GET /"), dribble: A, counted: head };
  yield { name: "visitor: no next request", door, opening: get("/"), counted: idle };
  yield { name: "visitor: half a body", door, opening: concat([post(100), A]), counted: body };
  yield { name: "visitor: a body byte by byte", door, opening: post(1e6), dribble: A, counted: body };
  yield { name: "visitor: reads no answer", door, opening: get("/large"), reads: false, counted: send };
  yield {
    name: "visitor: pipelines, reads nothing",
    door,
    opening: pipelined(),
    reads: false,
    counted: send,
  };
}

/** Kinds that stall below what they are to speak. */
function* handshakeKinds(): Iterable<SlowKind> {
  const how = { shakesHands: false };
  const half = { ...how, opening: HALF_HANDSHAKE };
  yield { ...how, name: "tls: silent", door: "hubTls", opening: NOTHING, counted: FIRST_BYTE };
  yield { ...half, name: "tls: half a handshake", door: "hubTls", counted: FIRST_BYTE };
  const counted = ended("handshake");
  yield { ...how, name: "visitor, tls: silent", door: "publicTls", opening: NOTHING, counted };
  yield { ...half, name: "visitor, tls: half a handshake", door: "publicTls", counted };
}

/** At the port of a TCP tunnel: an echo that has much to say first. */
function* tunnelKinds(): Iterable<SlowKind> {
  const counted = ended("exchange_idle");
  yield { name: "tcp tunnel: idle", door: "tcp", opening: NOTHING, counted };
  yield { name: "tcp tunnel: reads nothing", door: "tcp", opening: bytes("flood"), reads: false, counted };
}

/** Whether a kind is a flood that nobody reads, rather than slow. */
export function isFlood({ name }: SlowKind): boolean {
  return name.includes("pipelines");
}

/** Every kind. */
export const SLOW_KINDS: readonly SlowKind[] = [
  ...hubKinds("hub"),
  ...hubKinds("hubTls"),
  ...handshakeKinds(),
  ...visitorKinds("public"),
  ...visitorKinds("publicTls"),
  ...tunnelKinds(),
];
