/** Two muxes on a pipe in memory that cuts the bytes anywhere, with turns that end when told to. */
import assert from "node:assert/strict";
import { Flusher } from "../../src/link/flusher.ts";
import { Outbox, type OutboxSink } from "../../src/link/outbox.ts";
import { OutboxLedger } from "../../src/link/outbox_ledger.ts";
import { Stream, type StreamConsumer, type StreamReset } from "../../src/link/stream.ts";
import type { LinkRole } from "../../src/link/stream_ids.ts";
import type { MuxLimits } from "../../src/link/mux_limits.ts";
import { StreamMux, type StreamRefusal } from "../../src/link/stream_mux.ts";
import { StreamStats } from "../../src/link/stream_stats.ts";
import { encodeFrame, type Frame, type OtherFrame } from "../../src/wire/frame.ts";
import { FrameDecoder, type FrameSink } from "../../src/wire/frame_decoder.ts";
import type { FrameFault } from "../../src/wire/frame_header.ts";
import type { GoAway, OpenStream } from "../../src/wire/frame_payloads.ts";
import { concat } from "../helpers/prefixed.ts";
import { decoderOf } from "../wire/frames.ts";

export const KIB = 1024;
/** What a stream of the tests is opened for. */
export const OPEN = {
  tunnelId: 1,
  src: { ip: "10.0.0.1", port: 1 },
  dst: { ip: "10.0.0.2", port: 2 },
};
export const LIMITS: MuxLimits = {
  maxStreams: 100,
  windows: { initialBytes: 32 * KIB, maxBytes: 256 * KIB, connectionBytes: 1024 * KIB },
  peerInitialBytes: 32 * KIB,
};

/** What a stream was tagged with when it was opened. */
export function tagOf(open: OpenStream): number {
  return "tunnelId" in open ? open.tunnelId : 0;
}

/** A text as bytes. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** So many bytes that tell where they come from. */
export function pattern(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = seed + i * 7 + (i >> 8);
  return bytes;
}

/** Keeps what a stream got; passes it on at once, or when told to. */
export class Reader implements StreamConsumer {
  readonly chunks: Uint8Array[] = [];
  readonly events: string[] = [];
  reset: StreamReset | null = null;
  isOver = false;
  drains = 0;
  /** Whether what comes is passed on at once. */
  isReading = true;
  unread = 0;
  /** Tells which stream it is on both ends. */
  tag = 0;
  stream!: Stream;

  get bytes(): Uint8Array {
    return concat(this.chunks);
  }

  data(bytes: Uint8Array): void {
    assert.ok(!this.isOver, "nothing comes after the end");
    this.chunks.push(bytes);
    this.unread += bytes.length;
    if (this.isReading) this.read();
  }

  /** Passes on what is there. */
  read(): void {
    const { unread } = this;
    this.unread = 0;
    if (unread > 0) this.stream.consumed(unread);
  }

  end(): void {
    this.events.push("end");
  }

  drained(): void {
    this.drains++;
  }

  closed(reset: StreamReset | null): void {
    assert.ok(!this.isOver, "a stream ends once");
    this.isOver = true;
    this.reset = reset;
    this.events.push(reset === null ? "closed" : `reset ${reset.code} by ${reset.origin}`);
  }
}

/** How an end writes, where a test wants to do that itself. */
export interface OwnWrites {
  readonly sink: OutboxSink;
  /** What is to be run at the end of the turn. */
  readonly turns: (() => void)[];
  readonly socketBytes: number;
}

/** One end. */
export class End implements FrameSink {
  readonly mux: StreamMux;
  readonly outbox: Outbox;
  readonly stats = new StreamStats();
  readonly accepted: Reader[] = [];
  readonly goAways: GoAway[] = [];
  /** What came out and was not delivered. */
  pending: Uint8Array[] = [];
  fault: FrameFault | null = null;
  overflows = 0;
  refusal: StreamRefusal | null = null;
  /** Whether accepted streams read at once. */
  isReading = true;
  clock = { ms: 0, now: () => this.clock.ms };
  readonly ledger = new OutboxLedger(1e9, this.clock);
  /** Writes that the socket did not take yet. */
  #taken: (() => void)[] = [];
  readonly #decoder: FrameDecoder;
  readonly #turns: (() => void)[] = [];

