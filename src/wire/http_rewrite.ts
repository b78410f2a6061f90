/**
 * Heads as they are passed on (RFC 9110, section 7.6): without what is meant for one connection only, with what the hub
 * says of the visitor, and with a framing of its own. Names with `_` are left out, as programs read them as those with
 * `-`.
 */
import type { BodyFraming } from "./http_body.ts";
import { HeadWriter } from "./head_writer.ts";
import { type FieldPlace, HttpFields } from "./http_fields.ts";
import { type HttpRefusal, type HttpRequestHead, type HttpResponseHead, refuse } from "./http_head.ts";
import type { HttpTarget } from "./http_target.ts";
import { bytesOfLatin1, latin1Of } from "./latin1.ts";

/** Who a visitor is. */
export interface VisitorInfo {
  readonly ip: string;
  readonly protocol: "http" | "https";
  /** Whether it is a proxy whose own words about visitors are believed. */
  readonly isTrusted: boolean;
}

/** What the hub says of a visitor to services. */
export class VisitorLines {
  readonly #visitor: VisitorInfo;
  /** What was said last, which mostly is what is said next. */
  #last = { authority: "", lines: bytesOfLatin1("") };

  constructor(visitor: VisitorInfo) {
    this.#visitor = visitor;
  }

  /** The lines for a request to this host. */
  of(fields: HttpFields, authority: string): Uint8Array {
    if (this.#visitor.isTrusted) return bytesOfLatin1(visitorLines(fields, authority, this.#visitor));
    if (this.#last.authority !== authority) {
      const lines = new Uint8Array(bytesOfLatin1(visitorLines(fields, authority, this.#visitor)));
      this.#last = { authority, lines };
    }
    return this.#last.lines;
  }
}

/** A request as it is passed on. */
export interface ForwardedRequest {
  readonly head: Uint8Array;
  /** The protocol that it wants to go on with, in lower case; `null` for none. */
  readonly upgrade: string | null;
  /** Whether its sender waits for a word before the body. */
  readonly expectsContinue: boolean;
}

/** What a Connection field may not name. */
const FRAMING_FIELDS: readonly string[] = ["host", "content-length", "transfer-encoding"];
/** What may not stand behind a body beside what is meant for one connection or set anew (RFC 9110, section 6.5.1). */
const NO_TRAILERS: readonly string[] = [
  "authorization",
  "cache-control",
  "content-encoding",
  "content-range",
  "content-type",
  "cookie",
  "set-cookie",
];
const VERSION_AND_HOST = bytesOfLatin1(" HTTP/1.1\r\nHost: ");
const REQUEST_ID_NAME = bytesOfLatin1("X-Request-Id: ");
/** No less than all else that every request has. */
const FIXED_BYTES = 64;
const REQUEST_ID = /^[\w.+/=:-]{1,128}$/;

/** Whether the sender of a head wants to keep its connection (RFC 9112, section 9.3). */
export function wantsToStay({ minor, fields }: Pick<HttpRequestHead, "minor" | "fields">): boolean {
  const options = fields.list("connection");
  return minor === 1
    ? !options.includes("close")
    : options.includes("keep-alive") && !options.includes("close");
}

/** A request for the service, or why it is not passed on. */
export function forwardRequest(
  request: HttpRequestHead,
  { target, framing, visitor, requestId }: {
    readonly target: HttpTarget;
    readonly framing: BodyFraming;
    readonly visitor: VisitorLines;
    readonly requestId: string;
  },
): ForwardedRequest | HttpRefusal {
  const { method, minor, fields } = request;
  const options = fields.list("connection");
  if (options.some((option) => FRAMING_FIELDS.includes(option))) {
    return refuse(400, "Connection names a field that has to stay");
  }
  const upgrade = minor === 1 && options.includes("upgrade") ? upgradeOf(fields) : null;
  if (fields.list("upgrade").includes("h2c")) return refuse(400, "An upgrade to h2c is not passed on");
  const expect = fields.get("expect");
  const expectsContinue = minor === 1 && expect !== undefined;
  if (expectsContinue && expect.toLowerCase() !== "100-continue") {
    return refuse(417, "Only 100-continue can be expected");
  }
  const lines = visitor.of(fields, target.authority);
  const end = endLines({
    upgrade,
    expectsContinue,
    framing,
    hasTrailers: fields.list("te").includes("trailers"),
  });
  const { path, authority } = target;
  const texts = method.length + path.length + authority.length + requestId.length + end.length;
  const head = new HeadWriter(fields.maxBytes + lines.length + texts + FIXED_BYTES);
  head.text(method);
  head.text(" ");
  head.text(path);
  head.bytes(VERSION_AND_HOST);
  head.text(authority);
  head.text("\r\n");
  fields.writeLines(head, { isWanted: isForServices, unwantedKeys: options });
  head.bytes(lines);
  head.bytes(REQUEST_ID_NAME);
  head.text(requestId);
  head.text(end);
  return { head: head.take(), upgrade: upgrade === null ? null : upgrade.toLowerCase(), expectsContinue };
}

/** What a request ends with, from the end of the line before. */
function endLines({ upgrade, expectsContinue, framing, hasTrailers }: {
  readonly upgrade: string | null;
  readonly expectsContinue: boolean;
  readonly framing: BodyFraming;
  readonly hasTrailers: boolean;
}): string {
  let text = expectsContinue ? "\r\nExpect: 100-continue\r\n" : "\r\n";
  text += framingLines(framing);
  if (upgrade !== null) text += `Upgrade: ${upgrade}\r\n`;
  if (hasTrailers) text += "TE: trailers\r\n";
  if (upgrade !== null || hasTrailers) {
    const kept = upgrade === null ? "TE" : hasTrailers ? "Upgrade, TE" : "Upgrade";
    text += `Connection: ${kept}\r\n`;
  }
  return `${text}\r\n`;
}

/** How a response is passed on to a visitor. */
export interface ResponseOptions {
  readonly framing: BodyFraming;
  /** What the visitor speaks of HTTP/1. */
  readonly minor: 0 | 1;
  readonly isKept: boolean;
}

/** A response for the visitor. */
export function forwardResponse(response: HttpResponseHead, options: ResponseOptions): Uint8Array {
  return isAsItIs(response, options) ? response.bytes : writeResponse(response, options);
}

/** Whether a response would be written as it came. */
function isAsItIs({ minor, reason, fields }: HttpResponseHead, options: ResponseOptions): boolean {
  const { framing, isKept } = options;
  if (minor !== 1 || options.minor !== 1 || !isKept || framing.kind !== "length" || reason === "") {
    return false;
  }
  return fields.arePlain(isForVisitorsWithLength) && fields.get("content-length") === String(framing.bytes);
}

function writeResponse(
  { status, reason, fields }: HttpResponseHead,
  { framing, minor, isKept }: ResponseOptions,
): Uint8Array {
  const options = fields.list("connection");
  let text = `HTTP/1.1 ${status} ${reason}\r\n${fields.lines(isForVisitors, options)}`;
  if (status === 101) {
    return bytesOfLatin1(`${text}Upgrade: ${upgradeOf(fields) ?? ""}\r\nConnection: Upgrade\r\n\r\n`);
  }
  // Of a body that is not sent the length may still be told.
  const length = fields.get("content-length");
  if (framing.kind !== "none") text += framingLines(framing);
  else if (status !== 204 && status >= 200) {
    text += length === undefined ? "" : `Content-Length: ${length}\r\n`;
  }
  if (status >= 200) {
    if (!isKept) text += "Connection: close\r\n";
    else if (minor === 0) text += "Connection: keep-alive\r\n";
  }
  return bytesOfLatin1(`${text}\r\n`);
}

/** The same request for a service that is told another host. */
export function withHost(head: Uint8Array, host: string): Uint8Array {
  const text = latin1Of(head, 0, head.length);
  const begin = text.indexOf("\r\nHost: ");
  const end = text.indexOf("\r\n", begin + 2);
  return bytesOfLatin1(`${text.slice(0, begin)}\r\nHost: ${host}${text.slice(end)}`);
}

/** The lines of those fields behind a body that are passed on. */
export function forwardTrailers(fields: HttpFields): string {
  return fields.lines(isForServices, NO_TRAILERS);
}

function isForServices({ known, hasUnderscore }: FieldPlace): boolean {
  return known === null ? !hasUnderscore : !known.isHopByHop && !known.isSetAnew;
}

function isForVisitors(place: FieldPlace): boolean {
  return isForVisitorsWithLength(place) && place.known?.key !== "content-length";
}

function isForVisitorsWithLength({ known, hasUnderscore }: FieldPlace): boolean {
  return known === null ? !hasUnderscore : !known.isHopByHop;
}

function upgradeOf(fields: HttpFields): string | null {
  const values = fields.all("upgrade").filter((value) => /[^\t ,]/.test(value));
  return values.length === 0 ? null : values.join(", ");
}

function framingLines(framing: BodyFraming): string {
  if (framing.kind === "length") return `Content-Length: ${framing.bytes}\r\n`;
  return framing.kind === "chunked" ? "Transfer-Encoding: chunked\r\n" : "";
}

function visitorLines(fields: HttpFields, authority: string, visitor: VisitorInfo): string {
  const { ip, protocol } = visitor;
  const said = (key: string) => visitor.isTrusted ? fields.all(key).join(", ") : "";
  const node = ip.includes(":") ? `"[${ip}]"` : ip;
  const own = `for=${node};host="${authority}";proto=${protocol}`;
  return `Forwarded: ${appended(said("forwarded"), own)}\r\n` +
    `X-Forwarded-For: ${appended(said("x-forwarded-for"), ip)}\r\n` +
    `X-Forwarded-Proto: ${said("x-forwarded-proto") || protocol}\r\n` +
    `X-Forwarded-Host: ${said("x-forwarded-host") || authority}\r\n` +
    `X-Real-IP: ${said("x-real-ip") || ip}\r\n`;
}

/** The id that a request has already, if it may bring one. */
export function requestIdOf(fields: HttpFields, isTrusted: boolean): string | null {
  const id = isTrusted ? fields.get("x-request-id") : undefined;
  return id !== undefined && REQUEST_ID.test(id) ? id : null;
}

function appended(said: string, own: string): string {
  return said === "" ? own : `${said}, ${own}`;
}
