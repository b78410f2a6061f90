/**
 * The queue of publishes of one outbox: first in, first out, bounded in bytes, with the policy of each message's
 * channel for when it is full. Every operation takes constant time on average, however full it is: what the
 * policies drop is found by the channel's own list and leaves a hole that is skipped.
 */
import type { Channel } from "../core/delivery.ts";
import type { Encoded } from "../core/transport.ts";
import type { LaneBounds } from "./lane.ts";
import { RingQueue } from "./ring_queue.ts";

/** What became of a message. */
export type OfferResult =
  /** Queued, after so many older messages gave way. */
  | { readonly kind: "queued"; readonly dropped: number }
  /** The message itself was dropped: even without the others of its channel it would not fit. */
  | { readonly kind: "dropped"; readonly dropped: number }
  /** The policy is to close. */
  | { readonly kind: "full" };

/** A queued message of a channel that may drop it. */
class Slot {
  message: Encoded | null;
  readonly channel: Channel;

  constructor(message: Encoded, channel: Channel) {
    this.message = message;
    this.channel = channel;
  }
}

const QUEUED: OfferResult = { kind: "queued", dropped: 0 };
const FULL: OfferResult = { kind: "full" };
const DROPPED: OfferResult = { kind: "dropped", dropped: 1 };
/** Holes are cleaned up when there are more of them than messages, and at least so many. */
const MIN_HOLES = 64;

/** The queued slots of a channel that may drop, oldest first. */
class ChannelQueue {
  readonly slots = new RingQueue<Slot>();
  bytes = 0;
}

/** The publish lane. */
export class PublishLane {
  readonly #bounds: LaneBounds;
  #queue = new RingQueue<Encoded | Slot>();
  readonly #channels = new Map<string, ChannelQueue>();
  #holes = 0;
  #bytes = 0;

  constructor(bounds: LaneBounds) {
    this.#bounds = bounds;
  }

  /** Bytes that all queued messages take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many messages are queued. */
  get length(): number {
    return this.#queue.length - this.#holes;
  }

  /** Queues a message, or does what its channel's policy says. */
  offer(message: Encoded, channel: Channel): OfferResult {
    if (this.fits(message)) return this.#append(message, channel);
    switch (channel.slowConsumer) {
      case "close":
        return FULL;
      case "drop_oldest":
        return this.#makeRoom(message, { channel, atMost: "needed" });
      case "latest":
        return this.#makeRoom(message, { channel, atMost: "all" });
    }
  }

  /** The bytes of the oldest message; 0 when there is none. */
  peekBytes(): number {
    const first = this.#skipHoles();
    if (first === undefined) return 0;
    return first instanceof Slot ? first.message?.bytes ?? 0 : first.bytes;
  }

  /** Takes the oldest message. */
  take(): Encoded | undefined {
    for (;;) {
      const first = this.#queue.shift();
      if (first === undefined) return undefined;
      const message = first instanceof Slot ? this.#release(first) : first;
      if (message === null) continue;
      this.#bytes -= message.bytes + this.#bounds.messageOverheadBytes;
      return message;
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#queue.clear();
    this.#channels.clear();
    this.#holes = 0;
    this.#bytes = 0;
  }

  /** Whether a message would be queued without anything being dropped for it. */
  fits(message: Encoded): boolean {
    return this.#bytes === 0 || this.#bytes + this.#costOf(message) <= this.#bounds.maxBytes;
  }

  #costOf(message: Encoded): number {
    return message.bytes + this.#bounds.messageOverheadBytes;
  }

  #append(message: Encoded, channel: Channel): OfferResult {
    this.#bytes += this.#costOf(message);
    if (channel.slowConsumer === "close") {
      this.#queue.push(message);
      return QUEUED;
    }
    const slot = new Slot(message, channel);
    this.#queue.push(slot);
    let own = this.#channels.get(channel.name);
    if (own === undefined) {
      own = new ChannelQueue();
      this.#channels.set(channel.name, own);
    }
    own.slots.push(slot);
    own.bytes += this.#costOf(message);
    return QUEUED;
  }

  #makeRoom(
    message: Encoded,
    { channel, atMost }: { channel: Channel; atMost: "needed" | "all" },
  ): OfferResult {
    const own = this.#channels.get(channel.name);
    const others = this.#bytes - (own?.bytes ?? 0);
    // Where all of the channel would not make room, nothing of it is dropped in vain.
    if (own === undefined || (others > 0 && others + this.#costOf(message) > this.#bounds.maxBytes)) {
      return DROPPED;
    }
    let dropped = 0;
    while (own.slots.length > 0 && (atMost === "all" || !this.fits(message))) {
      if (this.#dropOldest(own)) dropped++;
    }
    if (own.slots.length === 0) this.#channels.delete(channel.name);
    this.#compact();
    this.#append(message, channel);
    return { kind: "queued", dropped };
  }

  #dropOldest(own: ChannelQueue): boolean {
    const oldest = own.slots.shift();
    if (oldest === undefined || oldest.message === null) return false;
    const bytes = this.#costOf(oldest.message);
    this.#bytes -= bytes;
    own.bytes -= bytes;
    oldest.message = null;
    this.#holes++;
    return true;
  }

  /** The message of a slot that was taken, which is the oldest of its channel too; `null` for a hole. */
  #release(slot: Slot): Encoded | null {
    if (slot.message === null) {
      this.#holes--;
      return null;
    }
    const own = this.#channels.get(slot.channel.name);
    if (own !== undefined) {
      own.slots.shift();
      own.bytes -= this.#costOf(slot.message);
      if (own.slots.length === 0) this.#channels.delete(slot.channel.name);
    }
    return slot.message;
  }

  #skipHoles(): Encoded | Slot | undefined {
    for (;;) {
      const first = this.#queue.peek();
      if (!(first instanceof Slot) || first.message !== null) return first;
      this.#queue.shift();
      this.#holes--;
    }
  }

  #compact(): void {
    if (this.#holes < MIN_HOLES || this.#holes <= this.length) return;
    const kept = new RingQueue<Encoded | Slot>();
    for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) {
      if (!(item instanceof Slot) || item.message !== null) kept.push(item);
    }
    this.#queue = kept;
    this.#holes = 0;
  }
}
