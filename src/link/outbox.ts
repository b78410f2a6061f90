/**
 * What one connection still has to write. Messages wait in lanes, each bounded in bytes; control goes first, the
 * others share what is left. At most `socketBytes` are handed to the socket at a time, so that a control message
 * overtakes bulk that still waits here. What does not fit ends the connection, or is dropped by the policy of its
 * channel, counted, and told to the receiver: an outbox never grows beyond its bounds and never loses a message
 * silently. It does no I/O of its own.
 */
import type { Channel, PushResult, SlowConsumerPolicy } from "../core/delivery.ts";
import type { Encoded, TransportKind } from "../core/transport.ts";
import type { BytePace } from "../limits/byte_pace.ts";
import { detach } from "../wire/slab.ts";
import type { Flusher } from "./flusher.ts";
import type { Lane, LaneSettings, QueueLane } from "./lane.ts";
import { LaneScheduler, type StreamLane } from "./lane_scheduler.ts";
import { passedOn } from "./read_memory.ts";
import type { OutboxLedger } from "./outbox_ledger.ts";

/** Where the bytes go: one thin adapter to a real socket. */
export interface OutboxSink {
  /**
   * Writes all parts in order as one write where possible. Gives whether the socket took them at once; if not,
   * `onWritten` is called once when it did.
   */
  write(parts: readonly Uint8Array[], onWritten: () => void): boolean;
}

/** What all outboxes of a hub share. */
export interface OutboxSettings {
  readonly flusher: Flusher;
  readonly ledger: OutboxLedger;
  readonly lanes: LaneSettings;
  /** How many bytes are handed to the socket at a time; may change. */
  readonly socketBytes: number;
}

/** Whose outbox it is. */
export interface OutboxOwner {
  /** A lane is over its bound: the connection has to end. */
  overflow(): void;
  /** All outboxes together hold too much, and this one the most: end the connection at once. */
  evict(): void;
  /** A policy dropped messages. */
  dropped(policy: SlowConsumerPolicy, messages: number): void;
}

/** What an outbox is made of. */
export interface OutboxOptions {
  /** In which encoding its messages come. */
  readonly kind: TransportKind;
  readonly sink: OutboxSink;
  readonly owner: OutboxOwner;
  readonly settings: OutboxSettings;
}

/** What a receiver lost of a channel. */
interface Gap {
  readonly channel: Channel;
  dropped: number;
}

/** What a gap counts until it is told. */
const GAP_BYTES = 512;
/** Channels that one receiver may have lost something of and not been told; with one more it is too slow for all. */
export const MAX_GAPS = 1024;

/** What is in no hurry takes this share of the publish lane, and no more than so many bytes. */
const [SPARE_SHARE, MAX_SPARE_BYTES] = [4, 256 * 1024];

type Phase = "open" | "finishing" | "closed";
/** Whether it will be flushed: not, at the end of the flusher's window, or at the end of the turn. */
type Due = "no" | "later" | "now";

/** The bounded queue of everything that one connection has to write. */
export class Outbox {
  readonly #kind: TransportKind;
  readonly #sink: OutboxSink;
  readonly #owner: OutboxOwner;
  readonly #settings: OutboxSettings;
  readonly #lanes: LaneScheduler;
  /** Rises with every write that the socket took. */
  progress = 0;
  /** How fast bytes may go; `null`: as fast as the socket takes them. */
  pace: BytePace | null = null;
  /** Runs while the pace lets nothing go. */
  #paceTimer: ReturnType<typeof setTimeout> | undefined;
  #extraBytes = 0;
  #inFlightBytes = 0;
  /** What the ledger was told that this outbox holds. */
  #ledgerBytes = 0;
  #phase: Phase = "open";
  #due: Due = "no";
  #isBacklogged = false;
  #pong: Encoded | null = null;
  #last: Encoded | null = null;
  #onFinished: (() => void) | null = null;
  /** Messages that were dropped and not yet told, by the name of their channel. */
  #gaps: Map<string, Gap> | null = null;
  #onSpare: (() => void) | null = null;

  constructor({ kind, sink, owner, settings }: OutboxOptions) {
    this.#kind = kind;
    this.#sink = sink;
    this.#owner = owner;
    this.#settings = settings;
    this.#lanes = new LaneScheduler(settings.lanes);
    settings.ledger.join(this);
  }

  /** Bytes that wait here or in the socket. */
  get heldBytes(): number {
    return this.#lanes.bytes + this.#extraBytes + this.#inFlightBytes;
  }

  /** Whether something waits for longer than a turn; what comes then will wait too, in memory of its own. */
  get isBacklogged(): boolean {
    return this.#isBacklogged;
  }

  /** Whether the socket has something that it did not take yet. */
  get isBehind(): boolean {
    return this.#inFlightBytes > 0;
  }

  /** Bytes of one lane that were not yet handed to the socket. */
  queuedBytesOf(lane: Lane): number {
    return lane === "data" ? this.#lanes.dataBytes : this.#lanes[lane].bytes;
  }

