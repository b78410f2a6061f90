/**
 * Leads one exchange of HTTP from the hub to a local service over a connection of its pool: the request as it came, the
 * response as it comes, each to the end that its own framing says. A connection is used again only when both ended as
 * they should. What stands behind a failure only the agent's log says.
 */
import { concat } from "../core/concat.ts";
import type { Clock } from "../core/ports.ts";
import { StreamCode } from "../core/stream_codes.ts";
import { keptOf, viewOf } from "../core/views.ts";
import type { ByteMeter } from "../link/socket_pump.ts";
import { track } from "../link/read_memory.ts";
import type { SocketWriter } from "../link/socket_writer.ts";
import type { Stream, StreamConsumer, StreamReset } from "../link/stream.ts";
import { type BodyDecoder, createBodyDecoder, requestFraming, responseFraming } from "../wire/http_body.ts";
import {
  FORWARDED_LIMITS,
  type HttpRequestHead,
  isRefusal,
  RequestReader,
  ResponseReader,
} from "../wire/http_head.ts";
import { wantsToStay, withHost } from "../wire/http_rewrite.ts";
import { Slab } from "../wire/slab.ts";
import { LocalConnection, type LocalPool, type LocalUser } from "./local_pool.ts";

/** How to lead it. */
export interface HttpForwardOptions {
  readonly pool: LocalPool;
  /** What the service is told as its host; `null`: what the visitor sent. */
  readonly hostHeader: string | null;
  readonly meter: ByteMeter;
  readonly clock: Clock;
  readonly report: HttpReport;
}

/** What is kept of a request: its fields would keep what they were read from. */
export type RequestLine = Pick<HttpRequestHead, "method" | "target">;

/** What became of a request: a response began, or there will be none. */
export interface RequestResult {
  /** What the visitor gets; `null`: nothing from here, the request broke off. */
  readonly status: number | null;
  /** Why there is no response of the service; `null` where there is one. */
  readonly cause: string | null;
}

/** Who hears of the exchanges of one service. */
export interface HttpReport {
  /** The service could not be reached, or did what it may not. */
  failed(reason: string): void;
  /** What became of a request, once for each. */
  answered(request: RequestLine, result: RequestResult & { readonly startedMs: number }): void;
  /** One exchange is over. `isOk`: the service did not fail. */
  over(ended: { readonly isOk: boolean; readonly startedMs: number }): void;
}

type Phase = "head" | "body" | "upgraded" | "over";

/** Leads an exchange; gives who uses the stream. */
export function forwardHttp(stream: Stream, options: HttpForwardOptions): StreamConsumer {
  return new HttpForward(stream, options);
}

class HttpForward implements StreamConsumer, LocalUser {
  readonly #stream: Stream;
  readonly #options: HttpForwardOptions;
  readonly #requests = new RequestReader(FORWARDED_LIMITS);
  readonly #responses = new ResponseReader();
  #request: RequestLine | null = null;
  #requestBody: BodyDecoder | null = null;
  #hasBody = false;
  #requestHead: Uint8Array = NOTHING;
  /** What came before there was a connection. */
  #held: Uint8Array[] = [];
  #lent: LocalConnection | null = null;
  /** Whether a byte of the request may have reached a service. */
  #hasStarted = false;
  #writer: SocketWriter | null = null;
  #phase: Phase = "head";
  #hasResponse = false;
  /** Whether the service keeps the connection after it. */
  #mayStay = false;
  #responseBody: BodyDecoder | null = null;
  #isUntilClose = false;
  /** Whether a byte of the response came on this connection. */
  #hasHeard = false;
  #hasStreamEnded = false;
  #hasSocketEnded = false;
  readonly #startedMs: number;
  #isOk = true;
  /** Whether it was told what became of the request. */
  #isTold = false;

  constructor(stream: Stream, options: HttpForwardOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#startedMs = options.clock.now();
  }

