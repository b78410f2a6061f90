/** Random HTTP/1.1 messages, mostly right, and changes of them as somebody makes who wants to be read in two ways. */
import { Buffer } from "node:buffer";
import { HTTP_RESPONSE_TRICKS, HTTP_TRICKS } from "./http_corpus.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

const METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "get"] as const;
const TARGETS = ["/", "/a?b=c", "*", "http://a/x", "HTTP://A?q", "//b", "/%00/..;x", '/{}|^`\\"<>'] as const;
const HOSTS = ["a", "a", "a", "a:80", "A.b.", "[::1]:8080", "127.0.0.1", "a_b"] as const;
const STATUSES = [
  "200 OK",
  "204 No Content",
  "304 ",
  "100 Continue",
  "103 Hints",
  "404",
  "500 \xe4",
] as const;
const NAMES = [
  "Accept",
  "Connection",
  "Cookie",
  "Expect",
  "Forwarded",
  "Keep-Alive",
  "TE",
  "Trailer",
  "Upgrade",
  "X-A",
  "X_A",
  "X-Forwarded-For",
  "x-request-id",
  "~!#$%&'*+-.^_`|",
] as const;
const VALUES = [
  "",
  "a",
  " a\t",
  "a, b",
  "close",
  "keep-alive, X-A",
  "Upgrade",
  "websocket",
  "trailers",
  "100-continue",
  "Content-Length",
  "\xff\x80",
  '"a\\"',
] as const;
/** What readers disagree about. */
const TOKENS = [
  "\r",
  "\n",
  "\r\n",
  "\r\n\r\n",
  "\0",
  " ",
  "\t",
  ":",
  ";",
  ",",
  "+",
  "-",
  "0x",
  "0\r\n\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Content-Length: 0\r\n",
  "Content-Length: 3\r\n",
  "Connection: close\r\n",
  "Host: b\r\n",
  " HTTP/1.0",
  "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n",
  "\x0b",
  "\x85",
  "\xa0",
] as const;
const MAX_MESSAGES = 3;
const LONG = 70_000;

/** Some messages of one kind, mostly changed a little. */
export function makeHttp(random: Random): Uint8Array {
  const isRequest = !random.oneIn(3);
  const text = random.oneIn(3) ? trickOf(random, isRequest) : messagesOf(random, isRequest);
  const bytes = Buffer.from(text, "latin1");
  switch (random.below(4)) {
    case 0:
      return bytes;
    case 1:
      return mutate(bytes, random);
    default:
      return Buffer.from(disputed(text, random), "latin1");
  }
}

/** A trick, with something right before it now and then. */
function trickOf(random: Random, isRequest: boolean): string {
  const tricks = isRequest ? HTTP_TRICKS : HTTP_RESPONSE_TRICKS;
  const { text } = tricks[random.below(tricks.length)] ?? { text: "" };
  return random.oneIn(3) ? messagesOf(random, isRequest) + text : text;
}

function messagesOf(random: Random, isRequest: boolean): string {
  let text = "";
  for (let left = 1 + random.below(MAX_MESSAGES); left > 0; left--) {
    if (isRequest && random.oneIn(8)) text += "\r\n";
    text += messageOf(random, isRequest);
  }
  return text;
}

function messageOf(random: Random, isRequest: boolean): string {
  const version = `HTTP/1.${random.oneIn(6) ? 0 : 1}`;
  const host = random.pick(HOSTS);
  let text = isRequest
    ? `${random.pick(METHODS)} ${random.pick(TARGETS)} ${version}\r\nHost: ${host}\r\n`
    : `${version} ${random.pick(STATUSES)}\r\n`;
  for (let left = random.below(random.oneIn(100) ? 120 : 4); left > 0; left--) text += fieldOf(random);
  if (random.oneIn(500)) text += `X-Long: ${"a".repeat(LONG)}\r\n`;
  const body = random.bytes(random.below(20)).reduce((all, byte) => all + String.fromCharCode(byte), "");
  switch (random.below(3)) {
    case 0:
      return `${text}\r\n`;
    case 1:
      return `${text}Content-Length: ${body.length}\r\n\r\n${body}`;
    default:
      return `${text}Transfer-Encoding: ${random.oneIn(4) ? "Chunked" : "chunked"}\r\n\r\n${
        chunked(body, random)
      }`;
  }
}

function fieldOf(random: Random): string {
  return `${random.pick(NAMES)}:${random.oneIn(2) ? " " : ""}${random.pick(VALUES)}\r\n`;
}

function chunked(body: string, random: Random): string {
  let text = "";
  for (let at = 0; at < body.length;) {
    const part = body.slice(at, at + 1 + random.below(10));
    const size = part.length.toString(16).padStart(1 + random.below(3), "0");
    text += `${random.oneIn(2) ? size : size.toUpperCase()}${random.oneIn(8) ? ';a="b"' : ""}\r\n${part}\r\n`;
    at += part.length;
  }
  text += "0\r\n";
  for (let left = random.oneIn(4) ? 2 : 0; left > 0; left--) text += fieldOf(random);
  return `${text}\r\n`;
}

/** Puts in, or in place of something, what readers disagree about; or repeats a line, or takes one away. */
function disputed(text: string, random: Random): string {
  let changed = text;
  for (let left = 1 + random.below(2); left > 0; left--) {
    const at = boundary(changed, random);
    if (random.oneIn(4)) {
      const end = changed.indexOf("\r\n", at) + 2;
      const line = end < 2 ? "" : changed.slice(at, end);
      changed = changed.slice(0, at) + (random.oneIn(2) ? line + line : "") + changed.slice(at + line.length);
    } else {
      const to = at + (random.oneIn(2) ? 1 : 0);
      changed = changed.slice(0, at) + random.pick(TOKENS) + changed.slice(to);
    }
  }
  return changed;
}

/** Anywhere, or where a line or a value begins. */
function boundary(text: string, random: Random): number {
  const at = random.below(text.length + 1);
  if (random.oneIn(2)) return at;
  const found = text.indexOf(random.pick(["\r\n", ": ", " ", ";"]), at);
  return found < 0 ? at : found + random.below(3);
}
