/**
 * The queue of publishes of one outbox: first in, first out, bounded in bytes, with the policy of each message's
 * channel for when it is full. Every operation takes constant time on average, however full it is: what the
 * policies drop is found by the channel's own list and leaves a hole that is skipped.
 */
import type { Encoded } from "../core/transport.ts";
import type { Channel, LaneBounds } from "./lane.ts";
import { RingQueue } from "./ring_queue.ts";

/** What became of a message. */
export type OfferResult =
  /** Queued, after so many older messages gave way. */
  | { readonly kind: "queued"; readonly dropped: number }
  /** The message itself was dropped, and perhaps older ones of its channel too. */
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
/** Holes are cleaned up when there are more of them than messages, and at least so many. */
const MIN_HOLES = 64;

/** The publish lane. */
export class PublishLane {
  readonly #bounds: LaneBounds;
  #queue = new RingQueue<Encoded | Slot>();
  /** The queued slots of each channel that may drop, oldest first. */
  readonly #slots = new Map<Channel, RingQueue<Slot>>();
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
    if (this.#fits(message)) return this.#append(message, channel);
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
    this.#slots.clear();
    this.#holes = 0;
    this.#bytes = 0;
  }

  #fits(message: Encoded): boolean {
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
    let slots = this.#slots.get(channel);
    if (slots === undefined) {
      slots = new RingQueue<Slot>();
      this.#slots.set(channel, slots);
    }
    slots.push(slot);
    return QUEUED;
  }

  #makeRoom(
    message: Encoded,
    { channel, atMost }: { channel: Channel; atMost: "needed" | "all" },
  ): OfferResult {
    const slots = this.#slots.get(channel);
    let dropped = 0;
    while (slots !== undefined && slots.length > 0 && (atMost === "all" || !this.#fits(message))) {
      const oldest = slots.shift();
      if (oldest === undefined || oldest.message === null) continue;
      this.#bytes -= this.#costOf(oldest.message);
      oldest.message = null;
      this.#holes++;
      dropped++;
    }
    if (slots?.length === 0) this.#slots.delete(channel);
    this.#compact();
    if (!this.#fits(message)) return { kind: "dropped", dropped: dropped + 1 };
    this.#append(message, channel);
    return { kind: "queued", dropped };
  }

  /** The message of a slot that was taken, which is the oldest of its channel too; `null` for a hole. */
  #release(slot: Slot): Encoded | null {
    if (slot.message === null) {
      this.#holes--;
      return null;
    }
    const slots = this.#slots.get(slot.channel);
    slots?.shift();
    if (slots?.length === 0) this.#slots.delete(slot.channel);
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
