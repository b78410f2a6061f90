/**
 * One exchange of HTTP between a visitor and an agent: a stream whose first bytes are the request's head. The response
 * is read as strictly as a request, because an agent is not trusted and the visitor's next request may be another
 * tenant's; it flows on as it comes, framed anew. Whatever happens, the visitor gets one answer, whole or visibly cut.
 */
import { StreamCode } from "../core/stream_codes.ts";
import type { SocketWriter } from "../link/socket_writer.ts";
import type { Stream, StreamConsumer, StreamReset } from "../link/stream.ts";
import {
  type BodyDecoder,
  type BodyFraming,
  createBodyDecoder,
  encodeChunk,
  encodeLastChunk,
  responseFraming,
} from "../wire/http_body.ts";
import type { HttpFields } from "../wire/http_fields.ts";
import { type HttpResponseHead, isRefusal, ResponseReader } from "../wire/http_head.ts";
import { forwardResponse, forwardTrailers } from "../wire/http_rewrite.ts";

/** Why the hub answers itself. */
export interface HubAnswer {
  readonly status: 403 | 404 | 413 | 429 | 502 | 503 | 504;
  /** After which time it may be tried again, in milliseconds. @default as long as the hub thinks fit */
  readonly retryAfterMs?: number;
  readonly message: string;
}

/** Who has an exchange: the visitor's connection. */
export interface ExchangeOwner {
  /** The response begins; whether the connection can be kept after it. */
  begins(): boolean;
  /** There is room for more of the upload. */
  uploadDrained(): void;
  /** Both sides go on with another protocol. */
  upgraded(): void;
  /** The response is complete. */
  over(isKept: boolean): void;
  /** No response was begun: the hub has to answer itself. */
  failed(answer: HubAnswer): void;
  /** The response cannot be completed: the visitor has to see that. */
  broken(): void;
}

/** What an exchange is about. */
export interface ExchangeRequest {
  readonly method: string;
  /** What the visitor speaks of HTTP/1. */
  readonly minor: 0 | 1;
  readonly framing: BodyFraming;
  /** The protocol that it wants to go on with. */
  readonly upgrade: string | null;
}

type Phase = "head" | "body" | "upgraded" | "over";

/** Responses before the last one. */
const MAX_INTERIM = 32;
const BROKEN: HubAnswer = { status: 502, message: "The service does not speak as HTTP has it" };

/** One exchange. */
export class HttpExchange implements StreamConsumer {
  /** The status that the visitor is told; 0 before. */
  status = 0;
  /** Bytes of the bodies. */
  bytesIn = 0;
  bytesOut = 0;
  /** Whether the response is complete. */
  isWhole = false;
  readonly #request: ExchangeRequest;
  readonly #writer: SocketWriter;
  readonly #owner: ExchangeOwner;
  readonly #reader = new ResponseReader();
  #stream: Stream | null = null;
  #phase: Phase = "head";
  #decoder: BodyDecoder | null = null;
  /** How the response's body ends as it came, and as it goes out. */
  #framing: BodyFraming = { kind: "none" };
  #isChunkedOut = false;
  #isKept = false;
  #interim = 0;
  /** Whether the request is complete. */
  #isUploaded = false;

  constructor(request: ExchangeRequest, { writer, owner }: { writer: SocketWriter; owner: ExchangeOwner }) {
    this.#request = request;
    this.#writer = writer;
    this.#owner = owner;
  }

  /** Whether the response has begun. */
  get hasBegun(): boolean {
    return this.#phase !== "head";
  }

  get isUpgraded(): boolean {
    return this.#phase === "upgraded";
  }

  /** Begins on a stream that was opened for it, with the head of the request. */
  begin(stream: Stream, head: Uint8Array): void {
    this.#stream = stream;
    stream.write(head);
  }

  /** Passes on parts of the request's body; whether more may come now. */
  upload(parts: readonly Uint8Array[]): boolean {
    let wantsMore = true;
    for (const part of parts) {
      if (part.length === 0) continue;
      this.bytesIn += part.length;
      const pieces = this.#request.framing.kind === "chunked" ? encodeChunk(part) : [part];
      for (const piece of pieces) wantsMore = this.#stream?.write(piece) ?? true;
    }
    return wantsMore;
  }

