/**
 * HTTP/1.1: whatever comes, it is read or refused, never with an exception; the same however the bytes are cut; and what
 * is passed on of it means the same, and nothing more, to its own reader and to the parser of `node:http`.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type BodyFraming, encodeChunk, encodeLastChunk } from "../src/wire/http_body.ts";
import { HttpFields } from "../src/wire/http_fields.ts";
import { type HttpRequestHead, type HttpResponseHead, isRefusal } from "../src/wire/http_head.ts";
import { forwardRequest, forwardResponse, forwardTrailers, VisitorLines } from "../src/wire/http_rewrite.ts";
import { TargetReader } from "../src/wire/http_target.ts";
import { concat } from "./frames.ts";
import { makeHttp } from "./http_messages.ts";
import {
  type Fields,
  fieldsOf,
  type HttpHead,
  type Reading,
  type ReadMessage,
  readRequests,
  readResponses,
} from "./http_reading.ts";
import { type NodeMessage, type NodeReading, readAsNode } from "./node_http.ts";
import type { Random } from "./random.ts";
import type { FuzzTarget } from "./target.ts";

const MAX_PIECE_BYTES = 40;
const VISITOR = { ip: "192.0.2.1", protocol: "http" } as const;
/** What has to be found behind what was passed on, as it was sent. */
const NEXT_REQUEST = Buffer.from("GET /next HTTP/1.1\r\nHost: next\r\n\r\n");
const NEXT_RESPONSE = Buffer.from("HTTP/1.1 299 Next\r\nContent-Length: 0\r\n\r\n");
/** What is not passed on, or not as it came. */
const NOT_PASSED_ON =
  /^(?:connection|keep-alive|proxy-(?:connection|authenticate|authorization)|te|trailer|transfer-encoding|upgrade|host|content-length|expect|forwarded|x-forwarded-(?:for|proto|host)|x-real-ip|x-request-id)$|_/;

/** Where `node:http` is stricter than RFC 9112, or knows less. */
const FAULTS_OF_ITS_OWN: ReadonlySet<string> = new Set([
  "HPE_CLOSED_CONNECTION",
  "HPE_HEADER_OVERFLOW",
  "HPE_INVALID_METHOD",
  "HPE_INVALID_URL",
  // The form of chunk extensions, none of which is passed on.
  "HPE_STRICT",
]);

/** What was passed on of one case: how many messages, and how many of them `node:http` takes too. */
export interface HttpOutcome {
  readonly passedOn: number;
  readonly taken: number;
}

/** Checks bytes as requests; what was passed on of them. */
export function checkRequests(input: Uint8Array, random: Random): HttpOutcome {
  const whole = readRequests(input);
  same(readRequests(input, cuts(random)), whole);
  agreeOnInput(whole, readAsNode(input, { kind: "requests" }), input);
  const outcome = { passedOn: 0, taken: 0 };
  for (const message of whole.messages) {
    const written = passOnRequest(message, random);
    if (written === null) continue;
    outcome.passedOn++;
    if (checkWrittenRequest(message, written, random)) outcome.taken++;
  }
  return outcome;
}

/** Checks bytes as responses; what was passed on of them. */
export function checkResponses(input: Uint8Array, random: Random): HttpOutcome {
  const method = random.oneIn(3) ? "HEAD" : "GET";
  const whole = readResponses(input, { method });
  same(readResponses(input, { method, pieces: cuts(random) }), whole);
  agreeOnInput(whole, readAsNode(input, { kind: "responses", isHead: method === "HEAD" }), input);
  const outcome = { passedOn: 0, taken: 0 };
  for (const message of whole.messages) {
    if (message.head.status === 101) break;
    outcome.passedOn++;
    if (checkWrittenResponse(message, { method, random })) outcome.taken++;
  }
  return outcome;
}

function* cuts(random: Random): Generator<number> {
  for (;;) yield 1 + random.below(MAX_PIECE_BYTES);
}

function same<H extends HttpHead>(pieces: Reading<H>, whole: Reading<H>): void {
  assert.equal(pieces.end, whole.end, "another end in pieces");
  assert.equal(text(pieces.messages), text(whole.messages), "other messages in pieces");
}

