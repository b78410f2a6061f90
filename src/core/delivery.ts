/**
 * The words for handing published messages to receivers that may be too slow for them: what a message is
 * published to, what slow receivers get, and what became of a message.
 */
import type { OutgoingMessage } from "./transport.ts";

/**
 * What happens when the publish lane of a slow consumer is full: `close` ends its connection; `drop_oldest` drops
 * the oldest messages of the same channel, else the new one; `latest` lets all queued messages of the channel
 * give way to the new one, else drops it.
 */
export type SlowConsumerPolicy = "close" | "drop_oldest" | "latest";

/** A topic or room that messages are published to. */
export interface Channel {
  /** Tells it from all other channels that one connection gets messages of. */
  readonly name: string;
  readonly slowConsumer: SlowConsumerPolicy;
  /** How a receiver is told that it lost `dropped` messages; `null` where its protocol has no word for it. */
  readonly gapNotice: ((dropped: number) => OutgoingMessage) | null;
}

/** What became of a message. `dropped`: by its channel's policy. `full`: the connection has to end, or to wait. */
export type PushResult = "queued" | "dropped" | "full" | "closed";
