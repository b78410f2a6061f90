/**
 * The streams of one connection, for either end. Handlers of frames give what is to be done with the connection (a
 * fault ends it, `null` is well); what is to be written waits in the streams and goes out through the outbox alone.
 * No stream waits for another: each holds no more than its window, all together no more than the connection's cap,
 * and a stream that cannot be taken is refused, never waited for.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { Clock } from "../core/ports.ts";
import { StreamCode } from "../core/stream_codes.ts";
import type { Encoded } from "../core/transport.ts";
import { TokenBucket } from "../limits/token_bucket.ts";
import { DataHeaders } from "../wire/data_headers.ts";
import { type CloseStreamFrame, encodeFrame, type OpenStreamFrame, type OtherFrame } from "../wire/frame.ts";
import { type FrameFault, protocolFault } from "../wire/frame_header.ts";
import type { GoAway, OpenStream, SharedOpen } from "../wire/frame_payloads.ts";
import { FlowControl, WindowBudget } from "./flow_control.ts";
import { LinkPacer } from "./link_pacer.ts";
import { MemberSet } from "./member_set.ts";
import type { MuxLimits, StreamPayer } from "./mux_limits.ts";
import { OpenWriter } from "./open_refs.ts";
import type { Outbox } from "./outbox.ts";
import { Stream, type StreamConsumer, type StreamHost, type StreamReset } from "./stream.ts";
import { StreamControl } from "./stream_control.ts";
import { type LinkRole, StreamIds } from "./stream_ids.ts";
import { StreamQueue } from "./stream_queue.ts";
import type { StreamStats } from "./stream_stats.ts";
import { StreamTable } from "./stream_table.ts";

/** Why a stream of the peer is not taken. */
export interface StreamRefusal {
  /** See {@link StreamCode}. */
  readonly code: number;
  readonly reason: string;
}

/** Who has a mux. */
export interface StreamMuxOwner {
  /** The peer opens a stream: who uses it, or why not. Must not wait. */
  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal;
  /** The peer takes no new streams. */
  goingAway(goAway: GoAway): void;
}

/** What a mux is made of. */
export interface StreamMuxOptions {
  readonly role: LinkRole;
  readonly outbox: Pick<Outbox, "push" | "pushPong" | "attachStreams" | "wake" | "isBacklogged">;
  readonly owner: StreamMuxOwner;
  readonly limits: MuxLimits;
  readonly clock: Clock;
  /** For what need not be exact. @default `clock` */
  readonly turnClock?: Clock;
  readonly stats: StreamStats;
}

/** Why a stream is not opened. */
export type OpenRefusal = "going_away" | "no_ids" | "too_many" | "closed";

/** Streams that a hub lets a spoke open and that are reset, a second. */
export const MAX_RESETS_PER_SECOND = 200;
const TOO_MANY_RESETS: FrameFault = {
  closeCode: CloseCode.policy,
  message: `More than ${MAX_RESETS_PER_SECOND} streams a second were opened and reset`,
};
/** Resets that wait for a peer who does not read. */
const MAX_WAITING_RESETS = 4096;

/** The streams of one connection. */
export class StreamMux implements StreamHost {
  readonly queue: StreamQueue;
  readonly headers = new DataHeaders();
  readonly opens = new OpenWriter();
  /** Set before there is a stream; `null`: nobody pays. */
  payer: StreamPayer | null = null;
  readonly #pacer: LinkPacer;
  readonly #outbox: StreamMuxOptions["outbox"];
  readonly #owner: StreamMuxOwner;
  readonly #limits: MuxLimits;
  readonly #budget: WindowBudget;
  readonly #stats: StreamStats;
  readonly #ids: StreamIds;
  readonly #resets: TokenBucket | null;
  readonly #control = new StreamControl();
  readonly #streams = new StreamTable<Stream>();
  /** Streams of ours whose OpenStream was not written yet. */
  readonly #unopened = new MemberSet<Stream>();
  /** Whether this side reset more streams of the peer than those may be that it opens; of no weight once it has tokens. */
  #isOverdrawn = false;
  #peerStreams = 0;
  #maxOwnStreams = Infinity;
  #isPeerGoing = false;
  #isGoing = false;
  #isClosed = false;

  constructor({ role, outbox, owner, limits, clock, turnClock = clock, stats }: StreamMuxOptions) {
    this.#outbox = outbox;
    this.#owner = owner;
    this.#limits = limits;
    this.#stats = stats;
    this.#budget = new WindowBudget(limits.windows);
    this.#pacer = new LinkPacer({ clock, turnClock }, stats);
    this.#ids = new StreamIds(role);
    this.#resets = role === "hub" ? new TokenBucket(MAX_RESETS_PER_SECOND, clock.now()) : null;
    this.queue = new StreamQueue({
      pacer: this.#pacer,
      control: this.#control,
      wake: () => this.#outbox.wake(),
    });
    outbox.attachStreams(this.queue);
  }

  /** How many streams there are. */
  get size(): number {
    return this.#streams.size + this.#unopened.size;
  }

  /** Streams of ours that wait to be opened. */
  get unopened(): number {
    return this.#unopened.size;
  }