/** Messages as text: quicker to compare than objects, and enough. */
function text(messages: readonly ReadMessage<HttpHead>[]): string {
  return JSON.stringify(messages.map(({ head, framing, body, trailers }) => {
    return [lineOf(head), head.minor, fieldsOf(head.fields), framing, body, fieldsOf(trailers)];
  }));
}

/** Where both read messages of what was sent, they are the same ones. */
function agree(reading: Reading<HttpHead>, others: readonly NodeMessage[]): void {
  for (const [at, message] of reading.messages.entries()) {
    const other = others[at];
    if (other === undefined) return;
    assert.equal(nodeText(other), messageText(message), "node:http reads it in another way");
    if (other.isUpgrade) return;
  }
}

/**
 * What is read is no more than `node:http` reads: but for what it does not read as RFC 9112 has it, and nothing of that
 * is passed on as it came.
 */
function agreeOnInput(
  { messages, end }: Reading<HttpHead>,
  { messages: others, fault }: NodeReading,
  input: Uint8Array,
): void {
  // It knows spaces behind these values, and no tabs.
  if (/(?:chunked|\d) *\t/i.test(Buffer.from(input).toString("latin1"))) return;
  const odd = messages.findIndex(isReadOddly);
  const compared = odd < 0 ? messages : messages.slice(0, odd);
  agree({ messages: compared, end }, others);
  // Behind another protocol it reads nothing.
  const mayEnd = compared.some(({ head }) => endsHttp(head));
  if (compared.length <= others.length || mayEnd) return;
  assert.ok(FAULTS_OF_ITS_OWN.has(fault ?? ""), `node:http refuses what is read: ${fault}`);
}

function endsHttp(head: HttpHead): boolean {
  return head.fields.list("connection").includes("upgrade") ||
    (head.kind === "request" && head.method === "CONNECT");
}

/** It reads bodies that are announced where there can be none, and framing in trailers. */
function isReadOddly({ head, framing, trailers }: ReadMessage<HttpHead>): boolean {
  if (head.kind === "response" && head.status < 200) return true;
  if (trailers.get("content-length") ?? trailers.get("transfer-encoding")) return true;
  return head.kind === "response" && framing.kind === "none" &&
    head.fields.get("transfer-encoding") !== undefined;
}

function messageText({ head, body, trailers }: ReadMessage<HttpHead>): string {
  return JSON.stringify([lineOf(head), head.minor, fieldsOf(head.fields), body, fieldsOf(trailers)]);
}

function nodeText({ line, minor, fields, body, trailers }: NodeMessage): string {
  return JSON.stringify([line, minor, fields, body, trailers]);
}

function lineOf(head: HttpHead): string {
  return head.kind === "request" ? `${head.method} ${head.target}` : `${head.status} ${head.reason}`;
}

/** A request as it goes to the service; `null`: it is refused. */
function passOnRequest(
  { head, framing, body, trailers }: ReadMessage<HttpRequestHead>,
  random: Random,
): Uint8Array | null {
  const target = new TargetReader().read(head);
  if (isRefusal(target)) return null;
  const visitor = new VisitorLines({ ...VISITOR, isTrusted: random.oneIn(2) });
  const forwarded = forwardRequest(head, { target, framing, visitor, requestId: "id" });
  if (isRefusal(forwarded)) return null;
  return concat([forwarded.head, ...bodyOf(framing, { body, trailers, random })]);
}

function bodyOf(
  framing: BodyFraming,
  { body, trailers, random }: { body: string; trailers: HttpFields; random: Random },
): Uint8Array[] {
  const bytes = Buffer.from(body, "latin1");
  if (framing.kind !== "chunked") return [bytes];
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const part = bytes.subarray(at, at + 1 + random.below(MAX_PIECE_BYTES));
    parts.push(...encodeChunk(part));
    at += part.length;
  }
  return [...parts, encodeLastChunk(forwardTrailers(trailers))];
}

