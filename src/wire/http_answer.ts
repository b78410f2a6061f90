/**
 * The head of an HTTP/1.1 answer (RFC 9112) as one gets it who asks for a way through: a proxy's answer to CONNECT, a
 * server's to an upgrade. Incremental; what is no such answer is told at the first byte that shows it, and a head is
 * never kept beyond its limit. Bodies are not read.
 */
/** The limits of a head. */
export interface HttpAnswerLimits {
  /** @default 16_384 */
  readonly maxBytes?: number;
  /** @default 100 */
  readonly maxFields?: number;
}

/** A whole head. */
export interface HttpAnswer {
  readonly kind: "answer";
  /** 100 to 599. */
  readonly status: number;
  /** By names in lower case; values of fields that come more than once are joined by a comma. */
  readonly fields: ReadonlyMap<string, string>;
  /** What came after the head. */
  readonly rest: Uint8Array;
}

/** What the bytes up to now are. */
export type HttpAnswerResult = HttpAnswer | { readonly kind: "incomplete" } | {
  readonly kind: "malformed";
  /** What was seen, for a person. */
  readonly reason: string;
};

const MAX_BYTES = 16_384;
const MAX_FIELDS = 100;
const BEGIN = new TextEncoder().encode("HTTP/1.");
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: .*)?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
const END_BYTES = 4;

/** Reads one head. */
export class HttpAnswerDecoder {
  readonly #maxFields: number;
  readonly #head: Uint8Array;
  /** How much of `#head` is filled. */
  #length = 0;

  constructor({ maxBytes = MAX_BYTES, maxFields = MAX_FIELDS }: HttpAnswerLimits = {}) {
    this.#head = new Uint8Array(maxBytes);
    this.#maxFields = maxFields;
  }

  /** Takes the next bytes. Nothing more is fed after an answer or a mistake. */
  feed(chunk: Uint8Array): HttpAnswerResult {
    const before = this.#length;
    const taken = chunk.subarray(0, this.#head.length - before);
    this.#head.set(taken, before);
    this.#length += taken.length;
    const bytes = this.#head.subarray(0, this.#length);
    for (let at = before; at < Math.min(bytes.length, BEGIN.length); at++) {
      if (bytes[at] !== BEGIN[at]) return malformed("it does not speak HTTP/1.1");
    }
    const end = endOfHead(bytes, Math.max(0, before - END_BYTES + 1));
    if (end !== null) {
      return this.#parse(latin1(bytes.subarray(0, end - END_BYTES)), chunk.slice(end - before));
    }
    if (taken.length === chunk.length) return { kind: "incomplete" };
    return malformed(`the head of its answer is longer than ${this.#head.length} bytes`);
  }

  #parse(head: string, rest: Uint8Array): HttpAnswerResult {
    const [first = "", ...lines] = head.split("\r\n");
    const status = STATUS_LINE.exec(first)?.[1];
    if (status === undefined) return malformed("the first line of its answer has no status");
    if (lines.length > this.#maxFields) {
      return malformed(`the head of its answer has more than ${this.#maxFields} fields`);
    }
    const fields = new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = FIELD.exec(line) ?? [];
      if (name === undefined || value === undefined || /[\r\n\0]/.test(line)) {
        return malformed("a field of its answer is malformed");
      }
      const key = name.toLowerCase();
      const before = fields.get(key);
      fields.set(key, before === undefined ? value : `${before}, ${value}`);
    }
    return { kind: "answer", status: Number(status), fields, rest };
  }
}

function malformed(reason: string): HttpAnswerResult {
  return { kind: "malformed", reason };
}

/** Where the head ends, its empty line included; `null` when it goes on. */
function endOfHead(bytes: Uint8Array, from: number): number | null {
  for (let at = bytes.indexOf(CR, from); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at + END_BYTES;
  }
  return null;
}

const CR = 0x0d;
const LF = 0x0a;

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