  /** The heartbeats of this connection, and what they measured. */
  get measured(): LinkPacer {
    return this.#pacer;
  }

  /** Whether the peer owes an answer to a heartbeat for long. */
  get isStalled(): boolean {
    return this.#pacer.isStalled;
  }

  get isBacklogged(): boolean {
    return this.#outbox.isBacklogged || this.#pacer.isFull;
  }

  /** Bytes that came and were not passed on, of all streams. */
  get unreadBytes(): number {
    return this.#budget.unreadBytes;
  }

  /** Bytes that wait to be written, of all streams. */
  get queuedBytes(): number {
    return this.queue.heldBytes;
  }

  /** The windows of all streams together. */
  get windowBytes(): number {
    return this.#budget.windowBytes;
  }

  /** Opens a stream; it can be written to at once. */
  open(open: OpenStream | SharedOpen, consumer: StreamConsumer): Stream | OpenRefusal {
    if (this.#isClosed) return "closed";
    if (this.#isPeerGoing) return "going_away";
    if (this.#ids.left <= this.#unopened.size) return "no_ids";
    if (this.size - this.#peerStreams >= this.#maxOwnStreams) return "too_many";
    if (this.payer !== null && this.payer.add("streams") !== null) return "too_many";
    const stream = this.#create({ open, id: 0 });
    stream.attach(consumer);
    this.#unopened.add(stream);
    this.#stats.opened++;
    this.#stats.active++;
    this.queue.add(stream);
    return stream;
  }

  /** The peer told how many streams of this side it takes at a time; more are not opened. */
  limitOpen(maxStreams: number): void {
    this.#maxOwnStreams = maxStreams;
  }

  /** Takes no new streams from now on; those that there are go on. */
  goAway(goAway: GoAway): void {
    if (this.#isGoing || this.#isClosed) return;
    this.#isGoing = true;
    this.#outbox.push("control", encodeFrame({ kind: "go_away", goAway }));
  }

  /** Asks the peer for a sign of life; resolves to the milliseconds it took, `null` if none came in time. */
  ping(timeoutMs: number): Promise<number | null> {
    return this.#isClosed ? Promise.resolve(null) : this.#pacer.ping(timeoutMs, this.#push);
  }

  /** Asks the peer for a sign of life. */
  ask(): void {
    if (!this.#isClosed) this.#push(this.#pacer.ask());
  }

  /** Bytes of a stream came. */
  data(streamId: number, bytes: Uint8Array, isEnd: boolean): FrameFault | null {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return this.#judgeUnknown(streamId);
    const result = stream.receive(bytes, isEnd);
    if (result === "over_cap") {
      this.#stats.overCap++;
      (this.#fullest() ?? stream).reset(StreamCode.overLimit, "The connection holds too much");
      // There is room now; where it was this very stream, there is nobody left to take it.
      return stream.isOver ? null : this.data(streamId, bytes, isEnd);
    }
    this.#stats.bytesReceived += bytes.length;
    return result;
  }

  /** A frame came that is not Data. Those that are none of a mux's are not looked at. */
  frame(frame: OtherFrame): FrameFault | null {
    switch (frame.kind) {
      case "open_stream":
        return this.#accept(frame);
      case "close_stream":
        return this.#peerReset(frame);
      case "window_update":
        return this.#granted(frame);
      case "heartbeat":
        return this.#heartbeat(frame);
      case "go_away":
        this.#peerGoes(frame.goAway);
        return null;
      default:
        return null;
    }
  }

  /** The connection is over: so are all streams. Nothing is written any more. */
  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pacer.close();
    const reset: StreamReset = { code: StreamCode.cancelled, reason, notStarted: false, origin: "link" };
    for (const stream of this.#streams.all()) this.#end(stream, reset);
    this.#streams.clear();
    this.#endUnopened({ ...reset, notStarted: true });
    this.queue.clear();
    this.headers.clear();
  }

  nextId(): number {
    return this.#ids.next();
  }

  opened(stream: Stream): void {
    this.#unopened.delete(stream);
    this.#streams.add(stream);
  }

  giveCredit(stream: Stream, bytes: number): void {
    const heartbeat = this.#pacer.askIfStale();
    if (heartbeat !== null) this.#push(heartbeat);
    this.#control.addCredit(stream, bytes);
    this.#outbox.wake();
  }

  ended(stream: Stream): void {
    this.#forget(stream);
  }

  reset(stream: Stream, { code, frame }: { code: number; frame: Encoded | null }): void {
    this.#stats.countReset(code);
    // Resets by this side count too; they are held against the peer only when it goes on opening all the same.
    if (stream.isPeerOpened && !this.#isGoing && !this.#isClosed && this.#countReset() !== null) {
      this.#isOverdrawn = true;
    }
    this.#forget(stream);
    if (frame === null || this.#isClosed) return;
    this.#control.addReset(frame);
    this.#outbox.wake();
  }

  readonly #push = (frame: Encoded): void => {
    this.#outbox.push("control", frame);
  };

  #create({ open, id }: { open: OpenStream | SharedOpen | null; id: number }): Stream {
    const nowMs = this.#pacer.nowMs;
    const flow = new FlowControl(this.#budget, { sendCredit: this.#limits.peerInitialBytes, nowMs });
    return new Stream({ host: this, flow, open, id });
  }

  #accept({ streamId, open, isEnd }: OpenStreamFrame): FrameFault | null {
    switch (this.#ids.accept(streamId)) {
      case "parity":
        return protocolFault(`Stream ${streamId} cannot be opened by this side`);
      case "reused":
        return protocolFault(`Stream ${streamId} cannot be opened: it has been there`);
      case null:
    }
    if (this.#isOverdrawn && this.#resets?.isEmpty(this.#pacer.nowMs) === true) return TOO_MANY_RESETS;
    this.#isOverdrawn = false;
    if (this.#control.resets >= MAX_WAITING_RESETS) {
      return { closeCode: CloseCode.slowConsumer, message: "Too slow to take the resets of streams" };
    }
    if (this.#isGoing) return this.#refuse(streamId, { code: StreamCode.draining, reason: "Going away" });
    if (this.#peerStreams >= this.#limits.maxStreams) {
      return this.#refuse(streamId, { code: StreamCode.overLimit, reason: "Too many streams" });
    }
    if (this.payer !== null && this.payer.add("streams") !== null) {
      return this.#refuse(streamId, {
        code: StreamCode.overLimit,
        reason: "Too many streams of the account",
      });
    }
    const stream = this.#create({ open: null, id: streamId });
    this.#streams.add(stream);
    this.#peerStreams++;
    this.#stats.active++;
    const accepted = this.#owner.accept(stream, open);
    if ("code" in accepted) {
      this.#forget(stream);
      stream.resetBy({ ...accepted, notStarted: true, origin: "local" });
      return this.#refuse(streamId, accepted);
    }
    this.#stats.accepted++;
    stream.attach(accepted);
    if (isEnd && !stream.isOver) stream.peerEnded();
    return null;
  }

  #refuse(streamId: number, { code, reason }: StreamRefusal): FrameFault | null {
    this.#stats.countRefused(code);
    this.#control.addReset(
      encodeFrame({ kind: "close_stream", streamId, code, notStarted: true, reason }),
    );
    this.#outbox.wake();
    // Who could not know yet that this side goes did nothing wrong.
    return this.#isGoing ? null : this.#countReset();
  }

  #peerReset({ streamId, code, notStarted, reason }: CloseStreamFrame): FrameFault | null {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return this.#judgeUnknown(streamId);
    this.#stats.countReset(code);
    this.#forget(stream);
    stream.resetBy({ code, reason, notStarted, origin: "peer" });
    return stream.isPeerOpened ? this.#countReset() : null;
  }

  /** A stream that the peer opened was reset. */
  #countReset(): FrameFault | null {
    return this.#resets === null || this.#resets.take(this.#pacer.nowMs) === 0 ? null : TOO_MANY_RESETS;
  }

  #granted({ streamId, credit }: { streamId: number; credit: number }): FrameFault | null {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return this.#judgeUnknown(streamId);
    return stream.granted(credit) ? null : protocolFault(`Stream ${streamId} got more credit than there is`);
  }

  #heartbeat({ opaque, isAck }: { opaque: Uint8Array; isAck: boolean }): FrameFault | null {
    if (!isAck) {
      // Whoever sends the next one has this one's answer too: only the newest waits.
      this.#outbox.pushPong(encodeFrame({ kind: "heartbeat", opaque, isAck: true }));
      return null;
    }
    if (!this.#pacer.acknowledged(opaque, this.#push)) {
      return protocolFault("A heartbeat came back that never went");
    }
    this.#outbox.wake();
    return null;
  }