/** Whether `node:http` takes it too. */
function checkWrittenRequest(
  { head, body, trailers }: ReadMessage<HttpRequestHead>,
  written: Uint8Array,
  random: Random,
): boolean {
  const target = new TargetReader().read(head);
  assert.ok(!isRefusal(target));
  const input = concat([written, NEXT_REQUEST]);
  const again = readRequests(input, cuts(random));
  assert.equal(again.end, "between");
  assert.equal(again.messages.length, 2, "what is passed on is not one request");
  const [one, next] = again.messages;
  assert.ok(one !== undefined && next !== undefined && next.head.target === "/next");
  assert.equal(lineOf(one.head), `${head.method} ${target.path}`);
  assert.equal(one.head.fields.get("host"), target.authority);
  samePayload(one, { head, body, trailers });
  const node = readAsNode(input, { kind: "requests" });
  if (node.messages[0] === undefined) return false;
  agree({ ...again, messages: [one] }, node.messages);
  const { isUpgrade } = node.messages[0];
  assert.equal(isUpgrade, one.head.fields.get("upgrade") !== undefined, "another protocol nobody asked for");
  if (!isUpgrade) assert.equal(node.messages.length, 2, "node:http reads not one request");
  return true;
}

/** What is left of the fields, and all of the body. */
function samePayload(
  one: ReadMessage<HttpHead>,
  { head, body, trailers }: Pick<ReadMessage<HttpHead>, "head" | "body" | "trailers">,
): void {
  const options = head.fields.list("connection");
  const kept = (fields: HttpFields) =>
    fieldsOf(fields).filter(([name]) => !NOT_PASSED_ON.test(name) && !options.includes(name));
  assert.equal(
    json(fieldsOf(one.head.fields).filter(([name]) => !NOT_PASSED_ON.test(name))),
    json(kept(head.fields)),
  );
  assert.equal(one.body, body);
  assert.equal(linesOf(one.trailers), forwardTrailers(trailers));
}

function linesOf(fields: HttpFields): string {
  let text = "";
  for (const { name, value } of fields) text += `${name}: ${value}\r\n`;
  return text;
}

function json(fields: Fields): string {
  return JSON.stringify(fields);
}

/** Whether `node:http` takes it too. */
function checkWrittenResponse(
  { head, framing, body, trailers }: ReadMessage<HttpResponseHead>,
  { method, random }: { readonly method: string; readonly random: Random },
): boolean {
  const minor = random.oneIn(4) ? 0 : 1;
  const isInterim = head.status < 200;
  // As an exchange does: what has no length goes out in chunks where the visitor knows them.
  const isOpen = framing.kind === "chunked" || framing.kind === "until_close";
  const out: BodyFraming = isOpen ? { kind: minor === 1 ? "chunked" : "until_close" } : framing;
  const written = concat([
    forwardResponse(head, { framing: out, minor, isKept: true }),
    ...bodyOf(out, { body, trailers, random }),
  ]);
  const input = out.kind === "until_close" ? written : concat([written, NEXT_RESPONSE]);
  const again = readResponses(input, { method, pieces: cuts(random) });
  const count = out.kind === "until_close" ? 1 : 2;
  assert.equal(again.end, "between");
  assert.equal(again.messages.length, count, "what is passed on is not one response");
  const [one] = again.messages;
  assert.ok(
    one !== undefined && again.messages[count - 1]?.head.status === (count === 1 ? head.status : 299),
  );
  assert.equal(one.head.status, head.status);
  samePayload(one, { head, body, trailers: out.kind === "chunked" ? trailers : new HttpFields() });
  const node = readAsNode(input, { kind: "responses", isHead: method === "HEAD" && !isInterim });
  if (node.messages[0] === undefined) return false;
  agree({ ...again, messages: [one] }, node.messages);
  assert.equal(node.messages.length, count, "node:http reads not one response");
  return true;
}

/** The target. */
export const target: FuzzTarget = {
  name: "http",
  about: "HTTP/1.1: no exception, the same however the bytes are cut, passed on with one meaning",
  make: makeHttp,
  check: (input, random) => {
    checkRequests(input, random);
    if (input[0] === 0x48) checkResponses(input, random);
  },
};
