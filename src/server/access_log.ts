/** One line for each request of a visitor: in the Common Log Format with referer and user agent, or as JSON. */
import type { ExchangeRecord } from "../tunnel/exchange_record.ts";

/** How requests are logged. */
export type AccessLogFormat = "common" | "json";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The line of a request, without its end. */
export function accessLine(record: ExchangeRecord, format: AccessLogFormat): string {
  return format === "json" ? jsonLine(record) : commonLine(record);
}

function jsonLine(
  { atMs, ip, method, target, minor, host, tunnel, status, ...rest }: ExchangeRecord,
): string {
  const { bytesIn, bytesOut, durationMs, waitedMs, requestId, fields, isWhole } = rest;
  return JSON.stringify({
    time: new Date(atMs).toISOString(),
    ip,
    method,
    host,
    target,
    protocol: `HTTP/1.${minor}`,
    tunnel,
    status,
    bytesIn,
    bytesOut,
    ms: Math.round(durationMs),
    firstByteMs: waitedMs === null ? null : Math.round(waitedMs),
    requestId,
    referer: fields?.get("referer") ?? "",
    userAgent: fields?.get("user-agent") ?? "",
    complete: isWhole,
  });
}

function commonLine(
  { atMs, ip, method, target, minor, status, bytesOut, fields }: ExchangeRecord,
): string {
  const referer = fields?.get("referer") ?? "";
  const userAgent = fields?.get("user-agent") ?? "";
  const request = `${method} ${target} HTTP/1.${minor}`;
  return `${ip || "-"} - - [${commonTime(atMs)}] "${escaped(request)}" ${status === 0 ? 499 : status} ` +
    `${bytesOut} "${escaped(referer) || "-"}" "${escaped(userAgent) || "-"}"`;
}

/** What could end a line or a quoted part of it, or drive a terminal. */
// deno-lint-ignore no-control-regex
const UNSAFE = /[\x00-\x1f"\\\x7f-\uffff]/g;

function escaped(text: string): string {
  return text.replace(UNSAFE, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function commonTime(ms: number): string {
  const time = new Date(ms);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${two(time.getUTCDate())}/${MONTHS[time.getUTCMonth()]}/${time.getUTCFullYear()}:` +
    `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`;
}
