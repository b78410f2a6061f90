/**
 * Messages packed for the way to another thread: the texts and numbers of all in one list, the payloads in one buffer.
 * Posting an object for each costs several times as much.
 */
import type { MessageRow } from "./journal_batch.ts";

/** The messages. */
export interface MessageColumns {
  /** {@link FIELDS} values of each message, one after the other. */
  readonly fields: readonly (string | number | null)[];
  /** The payloads, one after the other. */
  readonly payloads: Uint8Array<ArrayBuffer>;
}

const FIELDS = 10;

/** Packs messages; the payloads are copied. */
export function packMessages(rows: readonly MessageRow[]): MessageColumns {
  const fields: (string | number | null)[] = [];
  let bytes = 0;
  for (const { payload } of rows) bytes += payload.length;
  const payloads = new Uint8Array(bytes);
  let at = 0;
  for (const row of rows) {
    const { seq, topic, inHistory, id, name, version, requestId, atMs, placedMs, payload } = row;
    fields.push(seq, topic, inHistory, id, name, version, requestId, atMs, placedMs, payload.length);
    payloads.set(payload, at);
    at += payload.length;
  }
  return { fields, payloads };
}

/** Unpacks messages; the payloads are views. */
export function* unpackMessages({ fields, payloads }: MessageColumns): Generator<MessageRow> {
  let begin = 0;
  for (let at = 0; at < fields.length; at += FIELDS) {
    const end = begin + Number(fields[at + 9]);
    const requestId = fields[at + 6] ?? null;
    yield {
      seq: Number(fields[at]),
      topic: Number(fields[at + 1]),
      inHistory: Number(fields[at + 2]),
      id: String(fields[at + 3]),
      name: String(fields[at + 4]),
      version: String(fields[at + 5]),
      requestId: requestId === null ? null : String(requestId),
      atMs: Number(fields[at + 7]),
      placedMs: Number(fields[at + 8]),
      payload: payloads.subarray(begin, end),
    };
    begin = end;
  }
}
