/** How received messages look: text for people, JSON for scripts, raw for programs that want the payload alone. */
import { Buffer } from "node:buffer";
import type { TextMessage } from "../wire/text_message.ts";
import { decodeUtf8, printable, printableBytes } from "../core/printable.ts";

/** What the formats are called. */
export const MESSAGE_FORMATS = ["text", "json", "raw"] as const;
/** One of {@link MESSAGE_FORMATS}. */
export type MessageFormat = typeof MESSAGE_FORMATS[number];

/** How to format. */
export interface FormatOptions {
  readonly format: MessageFormat;
  readonly hasColours: boolean;
  /** When the message came. */
  readonly time: Date;
}

const [TOPIC_COLOUR, NO_COLOUR] = ["\x1b[36m", "\x1b[0m"];
const encoder = new TextEncoder();

/** The bytes to print for a message: a line, or the payload alone. */
export function formatMessage(message: TextMessage, options: FormatOptions): Uint8Array {
  switch (options.format) {
    case "raw":
      return message.payload;
    case "json":
      return encoder.encode(`${JSON.stringify(asJson(message, options.time))}\n`);
    case "text":
      return encoder.encode(`${asText(message, options.hasColours)}\n`);
  }
}

/** A line of JSON among messages that says how many of a topic are missing here; `null`: nobody counted them. */
export function formatGapJson(topic: string, dropped: number | null, time: Date): Uint8Array {
  return encoder.encode(`${JSON.stringify({ topic, time: time.toISOString(), dropped })}\n`);
}

/** The same for people. */
export function formatGap(topic: string, dropped: number | null): string {
  if (dropped === null) return `Lost messages of ${printable(topic)}`;
  return `Lost ${dropped} ${dropped === 1 ? "message" : "messages"} of ${printable(topic)}`;
}

function asText({ topic, payload }: TextMessage, hasColours: boolean): string {
  const shown = printableBytes(payload);
  return hasColours ? `${TOPIC_COLOUR}${topic}${NO_COLOUR} ${shown}` : `${topic} ${shown}`;
}

/** `requestId` is the publisher's, where it gave one. */
function asJson({ topic, requestId, parentRequestId, payload }: TextMessage, time: Date): object {
  return {
    topic,
    id: requestId,
    ...(parentRequestId === null ? {} : { requestId: parentRequestId }),
    time: time.toISOString(),
    payload: payloadAsJson(payload),
  };
}

/** A payload inside of JSON: text as a string, other bytes as `{ base64 }`. */
export function payloadAsJson(payload: Uint8Array): string | { readonly base64: string } {
  return decodeUtf8(payload) ?? { base64: Buffer.from(payload).toString("base64") };
}
