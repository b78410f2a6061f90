/**
 * The answers of the hub itself to visitors: small pages in HTML, JSON or text, as they accept them, that say what is
 * wrong and hold nothing of what stands inside.
 */
import { Buffer } from "node:buffer";
import type { HttpRequestHead } from "./http_head.ts";

/** An answer. */
export interface HttpErrorAnswer {
  readonly status: number;
  /** For people, in a sentence. */
  readonly message: string;
  readonly requestId: string;
  /** What the visitor accepts; empty when it did not say. */
  readonly accept: string;
  /** Whether the request was a HEAD, whose answer has no body. */
  readonly isHead: boolean;
  readonly isKept: boolean;
  readonly retryAfterSeconds: number | null;
}

const TITLES: ReadonlyMap<number, string> = new Map([
  [400, "Bad Request"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [408, "Request Timeout"],
  [413, "Content Too Large"],
  [417, "Expectation Failed"],
  [429, "Too Many Requests"],
  [431, "Request Header Fields Too Large"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
  [505, "HTTP Version Not Supported"],
]);

/** The words of a status. */
export function titleOf(status: number): string {
  return TITLES.get(status) ?? "Error";
}

/** The whole answer. */
export function encodeHttpError(answer: HttpErrorAnswer): Uint8Array {
  const { status, isHead, isKept, retryAfterSeconds } = answer;
  const { type, body } = pageOf(answer);
  const head = [
    `HTTP/1.1 ${status} ${titleOf(status)}`,
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    ...retryAfterSeconds === null ? [] : [`Retry-After: ${retryAfterSeconds}`],
    ...isKept ? [] : ["Connection: close"],
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${isHead ? "" : body}`);
}

/** The whole answer to a request; `null`: what came was none. */
export function encodeHttpErrorTo(
  request: HttpRequestHead | null,
  answer: Omit<HttpErrorAnswer, "accept" | "isHead">,
): Uint8Array {
  const accept = request?.fields.get("accept") ?? "";
  return encodeHttpError({ ...answer, accept, isHead: request?.method === "HEAD" });
}

function pageOf({ status, message, requestId, accept }: HttpErrorAnswer): { type: string; body: string } {
  const title = `${status} ${titleOf(status)}`;
  switch (preferred(accept)) {
    case "html":
      return {
        type: "text/html; charset=utf-8",
        body:
          `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>\n` +
          `<body><h1>${title}</h1><p>${escaped(message)}</p><p><small>Request ${
            escaped(requestId)
          }</small></p>` +
          `</body></html>\n`,
      };
    case "json":
      return {
        type: "application/json",
        body: `${JSON.stringify({ error: { status, message, requestId } })}\n`,
      };
    case "text":
      return { type: "text/plain; charset=utf-8", body: `${title}: ${message} (request ${requestId})\n` };
  }
}

/** Browsers name HTML; what names JSON and not HTML gets JSON. */
function preferred(accept: string): "html" | "json" | "text" {
  if (/\btext\/html\b/i.test(accept)) return "html";
  return /\bapplication\/(?:[\w.-]+\+)?json\b/i.test(accept) ? "json" : "text";
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