  #peerGoes(goAway: GoAway): void {
    this.#isPeerGoing = true;
    this.#endUnopened({ code: StreamCode.draining, reason: goAway.reason, notStarted: true, origin: "peer" });
    this.#owner.goingAway(goAway);
  }

  #judgeUnknown(streamId: number): FrameFault | null {
    if (this.#ids.stateOf(streamId) === "gone") return null;
    return protocolFault(`Stream ${streamId} was never opened`);
  }

  /** The stream that holds the most unread. */
  #fullest(): Stream | null {
    let fullest: Stream | null = null;
    for (const stream of this.#streams.all()) {
      if (stream.heldBytes > (fullest?.heldBytes ?? 0)) fullest = stream;
    }
    return fullest;
  }

  #forget(stream: Stream): void {
    if (!this.#unopened.delete(stream)) {
      if (!this.#streams.delete(stream.id)) return;
      if (stream.isPeerOpened) this.#peerStreams--;
    }
    this.#stats.active--;
    this.payer?.remove("streams");
  }

  #endUnopened(reset: StreamReset): void {
    for (const stream of this.#unopened.all()) this.#end(stream, reset);
  }

  #end(stream: Stream, reset: StreamReset): void {
    // The end of one may have ended another.
    if (stream.isOver) return;
    this.#stats.countReset(reset.code);
    this.#forget(stream);
    stream.resetBy(reset);
  }
}