  /** The request is complete. */
  uploaded(trailers: HttpFields): void {
    this.#isUploaded = true;
    if (this.#request.framing.kind === "chunked") {
      this.#stream?.write(encodeLastChunk(forwardTrailers(trailers)));
    }
    // Who may go on with another protocol ends when the visitor does.
    if (this.#request.upgrade === null) this.#stream?.end();
  }

  /** Passes on bytes of the other protocol; whether more may come now. */
  send(bytes: Uint8Array): boolean {
    this.bytesIn += bytes.length;
    return this.#stream?.write(bytes) ?? true;
  }

  /** The visitor sends nothing more of the other protocol. */
  sent(): void {
    this.#stream?.end();
  }

  /** Nobody wants it any more. */
  abort(reason: string): void {
    if (this.#phase !== "over") this.#finish();
    this.#stream?.reset(StreamCode.cancelled, reason);
  }

  data(bytes: Uint8Array): void {
    if (this.#phase === "upgraded") this.#writeBody([bytes]);
    else this.#take(bytes);
    if (this.#stream !== null) this.#writer.credit(this.#stream, bytes.length);
  }

  end(): void {
    switch (this.#phase) {
      case "upgraded":
        this.#writer.end();
        return;
      case "body":
        if (this.#framing.kind === "until_close") return this.#complete();
        this.#fail({ status: 502, message: "The service ended in the middle of its answer" });
        return;
      case "head":
        this.#fail({ status: 502, message: "The service ended before it answered" });
        return;
      case "over":
        return;
    }
  }

  drained(): void {
    this.#owner.uploadDrained();
  }

  closed(reset: StreamReset | null): void {
    if (reset === null || this.#phase === "over") return;
    this.#finish();
    if (this.status === 0) this.#owner.failed(answerOf(reset));
    else this.#owner.broken();
  }

  #take(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#phase === "over") {
        // What stands behind a response belongs to nobody.
        this.#stream?.reset(StreamCode.localBroken, "There was more than the response");
        return;
      }
      const next = this.#phase === "head" ? this.#takeHead(rest) : this.#takeBody(rest);
      if (next === null) return;
      rest = next;
    }
  }

  /** What is left behind the head; `null` when nothing is to be read any more. */
  #takeHead(bytes: Uint8Array): Uint8Array | null {
    const result = this.#reader.feed(bytes);
    if (result.kind === "incomplete") return null;
    if (result.kind === "refused") return this.#fail(BROKEN);
    const { head, rest } = result;
    if (head.status === 101) return this.#upgrade(head, rest);
    if (head.status < 200) return this.#passInterim(head, rest);
    const framing = responseFraming(head, this.#request.method);
    if (isRefusal(framing)) return this.#fail(BROKEN);
    this.#beginBody(head, framing);
    return rest;
  }

  #beginBody(head: HttpResponseHead, framing: BodyFraming): void {
    const { minor } = this.#request;
    const hasLength = framing.kind === "none" || framing.kind === "length";
    this.#isChunkedOut = !hasLength && minor === 1;
    const mayStay = this.#owner.begins();
    this.#isKept = mayStay && (hasLength || minor === 1);
    const framed: BodyFraming = this.#isChunkedOut ? { kind: "chunked" } : framing;
    const out = hasLength || this.#isChunkedOut ? framed : { kind: "until_close" } as const;
    this.#phase = "body";
    this.status = head.status;
    this.#framing = framing;
    this.#decoder = createBodyDecoder(framing);
    this.#writer.write(forwardResponse(head, { framing: out, minor, isKept: this.#isKept }));
    if (this.#decoder.isOver) this.#complete();
  }

  #takeBody(bytes: Uint8Array): Uint8Array | null {
    const piece = this.#decoder?.feed(bytes);
    if (piece === undefined || isRefusal(piece)) return this.#fail(BROKEN);
    this.#writeBody(piece.parts);
    if (piece.isOver) this.#complete();
    return bytes.subarray(piece.usedBytes);
  }

  #writeBody(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      if (part.length === 0) continue;
      this.bytesOut += part.length;
      if (!this.#isChunkedOut) this.#writer.write(part);
      else for (const piece of encodeChunk(part)) this.#writer.write(piece);
    }
  }

  #passInterim(head: HttpResponseHead, rest: Uint8Array): Uint8Array | null {
    if (++this.#interim > MAX_INTERIM) return this.#fail(BROKEN);
    const { minor } = this.#request;
    if (minor === 1) {
      this.#writer.write(forwardResponse(head, { framing: { kind: "none" }, minor, isKept: true }));
    }
    return rest;
  }

  #upgrade(head: HttpResponseHead, rest: Uint8Array): null {
    const wanted = this.#request.upgrade?.split(",").map((one) => one.trim()) ?? [];
    const chosen = head.fields.list("upgrade");
    if (chosen.length !== 1 || !wanted.includes(chosen[0] ?? "")) return this.#fail(BROKEN);
    // What is left of the upload would be framed, and the other protocol has no such frames.
    if (!this.#isUploaded) return this.#fail(BROKEN);
    this.#phase = "upgraded";
    this.status = head.status;
    this.#writer.write(forwardResponse(head, { framing: { kind: "none" }, minor: 1, isKept: true }));
    this.#writeBody([rest]);
    this.#owner.upgraded();
    return null;
  }

  #complete(): void {
    if (this.#isChunkedOut) {
      const trailers = this.#decoder?.trailers;
      this.#writer.write(encodeLastChunk(trailers === undefined ? "" : forwardTrailers(trailers)));
    }
    this.isWhole = true;
    this.#finish();
    // Where the service did not want the rest of the upload, nobody has it.
    if (this.#isUploaded) this.#stream?.end();
    else this.#stream?.reset(StreamCode.cancelled, "The response came before the request was complete");
    this.#owner.over(this.#isKept && this.#isUploaded);
  }

  /** The agent, or its service, did what it may not. */
  #fail(answer: HubAnswer): null {
    const hadBegun = this.status !== 0;
    this.#finish();
    this.#stream?.reset(StreamCode.localBroken, answer.message);
    if (hadBegun) this.#owner.broken();
    else this.#owner.failed(answer);
    return null;
  }

  #finish(): void {
    this.#phase = "over";
  }
}

/** What a visitor is told of a stream that was reset before a response came. */
export function answerOf({ code, origin }: Pick<StreamReset, "code" | "origin">): HubAnswer {
  if (origin === "link") return { status: 502, message: "The connection to the service was lost" };
  switch (code) {
    case StreamCode.localTimeout:
    case StreamCode.idle:
      return { status: 504, message: "The service does not answer" };
    case StreamCode.notAllowed:
      return { status: 403, message: "This is not allowed" };
    case StreamCode.unknownTunnel:
      return { status: 404, message: "There is no such tunnel any more" };
    case StreamCode.overLimit:
      return { status: 429, message: "Too many requests are under way here; try again in a moment" };
    case StreamCode.draining:
      return { status: 503, message: "The service is being stopped; try again in a moment" };
    default:
      return { status: 502, message: "The service cannot be reached" };
  }
}
