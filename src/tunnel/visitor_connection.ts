/**
 * One connection of a visitor over HTTP: requests one after the other, each to the tunnel that its host names, answered
 * in their order. What cannot be passed on for certain is refused; what the hub itself answers is a small page. A
 * visitor that leaves ends what it asked for at once.
 */
import { concat } from "../core/concat.ts";
import { StreamCode } from "../core/stream_codes.ts";
import { track } from "../link/read_memory.ts";
import { type Credited, SocketWriter } from "../link/socket_writer.ts";
import { ignoreSocketError } from "../link/socket_transport.ts";
import { requestFraming } from "../wire/http_body.ts";
import { encodeHttpErrorTo } from "../wire/http_error.ts";
import { type HttpRefusal, type HttpRequestHead, isRefusal, RequestReader } from "../wire/http_head.ts";
import { forwardRequest, requestIdOf, VisitorLines, wantsToStay } from "../wire/http_rewrite.ts";
import { type HttpTarget, TargetReader } from "../wire/http_target.ts";
import {
  type CurrentRequest,
  currentRequest,
  owesUpload,
  recordOf,
  recordOfRefused,
} from "./exchange_record.ts";
import { answerOf, type ExchangeOwner, HttpExchange, type HubAnswer } from "./http_exchange.ts";
import { encodeRefusal, LATE } from "./hub_refusal.ts";
import { ReadGate } from "./read_gate.ts";
import type { VisitorEnd } from "./visitor_ends.ts";
import { VisitorOpens } from "./visitor_opens.ts";
import type { VisitorPorts, VisitorSettings, VisitorSocket } from "./visitor_ports.ts";
import { VisitorTimes } from "./visitor_times.ts";

/** `delivery`: the answer is complete, and the socket did not take all of it. */
type Phase = "head" | "exchange" | "delivery" | "closing";

/** What is read ahead of the next request. */
const MAX_AHEAD_BYTES = 64 * 1024;
const NOTHING = new Uint8Array(0);

/** The connection. */
export class VisitorConnection implements ExchangeOwner, Credited {
  readonly #socket: VisitorSocket;
  readonly #settings: VisitorSettings;
  readonly #ports: VisitorPorts;
  readonly #gate: ReadGate;
  readonly #writer: SocketWriter;
  readonly #times: VisitorTimes;
  readonly #reader = new RequestReader();
  readonly #targets = new TargetReader();
  readonly #visitor: VisitorLines;
  readonly #isTrusted: boolean;
  readonly #opens: VisitorOpens;
  #phase: Phase = "head";
  #current: CurrentRequest | null = null;
  /** What came and was not read yet. */
  #ahead: Uint8Array = NOTHING;
  #isFirst = true;
  /** Whether the connection goes on after the answer. */
  #isKept = false;

  constructor(
    socket: VisitorSocket,
    { settings, ports }: { settings: VisitorSettings; ports: VisitorPorts },
  ) {
    this.#socket = socket;
    this.#settings = settings;
    this.#ports = ports;
    const { ip } = socket.peer;
    this.#isTrusted = settings.isTrusted(ip);
    this.#visitor = new VisitorLines({ ip, protocol: settings.protocol, isTrusted: this.#isTrusted });
    this.#opens = new VisitorOpens(socket);
    this.#times = new VisitorTimes(settings, ports.clock);
    this.#gate = new ReadGate(socket.link);
    this.#writer = new SocketWriter(socket.link.socket, ports.flusher);
  }

