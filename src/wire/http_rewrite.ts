/**
 * Heads as they are passed on (RFC 9110, section 7.6): without what is meant for one connection only, with what the hub
 * says of the visitor, and with a framing of its own. Names with `_` are left out, as programs read them as those with
 * `-`.
 */
import { Buffer } from "node:buffer";
import type { BodyFraming } from "./http_body.ts";
import { HttpFields } from "./http_fields.ts";
import { type HttpRefusal, type HttpRequestHead, type HttpResponseHead, refuse } from "./http_head.ts";
import type { HttpTarget } from "./http_target.ts";

/** What the hub says of a visitor. */
export interface VisitorInfo {
  readonly ip: string;
  readonly protocol: "http" | "https";
  readonly requestId: string;
  /** Whether it is a proxy whose own words about visitors are believed. */
  readonly isTrusted: boolean;
}

/** A request as it is passed on. */
export interface ForwardedRequest {
  readonly head: Uint8Array;
  /** The protocol that it wants to go on with, in lower case; `null` for none. */
  readonly upgrade: string | null;
  /** Whether its sender waits for a word before the body. */
  readonly expectsContinue: boolean;
}

/** Meant for one connection. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
/** Set anew. */
const SET_ANEW: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "expect",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-real-ip",
  "x-request-id",
]);
/** What a Connection field may not name. */
const FRAMING_FIELDS: readonly string[] = ["host", "content-length", "transfer-encoding"];
/** What may not stand behind a body (RFC 9110, section 6.5.1). */
const NO_TRAILERS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...SET_ANEW,
  "authorization",
  "cache-control",
  "content-encoding",
  "content-range",
  "content-type",
  "cookie",
  "set-cookie",
]);
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
  { target, framing, visitor }: {
    readonly target: HttpTarget;
    readonly framing: BodyFraming;
    readonly visitor: VisitorInfo;
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
  let text = `${method} ${target.path} HTTP/1.1\r\nHost: ${target.authority}\r\n`;
  text += passedOn(fields, options, SET_ANEW);
  text += visitorLines(fields, target.authority, visitor);
  if (expectsContinue) text += "Expect: 100-continue\r\n";
  text += framingLines(framing);
  const kept: string[] = [];
  if (upgrade !== null) {
    text += `Upgrade: ${upgrade}\r\n`;
    kept.push("Upgrade");
  }
  if (fields.list("te").includes("trailers")) {
    text += "TE: trailers\r\n";
    kept.push("TE");
  }
  if (kept.length > 0) text += `Connection: ${kept.join(", ")}\r\n`;
  return {
    head: Buffer.from(`${text}\r\n`, "latin1"),
    upgrade: upgrade === null ? null : upgrade.toLowerCase(),
    expectsContinue,
  };
}

/** How a response is passed on to a visitor. */
export interface ResponseOptions {
  readonly framing: BodyFraming;
  /** What the visitor speaks of HTTP/1. */
  readonly minor: 0 | 1;
  readonly isKept: boolean;
}

/** A response for the visitor. */
export function forwardResponse(
  { status, reason, fields }: HttpResponseHead,
  { framing, minor, isKept }: ResponseOptions,
): Uint8Array {
  const options = fields.list("connection");
  let text = `HTTP/1.1 ${status} ${reason}\r\n${passedOn(fields, options, CONTENT_LENGTH)}`;
  if (status === 101) {
    return Buffer.from(`${text}Upgrade: ${upgradeOf(fields) ?? ""}\r\nConnection: Upgrade\r\n\r\n`, "latin1");
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
  return Buffer.from(`${text}\r\n`, "latin1");
}

/** The same request for a service that is told another host. */
export function withHost(head: Uint8Array, host: string): Uint8Array {
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString("latin1");
  const begin = text.indexOf("\r\nHost: ");
  const end = text.indexOf("\r\n", begin + 2);
  return Buffer.from(`${text.slice(0, begin)}\r\nHost: ${host}${text.slice(end)}`, "latin1");
}

/** Those of the fields behind a body that are passed on. */
export function forwardTrailers(fields: HttpFields): HttpFields {
  const kept = new HttpFields();
  for (const { name, key, value } of fields) {
    if (!NO_TRAILERS.has(key) && !key.includes("_")) kept.add(name, value);
  }
  return kept;
}

const CONTENT_LENGTH: ReadonlySet<string> = new Set(["content-length"]);

function passedOn(fields: HttpFields, options: readonly string[], setAnew: ReadonlySet<string>): string {
  let text = "";
  for (const { name, key, value } of fields) {
    if (HOP_BY_HOP.has(key) || setAnew.has(key) || key.includes("_") || options.includes(key)) continue;
    text += `${name}: ${value}\r\n`;
  }
  return text;
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
  const { ip, protocol, requestId } = visitor;
  const said = (key: string) => visitor.isTrusted ? fields.all(key).join(", ") : "";
  const node = ip.includes(":") ? `"[${ip}]"` : ip;
  const own = `for=${node};host="${authority}";proto=${protocol}`;
  return `Forwarded: ${appended(said("forwarded"), own)}\r\n` +
    `X-Forwarded-For: ${appended(said("x-forwarded-for"), ip)}\r\n` +
    `X-Forwarded-Proto: ${said("x-forwarded-proto") || protocol}\r\n` +
    `X-Forwarded-Host: ${said("x-forwarded-host") || authority}\r\n` +
    `X-Real-IP: ${said("x-real-ip") || ip}\r\n` +
    `X-Request-Id: ${requestId}\r\n`;
}

/** The id that a request has already, if it may bring one. */
export function requestIdOf(fields: HttpFields, isTrusted: boolean): string | null {
  const id = isTrusted ? fields.get("x-request-id") : undefined;
  return id !== undefined && REQUEST_ID.test(id) ? id : null;
}

function appended(said: string, own: string): string {
  return said === "" ? own : `${said}, ${own}`;
}