  data(bytes: Uint8Array): void {
    if (this.#request === null) return this.#readRequest(bytes);
    if (this.#writer === null) this.#held.push(keptOf(bytes));
    else this.#send(bytes, this.#writer);
  }

  end(): void {
    this.#hasStreamEnded = true;
    if (this.#request === null) return this.#refuse("The request broke off");
    if (this.#phase === "upgraded") this.#writer?.end();
  }

  drained(): void {
    this.#lent?.link.resume();
  }

  closed(reset: StreamReset | null): void {
    // What an upgraded connection was sent last may still be on its way; it ends by itself.
    const isOpen = reset === null && this.#phase === "upgraded";
    if (!isOpen) this.#phase = "over";
    for (const { length } of this.#held) this.#stream.consumed(length);
    this.#held = [];
    if (reset !== null) {
      this.#tell({ status: null, cause: brokenOff(reset) });
      this.#release(false);
    }
    this.#options.report.over({ isOk: this.#isOk, startedMs: this.#startedMs });
  }

  #readRequest(bytes: Uint8Array): void {
    const result = this.#requests.feed(bytes);
    this.#requestHead = this.#requestHead.length === 0 ? bytes : concat([this.#requestHead, bytes]);
    if (result.kind === "incomplete") return;
    if (result.kind === "refused") return this.#refuse(result.reason);
    const { head, rest } = result;
    const framing = requestFraming(head);
    if (isRefusal(framing)) return this.#refuse(framing.reason);
    this.#keepHead(this.#requestHead.length - rest.length);
    this.#request = { method: head.method, target: head.target };
    this.#requestBody = createBodyDecoder(framing);
    this.#hasBody = !this.#requestBody.isOver;
    if (rest.length > 0) this.#held.push(keptOf(rest));
    const idle = this.#options.pool.lendIdle();
    if (idle === undefined) void this.#connect(false);
    else this.#use(idle);
  }

  /** Keeps the head as it is sent, which may be needed again, in memory that it shares with other heads at most. */
  #keepHead(bytes: number): void {
    this.#stream.consumed(bytes);
    const { hostHeader } = this.#options;
    const sent = viewOf(this.#requestHead, 0, bytes);
    const head = hostHeader === null ? sent : withHost(sent, hostHeader);
    this.#requestHead = heads.take(head.length);
    this.#requestHead.set(head);
  }

  async #connect(fresh: boolean): Promise<void> {
    const { pool } = this.#options;
    const lent = await pool.lend({ fresh });
    if (this.#phase === "over") {
      if (lent instanceof LocalConnection) pool.giveBack(lent, true);
    } else if (lent instanceof LocalConnection) this.#use(lent);
    else {
      const isLate = lent.kind === "late";
      this.#failed(isLate ? "it did not answer in time" : lent.detail, isLate ? 504 : 502);
      this.#reset(
        isLate ? StreamCode.localTimeout : StreamCode.localRefused,
        "The service cannot be reached",
      );
    }
  }

  #use(lent: LocalConnection): void {
    const { link, writer } = lent;
    this.#lent = lent;
    this.#hasStarted = true;
    this.#writer = writer;
    lent.user = this;
    writer.write(this.#requestHead);
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) this.#send(bytes, writer);
    link.resume();
    // It may have ended before anybody had it.
    if (lent.hasEnded) this.ended();
    else if (link.socket.destroyed) this.gone();
  }

  /** Passes on what belongs to the request. */
  #send(bytes: Uint8Array, writer: SocketWriter): void {
    let used = bytes;
    if (this.#phase !== "upgraded" && this.#requestBody !== null) {
      const piece = this.#requestBody.isOver ? OVER : this.#requestBody.feed(bytes);
      if (isRefusal(piece)) return this.#refuse(piece.reason);
      used = viewOf(bytes, 0, piece.usedBytes);
      if (used.length < bytes.length) return this.#refuse("There was more than the request");
    }
    this.#options.meter.bytesWritten += used.length;
    writer.write(used);
    writer.credit(this.#stream, bytes.length);
  }

  heard(chunk: Uint8Array): void {
    this.#hasHeard = true;
    this.#options.meter.bytesRead += chunk.length;
    // Fields of a head are read from its bytes only when they are asked for.
    if (this.#phase !== "head") track(chunk);
    if (this.#phase === "upgraded") return this.#passOn(chunk);
    let at = 0;
    while (at < chunk.length) {
      const rest = at === 0 ? chunk : viewOf(chunk, at, chunk.length);
      const used = !this.#hasResponse ? this.#readHead(rest) : this.#readBody(rest);
      if (used === null) return;
      at += used;
      if (this.#isPhase("upgraded")) break;
      if (this.#isPhase("over")) {
        // The response ended in this chunk; what stands behind it makes the connection useless.
        const isClean = at === chunk.length;
        this.#passOn(isClean ? chunk : viewOf(chunk, 0, at));
        return this.#complete(isClean);
      }
    }
    this.#passOn(chunk);
  }

  #isPhase(phase: Phase): boolean {
    return this.#phase === phase;
  }

  /** How many of the bytes it took; `null` when nothing is to be read any more. */
  #readHead(bytes: Uint8Array): number | null {
    const result = this.#responses.feed(bytes);
    if (result.kind === "incomplete") return bytes.length;
    if (result.kind === "refused") return this.#break(result.reason);
    const { head } = result;
    const used = bytes.length - result.rest.length;
    const method = this.#request?.method ?? "GET";
    if (head.status === 101) {
      this.#phase = "upgraded";
      this.#tell({ status: head.status, cause: null });
      if (this.#hasStreamEnded) this.#writer?.end();
      return used;
    }
    if (head.status < 200) return used;
    const framing = responseFraming(head, method);
    if (isRefusal(framing)) return this.#break(framing.reason);
    this.#hasResponse = true;
    this.#mayStay = wantsToStay(head);
    this.#tell({ status: head.status, cause: null });
    this.#isUntilClose = framing.kind === "until_close";
    this.#responseBody = createBodyDecoder(framing);
    this.#phase = this.#responseBody.isOver ? "over" : "body";
    return used;
  }

  #readBody(bytes: Uint8Array): number | null {
    const piece = this.#responseBody?.feed(bytes);
    if (piece === undefined || isRefusal(piece)) return this.#break(piece?.reason ?? "");
    if (piece.isOver) this.#phase = "over";
    return piece.usedBytes;
  }

  #passOn(bytes: Uint8Array): void {
    if (!this.#stream.write(bytes)) this.#lent?.link.pause();
  }

  ended(): void {
    this.#hasSocketEnded = true;
    if (this.#phase === "upgraded") return this.#stream.end();
    if (this.#phase === "body" && this.#isUntilClose) return this.#complete(false);
    this.#broke("it ended in the middle");
  }

  gone(): void {
    const isOver = this.#phase === "upgraded" && this.#hasSocketEnded && this.#hasStreamEnded;
    if (isOver) this.#release(false);
    else if (this.#phase !== "over") this.#broke("it reset the connection");
    else this.#release(false);
  }

  /** The connection is gone before it should. One that was idle may have been closed as we began to use it. */
  #broke(reason: string): void {
    if (this.#phase === "over") return;
    // Of a request only the head is kept, so that one with a body cannot be sent again.
    if (this.#lent?.isUsed === true && !this.#hasHeard && !this.#hasBody && isSafe(this.#request)) {
      this.#release(false);
      void this.#connect(true);
      return;
    }
    this.#failed(reason);
    this.#reset(StreamCode.localReset, "The service ended in the middle");
  }

  #break(reason: string): null {
    this.#failed(`it does not speak as HTTP has it: ${reason}`);
    this.#reset(StreamCode.localBroken, "The service does not speak as HTTP has it");
    return null;
  }

  #refuse(reason: string): void {
    this.#reset(StreamCode.internal, reason);
  }

  #reset(code: StreamCode, reason: string): void {
    this.#stream.reset(code, reason, { notStarted: !this.#hasStarted });
  }

  /** The response is complete. */
  #complete(isClean: boolean): void {
    this.#phase = "over";
    const isGood = isClean && !this.#isUntilClose && this.#requestBody?.isOver === true && this.#mayStay;
    this.#release(isGood);
    this.#stream.end();
  }

  #release(isGood: boolean): void {
    const lent = this.#lent;
    this.#lent = null;
    this.#writer = null;
    if (lent === null) return;
    this.#options.pool.giveBack(lent, isGood);
  }

  #tell(result: RequestResult): void {
    if (this.#request === null || this.#isTold) return;
    this.#isTold = true;
    this.#options.report.answered(this.#request, { ...result, startedMs: this.#startedMs });
  }

  /** `status` is what the hub answers in the place of the service. */
  #failed(reason: string, status = 502): void {
    this.#isOk = false;
    this.#options.report.failed(reason);
    this.#tell({ status, cause: reason });
  }
}

const NOTHING = new Uint8Array(0);
const heads = new Slab();
const OVER = { parts: [], usedBytes: 0, isOver: true } as const;
/** What may be sent twice (RFC 9110, section 9.2.2). */
const SAFE_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"];

function brokenOff({ origin, reason }: StreamReset): string {
  if (origin !== "link" && reason !== "") return reason;
  return `The connection to the hub ended${reason === "" ? "" : ` (${reason})`}`;
}

function isSafe(request: RequestLine | null): boolean {
  return request !== null && SAFE_METHODS.includes(request.method);
}
