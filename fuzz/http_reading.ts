/**
 * What the project's own readers make of the bytes of HTTP/1.1 messages: the messages that are whole, and how it ends.
 * The bytes go in from a buffer that is used again, so that whatever kept a view of it shows.
 */
import { Buffer } from "node:buffer";
import {
  type BodyDecoder,
  type BodyFraming,
  createBodyDecoder,
  requestFraming,
  responseFraming,
} from "../src/wire/http_body.ts";
import type { HttpFields } from "../src/wire/http_fields.ts";
import {
  type HttpHeadResult,
  type HttpRefusal,
  type HttpRequestHead,
  type HttpResponseHead,
  isRefusal,
  RequestReader,
  ResponseReader,
} from "../src/wire/http_head.ts";

/** A head of either kind. */
export type HttpHead = HttpRequestHead | HttpResponseHead;

/** Names in lower case and values, in their order. */
export type Fields = readonly (readonly [string, string])[];

/** One message; its body as characters of the same numbers. */
export interface ReadMessage<H extends HttpHead> {
  readonly head: H;
  readonly framing: BodyFraming;
  readonly body: string;
  readonly trailers: HttpFields;
}

/** What was read. */
export interface Reading<H extends HttpHead> {
  readonly messages: readonly ReadMessage<H>[];
  /** `between`: with a whole message, or nothing at all. */
  readonly end: "between" | "incomplete" | "refused";
}

/** Reads requests, in pieces of these lengths as long as there are any. */
export function readRequests(input: Uint8Array, pieces: Iterable<number> = []): Reading<HttpRequestHead> {
  return new Reader(new RequestReader(), requestFraming).read(input, pieces);
}

/** Reads the responses to requests of one method. */
export function readResponses(
  input: Uint8Array,
  { method, pieces = [] }: { readonly method: string; readonly pieces?: Iterable<number> },
): Reading<HttpResponseHead> {
  return new Reader(new ResponseReader(), (head) => responseFraming(head, method)).read(input, pieces);
}

/** Fields as they are compared. */
export function fieldsOf(fields: HttpFields): Fields {
  return [...fields].map(({ key, value }) => [key, value]);
}

interface HeadReader<H> {
  readonly isInside: boolean;
  feed(bytes: Uint8Array): HttpHeadResult<H>;
}

/** A message that is on its way. */
interface OpenMessage<H> {
  readonly head: H;
  readonly framing: BodyFraming;
  readonly decoder: BodyDecoder;
  body: string;
}

class Reader<H extends HttpHead> {
  readonly #heads: HeadReader<H>;
  readonly #framingOf: (head: H) => BodyFraming | HttpRefusal;
  readonly #messages: ReadMessage<H>[] = [];
  #open: OpenMessage<H> | null = null;

  constructor(heads: HeadReader<H>, framingOf: (head: H) => BodyFraming | HttpRefusal) {
    this.#heads = heads;
    this.#framingOf = framingOf;
  }

  read(input: Uint8Array, pieces: Iterable<number>): Reading<H> {
    const lengths = pieces[Symbol.iterator]();
    for (let at = 0; at < input.length;) {
      const next = lengths.next();
      const end = next.done === true ? input.length : at + next.value;
      const piece = Uint8Array.from(input.subarray(at, end));
      at += piece.length;
      if (!this.#take(piece)) return { messages: this.#messages, end: "refused" };
      piece.fill(0xee);
    }
    const open = this.#open;
    if (open?.framing.kind === "until_close") this.#finish(open);
    const isInside = this.#open !== null || this.#heads.isInside;
    return { messages: this.#messages, end: isInside ? "incomplete" : "between" };
  }

  /** Whether it goes on. */
  #take(piece: Uint8Array): boolean {
    for (let rest: Uint8Array | null = piece; rest !== null && rest.length > 0;) {
      const next: Uint8Array | null | HttpRefusal = this.#open === null
        ? this.#takeHead(rest)
        : this.#takeBody(this.#open, rest);
      if (isRefusal(next)) return false;
      rest = next;
    }
    return true;
  }

  #takeHead(bytes: Uint8Array): Uint8Array | null | HttpRefusal {
    const result = this.#heads.feed(bytes);
    if (result.kind === "incomplete") return null;
    if (result.kind === "refused") return result;
    const framing = this.#framingOf(result.head);
    if (isRefusal(framing)) return framing;
    const decoder = createBodyDecoder(framing);
    this.#open = { head: keptHead(result.head), framing, decoder, body: "" };
    if (decoder.isOver) this.#finish(this.#open);
    return result.rest;
  }

  #takeBody(open: OpenMessage<H>, bytes: Uint8Array): Uint8Array | HttpRefusal {
    const piece = open.decoder.feed(bytes);
    if (isRefusal(piece)) return piece;
    for (const part of piece.parts) open.body += Buffer.from(part).toString("latin1");
    if (piece.isOver) this.#finish(open);
    return bytes.subarray(piece.usedBytes);
  }

  #finish({ head, framing, decoder, body }: OpenMessage<H>): void {
    this.#messages.push({ head, framing, body, trailers: decoder.trailers });
    this.#open = null;
  }
}

/** A head that is looked at when the piece that it came in is gone. */
function keptHead<H extends HttpHead>(head: H): H {
  // Once somebody asked for its lines it has a text of its own.
  head.fields.lines(() => true);
  return head.kind === "response" ? { ...head, bytes: Uint8Array.from(head.bytes) } : head;
}