  /** `own`: a sink and turns that the test runs itself. */
  constructor(role: LinkRole, limits: Partial<MuxLimits> = {}, own?: OwnWrites) {
    const lane = { maxBytes: 64 * KIB, messageOverheadBytes: 0 };
    this.outbox = new Outbox({
      kind: "frames",
      sink: own?.sink ?? {
        write: (parts, onWritten) => {
          this.pending.push(...parts);
          this.#taken.push(onWritten);
          return false;
        },
      },
      owner: { overflow: () => this.overflows++, evict: () => {}, dropped: () => {} },
      settings: {
        ledger: this.ledger,
        flusher: new Flusher(64 * KIB, (run) => (own?.turns ?? this.#turns).push(run)),
        lanes: { control: lane, request: lane, publish: lane },
        socketBytes: own?.socketBytes ?? 64 * KIB,
      },
    });
    this.mux = new StreamMux({
      role,
      outbox: this.outbox,
      owner: {
        accept: (stream, open) => {
          if (this.refusal !== null) return this.refusal;
          const reader = new Reader();
          reader.stream = stream;
          reader.isReading = this.isReading;
          reader.tag = tagOf(open);
          this.accepted.push(reader);
          return reader;
        },
        goingAway: (goAway) => void this.goAways.push(goAway),
      },
      limits: { ...LIMITS, ...limits },
      clock: this.clock,
      stats: this.stats,
    });
    this.#decoder = new FrameDecoder(64 * KIB, this);
  }

  data(streamId: number, bytes: Uint8Array, isEnd: boolean): FrameFault | null {
    return this.mux.data(streamId, bytes, isEnd);
  }

  frame(frame: OtherFrame): FrameFault | null {
    return this.mux.frame(frame);
  }

  isSpent(): boolean {
    return false;
  }

  /** Opens a stream with a reader on it. */
  open(tag = 1): Reader {
    const reader = new Reader();
    reader.tag = tag;
    const stream = this.mux.open({ ...OPEN, tunnelId: tag }, reader);
    assert.ok(stream instanceof Stream, `opened: ${stream}`);
    reader.stream = stream;
    return reader;
  }

  /** Ends the turn, and lets the socket take what is under way. */
  flush(): void {
    for (const run of this.#turns.splice(0)) run();
    for (const taken of this.#taken.splice(0)) taken();
    for (const run of this.#turns.splice(0)) run();
  }

  get isIdle(): boolean {
    return this.#turns.length === 0 && this.#taken.length === 0 && this.pending.length === 0;
  }

  /** Gets bytes of the other end. */
  receive(bytes: Uint8Array): void {
    if (this.fault !== null) return;
    this.#decoder.feed(bytes);
    this.fault = this.#decoder.fault;
  }

  /** Gets frames that somebody made up. */
  inject(...frames: Frame[]): void {
    for (const frame of frames) this.receive(concat(encodeFrame(frame).parts));
  }

  /** The frames that came out since the last call. */
  frames(): Frame[] {
    const { decoder, sink } = decoderOf(64 * KIB);
    do this.flush(); while (this.#turns.length > 0 || this.#taken.length > 0);
    decoder.feed(concat(this.pending.splice(0)));
    assert.equal(decoder.fault, null);
    return sink.frames;
  }
}

/** Both ends. */
export class MuxPair {
  readonly hub: End;
  readonly spoke: End;

  constructor(limits: { hub?: Partial<MuxLimits>; spoke?: Partial<MuxLimits> } = {}) {
    this.hub = new End("hub", limits.hub);
    this.spoke = new End("spoke", limits.spoke);
  }

  /** Moves the bytes that one end wrote, at most so many, cut into pieces as `cut` says. */
  move(
    from: End,
    { maxBytes = Infinity, cut = () => Infinity }: { maxBytes?: number; cut?: () => number } = {},
  ) {
    const to = from === this.hub ? this.spoke : this.hub;
    const all = concat(from.pending);
    from.pending = all.length > maxBytes ? [all.subarray(maxBytes)] : [];
    const bytes = all.subarray(0, Math.min(all.length, maxBytes));
    for (let at = 0; at < bytes.length;) {
      const length = Math.max(1, cut());
      to.receive(bytes.subarray(at, at + length));
      at += length;
    }
  }

  /** Lets both ends write and read until nothing happens any more. */
  settle(): void {
    for (let round = 0; round < 10_000; round++) {
      for (const end of [this.hub, this.spoke]) {
        end.flush();
        this.move(end);
        end.clock.ms += 0.01;
      }
      if (this.hub.isIdle && this.spoke.isIdle) return;
    }
    throw new Error("Cannot settle: the ends go on talking");
  }
}
