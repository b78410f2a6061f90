/**
 * Shows the messages that are routed in one tenant to those who are subscribed to `system.message`. What is shown is
 * JSON around a bounded part of the payload, made once whatever the number of taps. What the hub itself publishes is
 * never shown, so that a tap cannot tap itself. While nobody taps, a message costs the look at one field.
 */
import buffer from "node:buffer";
import { isSystemTopic, matchesTopic } from "../core/topic.ts";
import type { Action } from "../wire/text_message.ts";
import type { BrokerStats } from "./broker_stats.ts";
import { TAP_TOPIC } from "./permissions.ts";
import type { Subscription } from "./subscription.ts";

/** The most bytes of a payload that are shown. */
export const MAX_TAPPED_BYTES = 4096;

/** A routed message. */
export interface TappedMessage {
  readonly action: Action;
  readonly topic: string;
  readonly version: string;
  readonly payload: Uint8Array;
  /** Who sent it. */
  readonly from: string;
  /** Who it was sent on to; of what is published nobody in particular. */
  readonly to?: string;
  /** The id of a published message. */
  readonly id?: string;
  /** The id that the publisher or the one who asks gave. */
  readonly requestId?: string | null;
  /** The id under which the service knows the request. */
  readonly targetId?: string;
  readonly parentRequestId?: string | null;
  readonly timeoutMs?: number | null;
}

/** What taps work with. */
export interface MessageTapsOptions {
  /** Publishes to `system.message`. */
  readonly announce: (topic: string, payload: string) => void;
  readonly stats: BrokerStats;
}

/** The taps of one tenant. */
export class MessageTaps {
  readonly #options: MessageTapsOptions;
  #subscriptions = 0;
  /** Whether somebody taps. */
  isActive = false;

  constructor(options: MessageTapsOptions) {
    this.#options = options;
  }

  /** Somebody is subscribed to what is published to a pattern. */
  joined(subscription: Subscription): void {
    if (selectsTaps(subscription.key)) this.isActive = ++this.#subscriptions > 0;
  }

  /** Somebody is not subscribed to what is published to a pattern any more. */
  left(subscription: Subscription): void {
    if (selectsTaps(subscription.key)) this.isActive = --this.#subscriptions > 0;
  }

  /** Shows a message. */
  show({ payload, ...rest }: TappedMessage): void {
    const { announce, stats } = this.#options;
    stats.tapped++;
    announce(TAP_TOPIC, JSON.stringify({ ...rest, size: payload.length, ...shownPayload(payload) }));
  }
}

/** Whether what is published to a pattern in lower case is what taps show. */
export function selectsTaps(key: string): boolean {
  return isSystemTopic(key) && matchesTopic(key, TAP_TOPIC);
}

/** The beginning of a payload: text where it is valid UTF-8, cut between characters; base64 otherwise. */
export function shownPayload(payload: Uint8Array) {
  const isCut = payload.length > MAX_TAPPED_BYTES;
  const shown = isCut ? payload.subarray(0, endOfCharacter(payload, MAX_TAPPED_BYTES)) : payload;
  const bytes = buffer.Buffer.from(shown.buffer, shown.byteOffset, shown.byteLength);
  const encoding = buffer.isUtf8(shown) ? "text" : "base64";
  return {
    encoding,
    payload: bytes.toString(encoding === "text" ? "utf8" : "base64"),
    ...(isCut ? { truncated: true } : {}),
  };
}

/** The last end of a character at or before a place; the place itself where there is none close by. */
function endOfCharacter(bytes: Uint8Array, place: number): number {
  for (let at = place; at > place - 4 && at > 0; at--) {
    if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return at;
  }
  return place;
}