  /** Reads from now on. */
  start(): void {
    const { socket } = this.#socket.link;
    socket.on("error", ignoreSocketError);
    socket.on("data", (chunk: Uint8Array) => this.#read(chunk));
    socket.on("end", () => this.#ended());
    socket.on("close", () => this.#gone());
    if (socket.destroyed) return this.#gone();
    this.#socket.link.resume();
  }

  /** Ends it if no request is under way; else after the response. */
  drain(): void {
    if (this.#phase === "head" && !this.#reader.isInside) this.#end();
  }

  destroy(): void {
    this.#socket.link.reset();
  }

  /** Looks whether something took too long. */
  check(nowMs: number): void {
    const exchange = this.#phase === "exchange" ? this.#current?.exchange ?? null : null;
    const exchanged = exchange?.hasBegun === true ? exchange.bytesIn + exchange.bytesOut : null;
    const { waitingBytes: heldBytes, takenBytes: taken } = this.#writer;
    const overdue = this.#times.overdue(nowMs, { heldBytes, taken, exchanged });
    if (overdue === "due") return this.#due();
    if (overdue === null) return;
    this.#ports.endedSlow(overdue);
    if (exchange === null) return this.destroy();
    exchange.abort("The visitor is too slow");
    this.broken();
  }

  /** The socket took all of an answer, or is gone. */
  consumed(): void {
    // Of a socket that is gone `#gone` tells.
    if (this.#socket.link.socket.destroyed) return;
    this.#record();
    if (this.#isKept) return this.#next();
    this.#phase = "closing";
    this.#times.lingers();
  }

  #due(): void {
    if (this.#phase === "exchange") return this.#late();
    if (this.#phase === "closing") return void this.#socket.link.socket.destroy();
    this.#tooSlow(this.#isFirst || this.#reader.isInside ? "header_timeout" : "idle_timeout");
  }

  /** Ends a visitor that did not send in time what it had to send; who began is told. */
  #tooSlow(reason: VisitorEnd): void {
    this.#ports.endedSlow(reason);
    if (this.#current === null && !this.#reader.isInside) this.#deliver(false);
    else this.#refuse(LATE);
  }

  begins(): boolean {
    const current = this.#current;
    if (current === null) return false;
    this.#begun(current);
    return wantsToStay(current.request) && !this.#ports.isDraining();
  }

  uploadDrained(): void {
    // From now on it is the visitor's turn again.
    if (this.#phase === "exchange" && this.#current?.exchange?.hasBegun !== true) this.#times.waits();
    this.#gate.resume();
  }

  upgraded(): void {
    const current = this.#current;
    if (current === null) return;
    this.#begun(current);
    const ahead = this.#ahead;
    this.#ahead = NOTHING;
    if (ahead.length > 0 && current.exchange?.send(ahead) === false) this.#gate.pause();
    else this.#gate.resume();
  }

  over(isKept: boolean): void {
    this.#deliver(isKept);
  }

  failed(answer: HubAnswer): void {
    const current = this.#current;
    if (current !== null) this.#answer(current, answer);
  }

  broken(): void {
    this.#record();
    this.destroy();
  }

  #read(chunk: Uint8Array): void {
    track(chunk);
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#phase === "closing") return;
      if (this.#phase === "delivery") return void (this.#isKept && this.#keepAhead(rest));
      const next = this.#phase === "head" ? this.#readHead(rest) : this.#readBody(rest);
      if (next === null) return;
      rest = next;
    }
  }

  /** What is left; `null` when nothing is. */
  #readHead(bytes: Uint8Array): Uint8Array | null {
    const wasInside = this.#reader.isInside;
    const result = this.#reader.feed(bytes);
    if (result.kind === "refused") return this.#refuse(result);
    if (result.kind === "head") {
      this.#begin(result.head);
      return result.rest;
    }
    if (!wasInside && !this.#isFirst) this.#times.headBegan();
    return null;
  }

  #readBody(bytes: Uint8Array): Uint8Array | null {
    const current = this.#current;
    if (current === null) return null;
    if (current.exchange?.isUpgraded === true) {
      if (!current.exchange.send(bytes)) this.#gate.pause();
      return null;
    }
    if (current.isUploaded) return this.#keepAhead(bytes);
    const piece = current.decoder.feed(bytes);
    if (isRefusal(piece)) return this.#refuse(piece);
    for (const { length } of piece.parts) current.bodyBytes += length;
    if (this.#isTooLarge(current.bodyBytes)) return this.#tooLarge(current);
    this.#times.bodyCame(piece.usedBytes);
    if (current.exchange?.upload(piece.parts) === false) this.#gate.pause();
    if (piece.isOver) this.#uploaded(current);
    return bytes.subarray(piece.usedBytes);
  }

  /** The next request waits for the response to this one; so much of it is read that a visitor's end is seen. */
  #keepAhead(bytes: Uint8Array): null {
    this.#ahead = concat([this.#ahead, bytes]);
    if (this.#ahead.length >= MAX_AHEAD_BYTES) this.#gate.pause();
    return null;
  }

  #begin(request: HttpRequestHead): void {
    const { clock, wallClock } = this.#ports;
    const framing = requestFraming(request);
    if (isRefusal(framing)) return void this.#refuse(framing, request);
    const target = this.#targets.read(request);
    if (isRefusal(target)) return void this.#refuse(target, request);
    const requestId = requestIdOf(request.fields, this.#isTrusted) ?? crypto.randomUUID();
    this.#phase = "exchange";
    this.#times.waits();
    const [startedMs, atMs] = [clock.now(), wallClock.now()];
    this.#current = currentRequest(request, { requestId, framing, host: target.authority, startedMs, atMs });
    this.#pass(this.#current, target);
  }

  #pass(current: CurrentRequest, target: HttpTarget): void {
    const { request, framing, requestId } = current;
    if (framing.kind === "length" && this.#isTooLarge(framing.bytes)) return void this.#tooLarge(current);
    const forwarded = forwardRequest(request, { target, framing, visitor: this.#visitor, requestId });
    if (isRefusal(forwarded)) return void this.#refuse(forwarded, request);
    request.fields.keep();
    const route = this.#ports.route(target.host);
    if (route.kind === "answer") return this.#answer(current, route.answer);
    const { tunnel, link } = route;
    const { method, minor } = request;
    const exchange = new HttpExchange({ method, minor, framing, upgrade: forwarded.upgrade }, {
      writer: this.#writer,
      owner: this,
    });
    const stream = link.open(this.#opens.to(tunnel.id), exchange);
    if (typeof stream === "string") {
      tunnel.stats.refused++;
      return this.#answer(
        current,
        answerOf({ code: stream === "too_many" ? OVER_LIMIT : DRAINING, origin: "peer" }),
      );
    }
    current.tunnel = tunnel;
    current.exchange = exchange;
    tunnel.stats.active++;
    tunnel.stats.total++;
    exchange.begin(stream, forwarded.head);
    if (current.decoder.isOver) this.#uploaded(current);
  }

  #uploaded(current: CurrentRequest): void {
    current.isUploaded = true;
    if (current.exchange?.hasBegun !== true) this.#times.waits();
    current.exchange?.uploaded(current.decoder.trailers);
  }

  #begun(current: CurrentRequest): void {
    current.waitedMs ??= this.#ports.clock.now() - current.startedMs;
    this.#times.goesOn();
  }

  #late(): void {
    const current = this.#current;
    const exchange = current?.exchange ?? null;
    if (current === null || exchange === null || exchange.hasBegun) return;
    if (owesUpload(current) && !this.#gate.isPaused) return this.#tooSlow("body_timeout");
    exchange.abort("No response came in time");
    this.#answer(current, { status: 504, message: "The service does not answer in time" });
  }

  #isTooLarge(bytes: number): boolean {
    const { maxBodyBytes } = this.#settings;
    return maxBodyBytes > 0 && bytes > maxBodyBytes;
  }

  #tooLarge(current: CurrentRequest): null {
    if (current.exchange?.hasBegun === true) {
      current.exchange.abort("The body is too large");
      this.broken();
    } else {
      current.exchange?.abort("The body is too large");
      this.#answer(current, { status: 413, message: "The body of the request is too large" });
    }
    return null;
  }

  /** The hub's own answer to a request that was understood. */
  #answer(current: CurrentRequest, { status, message, retryAfterMs = RETRY_AFTER_MS }: HubAnswer): void {
    const { request, requestId, framing } = current;
    const isRetried = status === 429 || status === 503;
    // What is left of an upload would be taken for the next request.
    const isKept = (current.isUploaded || framing.kind === "none") && wantsToStay(request) &&
      request.minor === 1 &&
      !this.#ports.isDraining();
    const retryAfterSeconds = isRetried ? Math.ceil(retryAfterMs / 1000) : null;
    this.#writer.write(encodeHttpErrorTo(request, { status, message, requestId, isKept, retryAfterSeconds }));
    current.ownStatus = status;
    this.#deliver(isKept);
  }

  /** What came is no request that could be passed on; nothing after it is read. */
  #refuse(refusal: HttpRefusal, request: HttpRequestHead | null = null): null {
    const current = this.#current;
    if (current?.exchange?.hasBegun === true) {
      current.exchange.abort("The request broke off");
      this.broken();
      return null;
    }
    current?.exchange?.abort("The request broke off");
    const requestId = current?.requestId ?? crypto.randomUUID();
    const { status } = refusal;
    this.#writer.write(encodeRefusal(refusal, { requestId, request: request ?? current?.request ?? null }));
    if (current !== null) current.ownStatus = status;
    else {
      const atMs = this.#ports.wallClock.now();
      this.#ports.record(recordOfRefused(request, { ip: this.#socket.peer.ip, status, requestId, atMs }));
    }
    this.#end();
    return null;
  }

  /** The visitor sends nothing more. */
  #ended(): void {
    const current = this.#current;
    if (current?.exchange?.isUpgraded === true) return current.exchange.sent();
    if (this.#phase === "closing") return;
    if (this.#phase === "delivery") this.#isKept = false;
    if (this.#phase === "delivery" || current === null) return this.#writer.end();
    current.exchange?.abort("The visitor left");
    this.#record();
    this.#socket.link.socket.destroy();
  }

  #gone(): void {
    const current = this.#current;
    if (current?.exchange?.isUpgraded === true) current.exchange.isWhole = true;
    current?.exchange?.abort("The visitor left");
    this.#record();
    this.#ports.closed();
  }

  /** Says goodbye; what still comes is thrown away for a moment, so that the last words can be read. */
  #end(): void {
    this.#deliver(false);
  }

  /** All that is to be said now was written. */
  #deliver(isKept: boolean): void {
    this.#phase = "delivery";
    this.#isKept = isKept;
    this.#times.goesOn();
    this.#writer.credit(this, 1);
    if (isKept) return;
    this.#ahead = NOTHING;
    this.#writer.end();
    this.#gate.resume();
  }

  /** The visitor has its answer, and may ask for more. */
  #next(): void {
    const ahead = this.#ahead;
    this.#ahead = NOTHING;
    this.#phase = "head";
    if (ahead.length === 0 && this.#ports.isDraining()) return this.#end();
    this.#isFirst = false;
    this.#times.rests();
    this.#gate.resume();
    if (ahead.length > 0) this.#read(ahead);
  }

  #record(): void {
    const current = this.#current;
    if (current === null) return;
    this.#current = null;
    const { exchange, tunnel } = current;
    if (tunnel !== null) {
      tunnel.stats.active--;
      tunnel.stats.bytesRead += exchange?.bytesIn ?? 0;
      tunnel.stats.bytesWritten += exchange?.bytesOut ?? 0;
    }
    const isCut = this.#socket.link.socket.destroyed && this.#phase === "delivery";
    const durationMs = this.#ports.clock.now() - current.startedMs;
    this.#ports.record(recordOf(current, { ip: this.#socket.peer.ip, durationMs, isCut }));
  }
}

const RETRY_AFTER_MS = 1000;
const [OVER_LIMIT, DRAINING] = [StreamCode.overLimit, StreamCode.draining];