  /** Fills the data lane from now on. It is asked when there is room, after {@link wake}. */
  attachStreams(streams: StreamLane): void {
    this.#lanes.attach(streams);
  }

  /** The streams have something to write. */
  wake(): void {
    if (this.#phase === "open") this.#changed();
  }

  /** Queues a message of any lane but publishes. `full` means that the owner was told. */
  push(lane: QueueLane, message: Encoded): PushResult {
    if (this.#phase !== "open") return "closed";
    if (!this.#lanes[lane].offer(this.#isBacklogged ? detach(message) : message)) {
      this.#owner.overflow();
      return "full";
    }
    this.#changed();
    return "queued";
  }

  /** Queues a publish, or does what its channel's policy says when the lane is full. */
  publish(message: Encoded, channel: Channel): PushResult {
    if (this.#phase !== "open") return "closed";
    const offered = this.#lanes.publish.offer(message, channel);
    if (offered.kind === "full") {
      this.#owner.overflow();
      return "full";
    }
    if (offered.dropped > 0) this.#dropped(channel, offered.dropped);
    this.#published();
    return offered.kind;
  }

  /** Whether a publish would be queued without anything being dropped for it. */
  hasRoomFor(message: Encoded): boolean {
    return this.#phase === "open" && this.#lanes.publish.fits(message);
  }

  /** Whether so few publishes wait that what is in no hurry may be queued too, and leaves room for others. */
  get hasSpareRoom(): boolean {
    const { maxBytes } = this.#settings.lanes.publish;
    const spareBytes = Math.min(maxBytes / SPARE_SHARE, MAX_SPARE_BYTES);
    return this.#phase === "open" && this.#lanes.publish.bytes <= spareBytes;
  }

  /** Calls back once, the next time that the socket took something and there is spare room; the last call counts. */
  whenSpare(run: () => void): void {
    this.#onSpare = run;
  }

  /** Queues the answer to a ping. Only the newest is kept: a flood of pings costs one pong a flush. */
  pushPong(message: Encoded): void {
    if (this.#phase !== "open") return;
    this.#extraBytes += message.bytes - (this.#pong?.bytes ?? 0);
    this.#pong = message;
    this.#changed();
  }

  /**
   * Takes nothing more, writes what waits and then `last`; calls `onFinished` when the socket took it all.
   * With `purge` everything that waits is dropped first. Returns how many messages were dropped.
   */
  finish(last: Encoded, { purge, onFinished }: { purge: boolean; onFinished: () => void }): number {
    if (this.#phase !== "open") return 0;
    const dropped = purge ? this.#purge() : 0;
    this.#phase = "finishing";
    this.#last = last;
    this.#extraBytes += last.bytes;
    this.#onFinished = onFinished;
    this.#changed();
    return dropped;
  }

  /** Ends the outbox with its socket. Returns how many messages were never handed to the socket. */
  close(): number {
    if (this.#phase === "closed") return 0;
    clearTimeout(this.#paceTimer);
    const dropped = this.#purge();
    this.#phase = "closed";
    this.#onSpare = null;
    this.#last = null;
    this.#onFinished = null;
    this.#extraBytes = 0;
    this.#inFlightBytes = 0;
    this.#tellLedger();
    this.#settings.ledger.leave(this);
    return dropped;
  }

  /** Ends the connection because all outboxes together hold too much, and this one the most. */
  evict(): void {
    this.#owner.evict();
  }

  /** Hands as much to the socket as it may hold. Called by the flusher and when the socket took something. */
  flush(): void {
    this.#due = "no";
    // While the socket takes all of it at once there may be more that has to go.
    while (this.#phase !== "closed" && this.#flushOnce() && this.#hasMore);
  }

  /** Whether something is left that was not handed to the socket. */
  get #hasMore(): boolean {
    return this.heldBytes > this.#inFlightBytes || this.#gaps !== null;
  }

  /** Whether something was handed to the socket, which took it at once. */
  #flushOnce(): boolean {
    const { socketBytes, flusher } = this.#settings;
    const parts: Uint8Array[] = [];
    const room = socketBytes - this.#inFlightBytes;
    const bytes = this.pace?.isActive === true
      ? this.#takePaced(this.pace, parts, room)
      : this.#takeInto(parts, room);
    this.#isBacklogged = this.#inFlightBytes > 0 || this.#lanes.bytes > 0;
    this.#inFlightBytes += bytes;
    if (bytes === 0) {
      this.#tellLedger();
      return false;
    }
    const finished = this.#phase === "finishing" && this.#last === null;
    const reads = this.#lanes.takenReads();
    const isTaken = this.#sink.write(flusher.joiner.join(parts), () => this.#written(bytes, finished, reads));
    if (isTaken) this.#taken(bytes, finished, reads);
    else this.#tellLedger();
    return isTaken;
  }

  #written(bytes: number, finished: boolean, reads: readonly Uint8Array[]): void {
    if (this.#phase === "closed") return;
    this.#taken(bytes, finished, reads);
    if (!finished && this.#due === "no" && this.#hasMore) this.flush();
  }

  #taken(bytes: number, finished: boolean, reads: readonly Uint8Array[]): void {
    for (const read of reads) passedOn(read);
    this.#inFlightBytes -= bytes;
    this.progress++;
    this.#tellLedger();
    if (this.#onSpare !== null && this.hasSpareRoom) this.#tellSpare(this.#onSpare);
    if (finished) this.#onFinished?.();
  }

  #tellSpare(run: () => void): void {
    this.#onSpare = null;
    run();
  }

  /** Takes what may be handed to the socket now: the pong, the lanes, and the last message behind all. */
  #takeInto(parts: Uint8Array[], maxBytes: number): number {
    if (maxBytes <= 0) return 0;
    let bytes = 0;
    if (this.#pong !== null) {
      bytes += this.#takeExtra(this.#pong, parts);
      this.#pong = null;
    }
    if (this.#gaps !== null) {
      bytes += this.#takeGaps(parts, maxBytes - bytes);
      // What is newer than a gap comes behind it.
      if (this.#gaps !== null) return bytes;
    }
    bytes += this.#lanes.takeInto(parts, maxBytes - bytes);
    if (this.#last !== null && bytes < maxBytes && this.#lanes.bytes === 0) {
      bytes += this.#takeExtra(this.#last, parts);
      this.#last = null;
    }
    return bytes;
  }

  /** Signs of life and what control streams need are not held up by what is paid by the byte; nor is a goodbye. */
  #takePaced(pace: BytePace, parts: Uint8Array[], room: number): number {
    const waitMs = this.#phase === "finishing" ? 0 : pace.waitMs();
    if (waitMs === 0) {
      const bytes = this.#takeInto(parts, Math.min(room, pace.pieceBytes));
      pace.spend(bytes);
      return bytes;
    }
    const bytes = room > 0 ? this.#takeUrgent(parts, room) : 0;
    pace.spend(bytes);
    clearTimeout(this.#paceTimer);
    if (this.#hasMore) this.#paceTimer = setTimeout(() => this.flush(), pace.lookAgainMs(waitMs));
    return bytes;
  }

  /** The pong, and the lane of control. */
  #takeUrgent(parts: Uint8Array[], maxBytes: number): number {
    let bytes = 0;
    if (this.#pong !== null) {
      bytes += this.#takeExtra(this.#pong, parts);
      this.#pong = null;
    }
    return bytes + this.#lanes.takeControlInto(parts, maxBytes - bytes);
  }

  #takeExtra(message: Encoded, parts: Uint8Array[]): number {
    for (const part of message.parts) parts.push(part);
    this.#extraBytes -= message.bytes;
    return message.bytes;
  }

  /** The ledger is told at the end of the turn, by the flush. */
  #changed(): void {
    if (this.#due === "now") return;
    this.#due = "now";
    this.#settings.flusher.schedule(this);
  }

  /** A publish may wait for others, until there is enough for a write. */
  #published(): void {
    const { flusher } = this.#settings;
    if (this.#due === "now") return;
    if (flusher.joinWindowMs === 0 || this.#lanes.publish.bytes >= flusher.joiner.joinBytes) this.#changed();
    else if (this.#due === "no") {
      this.#due = "later";
      flusher.scheduleLater(this);
    }
  }

  #tellLedger(): void {
    const held = this.heldBytes;
    const change = held - this.#ledgerBytes;
    this.#ledgerBytes = held;
    if (change > 0) this.#settings.ledger.take(change);
    else if (change < 0) this.#settings.ledger.release(-change);
  }

  #dropped(channel: Channel, messages: number): void {
    this.#owner.dropped(channel.slowConsumer, messages);
    if (channel.gapNotice === null) return;
    this.#gaps ??= new Map();
    const gap = this.#gaps.get(channel.name);
    if (gap !== undefined) {
      gap.dropped += messages;
      return;
    }
    this.#gaps.set(channel.name, { channel, dropped: messages });
    this.#extraBytes += GAP_BYTES;
    if (this.#gaps.size > MAX_GAPS) this.#owner.overflow();
  }

  /**
   * Tells the receiver what it lost, before it gets anything newer. The notices are made only when they go out: until
   * then the counts of a channel add up.
   */
  #takeGaps(parts: Uint8Array[], maxBytes: number): number {
    let bytes = 0;
    for (const [name, { channel, dropped }] of this.#gaps ?? []) {
      if (bytes >= maxBytes) return bytes;
      this.#gaps?.delete(name);
      this.#extraBytes -= GAP_BYTES;
      const notice = channel.gapNotice?.(dropped).encodedFor(this.#kind);
      if (notice === undefined) continue;
      parts.push(...notice.parts);
      bytes += notice.bytes;
    }
    this.#gaps = null;
    return bytes;
  }

  #purge(): number {
    this.#extraBytes -= this.#pong?.bytes ?? 0;
    this.#pong = null;
    this.#extraBytes -= GAP_BYTES * (this.#gaps?.size ?? 0);
    this.#gaps = null;
    const dropped = this.#lanes.clear();
    this.#tellLedger();
    return dropped;
  }
}
