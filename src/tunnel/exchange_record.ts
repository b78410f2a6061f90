/** What is known of one exchange of HTTP once it is over, for logs and metrics. */
import { type BodyDecoder, type BodyFraming, createBodyDecoder } from "../wire/http_body.ts";
import type { HttpFields } from "../wire/http_fields.ts";
import type { HttpRequestHead } from "../wire/http_head.ts";
import type { HttpExchange } from "./http_exchange.ts";
import { type Tunnel, tunnelLabel } from "./tunnel.ts";

/** One exchange. */
export interface ExchangeRecord {
  /** Of the visitor. */
  readonly ip: string;
  readonly method: string;
  /** The target as it was written. */
  readonly target: string;
  readonly minor: 0 | 1;
  /** As the visitor wrote it; empty without one. */
  readonly host: string;
  /** What the tunnel is called; `null` where there was none. */
  readonly tunnel: string | null;
  /** What the visitor got; 0 when it was gone before. */
  readonly status: number;
  /** Bytes of the bodies. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** When the head was there, in milliseconds since 1970. */
  readonly atMs: number;
  readonly durationMs: number;
  /** Until the response began; `null` when it never did. */
  readonly waitedMs: number | null;
  readonly requestId: string;
  /** What the visitor sent beside; `null` where that was no head. */
  readonly fields: HttpFields | null;
  /** Whether it went to its end; else somebody broke it off. */
  readonly isWhole: boolean;
}

/** The request that is answered now. */
export interface CurrentRequest {
  readonly request: HttpRequestHead;
  readonly requestId: string;
  readonly decoder: BodyDecoder;
  readonly framing: BodyFraming;
  readonly startedMs: number;
  readonly atMs: number;
  readonly host: string;
  tunnel: Tunnel | null;
  exchange: HttpExchange | null;
  bodyBytes: number;
  isUploaded: boolean;
  waitedMs: number | null;
  /** Of the hub's own answer; 0 without one. */
  ownStatus: number;
}

/** A request of which nothing was done yet. */
export function currentRequest(
  request: HttpRequestHead,
  { requestId, framing, host, startedMs, atMs }: Pick<
    CurrentRequest,
    "requestId" | "framing" | "host" | "startedMs" | "atMs"
  >,
): CurrentRequest {
  return {
    request,
    requestId,
    framing,
    host,
    startedMs,
    atMs,
    decoder: createBodyDecoder(framing),
    tunnel: null,
    exchange: null,
    bodyBytes: 0,
    isUploaded: false,
    waitedMs: null,
    ownStatus: 0,
  };
}

/** Whether more of a request has to come from its visitor. One who waits for a word before the body owes nothing. */
export function owesUpload({ isUploaded, bodyBytes, request }: CurrentRequest): boolean {
  return !isUploaded && (bodyBytes > 0 || request.fields.get("expect") === undefined);
}

/** What is told of a request that was answered, or broke off. `isCut`: the visitor did not take all of the answer. */
export function recordOf(
  { request, exchange, tunnel, requestId, host, atMs, bodyBytes, waitedMs, ownStatus }: CurrentRequest,
  { ip, durationMs, isCut }: {
    readonly ip: string;
    readonly durationMs: number;
    readonly isCut: boolean;
  },
): ExchangeRecord {
  const { method, target, minor, fields } = request;
  return {
    method,
    target,
    minor,
    fields,
    ip,
    host,
    tunnel: tunnel === null ? null : tunnelLabel(tunnel),
    status: ownStatus === 0 ? exchange?.status ?? 0 : ownStatus,
    bytesIn: exchange?.status === 101 ? exchange.bytesIn : bodyBytes,
    bytesOut: exchange?.bytesOut ?? 0,
    atMs,
    durationMs,
    waitedMs,
    requestId,
    isWhole: !isCut && (ownStatus !== 0 || exchange?.isWhole === true),
  };
}

/** What is told of what was no request that could be passed on. */
export function recordOfRefused(
  request: HttpRequestHead | null,
  { ip, status, requestId, atMs }: {
    readonly ip: string;
    readonly status: number;
    readonly requestId: string;
    readonly atMs: number;
  },
): ExchangeRecord {
  return {
    method: request?.method ?? "-",
    target: request?.target ?? "-",
    minor: request?.minor ?? 1,
    fields: request?.fields ?? null,
    ip,
    host: request?.fields.get("host") ?? "",
    tunnel: null,
    status,
    bytesIn: 0,
    bytesOut: 0,
    atMs,
    durationMs: 0,
    waitedMs: null,
    requestId,
    isWhole: true,
  };
}
