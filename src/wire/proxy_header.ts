/**
 * The PROXY protocol: versions 1 and 2 as its receiver, version 2 as its sender (the HAProxy project's
 * proxy-protocol.txt, sections 2.1 and 2.2). Incremental: as long as the header is incomplete it says so, and no peer can make it wait for
 * more than {@link MAX_PROXY_HEADER_BYTES}.
 */

import { parseIp } from "../core/ip_range.ts";

/** The longest header that is read: version 1 has at most 107 bytes, version 2 may carry TLVs. */
export const MAX_PROXY_HEADER_BYTES = 1024;

/** What the bytes so far hold. */
export type ProxyHeaderResult =
  | { readonly kind: "incomplete" }
  | { readonly kind: "invalid"; readonly reason: string }
  /** `source` is `null` for LOCAL and UNKNOWN: the address of the connection itself counts. */
  | {
    readonly kind: "header";
    readonly bytes: number;
    readonly source: { readonly ip: string; readonly port: number } | null;
  };

const V1_MAX_BYTES = 107;
const V2_SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
const V2_FIXED_BYTES = 16;
const INCOMPLETE: ProxyHeaderResult = { kind: "incomplete" };
const CR = 0x0d;
const LF = 0x0a;

/** Reads a PROXY header from the start of `bytes`. */
export function decodeProxyHeader(bytes: Uint8Array): ProxyHeaderResult {
  if (bytes.length === 0) return INCOMPLETE;
  return bytes[0] === 0x50 ? decodeV1(bytes) : decodeV2(bytes);
}

/** One end of a connection. */
export interface ProxyEndpoint {
  readonly ip: string;
  readonly port: number;
}

/**
 * The header of version 2 for a connection over TCP. Where the two addresses are of different families, both are
 * written as IPv6; what is no address makes a header without any (LOCAL).
 */
export function encodeProxyHeader(source: ProxyEndpoint, destination: ProxyEndpoint): Uint8Array {
  const [from, to] = [parseIp(source.ip), parseIp(destination.ip)];
  if (from === null || to === null) return Uint8Array.of(...V2_SIGNATURE, 0x20, 0x00, 0, 0);
  const isIpv4 = from.length === 4 && to.length === 4;
  const addresses = isIpv4 ? [...from, ...to] : [...asIpv6(from), ...asIpv6(to)];
  const ports = [source.port >> 8, source.port & 0xff, destination.port >> 8, destination.port & 0xff];
  return Uint8Array.of(
    ...V2_SIGNATURE,
    0x21,
    isIpv4 ? 0x11 : 0x21,
    0,
    addresses.length + ports.length,
    ...addresses,
    ...ports,
  );
}

function asIpv6(bytes: readonly number[]): readonly number[] {
  return bytes.length === 16 ? bytes : [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes];
}

function invalid(reason: string): ProxyHeaderResult {
  return { kind: "invalid", reason };
}

function decodeV1(bytes: Uint8Array): ProxyHeaderResult {
  const lineFeed = bytes.subarray(0, V1_MAX_BYTES).indexOf(LF);
  if (lineFeed < 0) {
    return bytes.length >= V1_MAX_BYTES
      ? invalid(`no line end in the first ${V1_MAX_BYTES} bytes`)
      : INCOMPLETE;
  }
  if (bytes[lineFeed - 1] !== CR) return invalid("a line feed without a carriage return");
  const line = String.fromCharCode(...bytes.subarray(0, lineFeed - 1));
  const [signature, family, source, destination, sourcePort, destinationPort, ...rest] = line.split(" ");
  if (signature !== "PROXY") return invalid("the line does not start with PROXY");
  const length = lineFeed + 1;
  if (family === "UNKNOWN") return { kind: "header", bytes: length, source: null };
  const port = parsePort(sourcePort);
  const isAddress = family === "TCP4" ? isIpv4 : family === "TCP6" ? isIpv6 : undefined;
  if (isAddress === undefined) return invalid("the protocol is not TCP4, TCP6 or UNKNOWN");
  if (rest.length > 0 || port === undefined || parsePort(destinationPort) === undefined) {
    return invalid("the ports are not two numbers from 0 to 65535");
  }
  if (source === undefined || destination === undefined || !isAddress(source) || !isAddress(destination)) {
    return invalid(`the addresses are not those of ${family}`);
  }
  return { kind: "header", bytes: length, source: { ip: source, port } };
}

function decodeV2(bytes: Uint8Array): ProxyHeaderResult {
  const compared = Math.min(bytes.length, V2_SIGNATURE.length);
  for (let i = 0; i < compared; i++) {
    if (bytes[i] !== V2_SIGNATURE[i]) return invalid("no PROXY signature");
  }
  if (bytes.length < V2_FIXED_BYTES) return INCOMPLETE;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const versionCommand = view.getUint8(12);
  const familyProtocol = view.getUint8(13);
  const length = V2_FIXED_BYTES + view.getUint16(14);
  if (versionCommand >> 4 !== 2) return invalid(`version ${versionCommand >> 4} is not 2`);
  const command = versionCommand & 0x0f;
  if (command > 1) return invalid(`command ${command} is neither LOCAL nor PROXY`);
  if (length > MAX_PROXY_HEADER_BYTES) return invalid(`${length} bytes are over ${MAX_PROXY_HEADER_BYTES}`);
  if (bytes.length < length) return INCOMPLETE;
  if (command === 0) return { kind: "header", bytes: length, source: null };
  return decodeV2Address(view, familyProtocol, length);
}

function decodeV2Address(view: DataView, familyProtocol: number, length: number): ProxyHeaderResult {
  const body = length - V2_FIXED_BYTES;
  switch (familyProtocol) {
    case 0x11:
      if (body < 12) return invalid("the address block of TCP over IPv4 is shorter than 12 bytes");
      return { kind: "header", bytes: length, source: { ip: ipv4At(view, 16), port: view.getUint16(24) } };
    case 0x21:
      if (body < 36) return invalid("the address block of TCP over IPv6 is shorter than 36 bytes");
      return { kind: "header", bytes: length, source: { ip: ipv6At(view, 16), port: view.getUint16(48) } };
    case 0x00:
      return { kind: "header", bytes: length, source: null };
    default:
      return invalid(`the family and protocol 0x${familyProtocol.toString(16)} are not TCP`);
  }
}

function ipv4At(view: DataView, offset: number): string {
  return [0, 1, 2, 3].map((i) => view.getUint8(offset + i)).join(".");
}

function ipv6At(view: DataView, offset: number): string {
  return [0, 2, 4, 6, 8, 10, 12, 14].map((i) => view.getUint16(offset + i).toString(16)).join(":");
}

function parsePort(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0|[1-9][0-9]{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 0xffff ? port : undefined;
}

function isIpv4(text: string): boolean {
  return parseIp(text)?.length === 4;
}

function isIpv6(text: string): boolean {
  return text.includes(":") && !text.includes("%") && parseIp(text) !== null;
}
