/**
 * Messages packed for the way to another thread: the numbers of all in one buffer, the payloads in another, the texts in
 * a list. Posting an object for each costs several times as much.
 */
import type { MessageRow } from "./journal_batch.ts";

/** The messages. */
export interface MessageColumns {
  /** {@link NUMBERS} of each message, one after the other. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** {@link TEXTS} of each message, one after the other. */
  readonly texts: readonly (string | null)[];
  /** The payloads, one after the other. */
  readonly payloads: Uint8Array<ArrayBuffer>;
}

/** The number, that of the topic, whether it is in the history, its time, its time in the order, bytes of payload. */
const NUMBERS = 6;
/** Id, topic, version, request id. */
const TEXTS = 4;

/** What stands in a row of the file, in this order. */
export type MessageValue = string | number | null | Uint8Array;

/** How many of them each message has. */
export const MESSAGE_VALUES = 10;

/** Packs messages; the payloads are copied. */
export function packMessages(rows: readonly MessageRow[]): MessageColumns {
  let bytes = 0;
  for (const { payload } of rows) bytes += payload.length;
  const payloads = new Uint8Array(bytes);
  const numbers = new Float64Array(rows.length * NUMBERS);
  const texts: (string | null)[] = [];
  let [at, end] = [0, 0];
  for (const { seq, topic, inHistory, id, name, version, requestId, atMs, placedMs, payload } of rows) {
    numbers[at] = seq;
    numbers[at + 1] = topic;
    numbers[at + 2] = inHistory;
    numbers[at + 3] = atMs;
    numbers[at + 4] = placedMs;
    numbers[at + 5] = payload.length;
    texts.push(id, name, version, requestId);
    payloads.set(payload, end);
    at += NUMBERS;
    end += payload.length;
  }
  return { numbers, texts, payloads };
}

/**
 * Unpacks messages into the values of rows, up to `most` of them at a time: {@link MESSAGE_VALUES} of each, one after the
 * other, in the order of the columns of the file. The payloads are views.
 */
export function* unpackMessages(columns: MessageColumns, most: number): Generator<MessageValue[]> {
  const { numbers, texts, payloads } = columns;
  const count = numbers.length / NUMBERS;
  let end = 0;
  for (let from = 0; from < count; from += most) {
    const values: MessageValue[] = [];
    for (let row = from; row < Math.min(from + most, count); row++) {
      const [at, text] = [row * NUMBERS, row * TEXTS];
      const begin = end;
      end += numbers[at + 5] ?? 0;
      values.push(
        numbers[at] ?? 0,
        numbers[at + 1] ?? 0,
        numbers[at + 2] ?? 0,
        texts[text] ?? null,
        texts[text + 1] ?? null,
        texts[text + 2] ?? null,
        texts[text + 3] ?? null,
        numbers[at + 3] ?? 0,
        numbers[at + 4] ?? 0,
        payloads.subarray(begin, end),
      );
    }
    yield values;
  }
}
