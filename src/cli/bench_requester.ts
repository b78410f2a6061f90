/**
 * One client that asks, with a slot for each request that may be on its way. The id of a request names its slot and
 * its number, so that an answer is found without a table, and one that comes twice is seen.
 */
import { encodeTextMessage } from "../wire/text_message.ts";
import { FrameBatch, FrameShape } from "./bench_framing.ts";
import { type LoadEvents, type LoadLink, startsWith } from "./bench_link.ts";
import type { Pace } from "./bench_pace.ts";
import type { RequestPlan } from "./bench_plan.ts";
import type { Sender } from "./bench_pump.ts";
import { type AnswerError, readAnswerError } from "./hub_answer.ts";

/** Who is told what becomes of the requests. */
export interface RequesterEvents {
  /** Requests are sent now; gives the time. */
  sending(): number;
  /** One was answered that was meant to be sent at this time. */
  answered(payloadBytes: number, sentMs: number): void;
  /** One was answered with an error. */
  failed(error: AnswerError): void;
  /** An answer came for which nobody waits. */
  again(): void;
  /** Everything that came at once was taken, or there may be room. */
  turned(): void;
}

const RESPONSE = new TextEncoder().encode("response:");
const [COLON, NEWLINE, BRACE, QUOTE, FILLER] = [0x3a, 0x0a, 0x7b, 0x22, 0x2e];
const ID_BYTES = 36;
/** The last twelve digits of an id: four of the slot, eight of the number. */
const [VARIABLE_AT, SLOT_DIGITS, VARIABLE_DIGITS] = [24, 4, 12];
const DIGITS = new TextEncoder().encode("0123456789abcdef");
const NUMBERS = 2 ** 32;

/** Asks over one link. */
export class Requester implements Sender, LoadEvents {
  readonly #events: RequesterEvents;
  readonly #message: Uint8Array;
  readonly #idAt: number;
  /** The part of the ids that is always the same. */
  readonly #idPrefix: Uint8Array;
  readonly #variable = new Uint8Array(VARIABLE_DIGITS);
  /** By slot: the number of its request, and when that was meant to be sent; a time of -1 is a free slot. */
  readonly #numbers: Float64Array;
  readonly #sentMs: Float64Array;
  readonly #free: number[];
  #next = 0;
  #link: LoadLink | null = null;
  #shape: FrameShape | null = null;
  #hasLeft = false;

  constructor(
    { topic, sizeBytes, inFlight, timeoutMs }: RequestPlan,
    { index, events }: { readonly index: number; readonly events: RequesterEvents },
  ) {
    this.#events = events;
    const run = crypto.randomUUID().slice(0, 8);
    const requestId = `${run}-${index.toString(16).padStart(4, "0")}-4000-8000-${
      "0".repeat(VARIABLE_DIGITS)
    }`;
    const payload = new Uint8Array(sizeBytes).fill(FILLER);
    this.#message = encodeTextMessage({ action: "request", topic, requestId, timeoutMs }, payload);
    this.#idAt = `request:${topic}:1.0.0:`.length;
    this.#idPrefix = this.#message.slice(this.#idAt, this.#idAt + VARIABLE_AT);
    this.#numbers = new Float64Array(inFlight);
    this.#sentMs = new Float64Array(inFlight).fill(-1);
    this.#free = Array.from({ length: inFlight }, (_, slot) => slot);
  }

  /** How many requests wait for an answer that can still come. */
  get outstanding(): number {
    return this.#hasLeft ? 0 : this.#numbers.length - this.#free.length;
  }

  get room(): number {
    if (this.#link === null || this.#shape === null || this.#link.isBusy) return 0;
    return Math.min(this.#free.length, this.#shape.maxBatch);
  }

  /** Asks over this link from now on. */
  attach(link: LoadLink): void {
    this.#link = link;
    this.#shape = new FrameShape(link.framing, this.#message, { patchAt: this.#idAt + VARIABLE_AT });
  }

  /** The connection is gone: no answer will come. */
  leave(): void {
    this.#hasLeft = true;
  }

  send(count: number, pace: Pace): void {
    if (this.#link === null || this.#shape === null) return;
    const nowMs = this.#events.sending();
    const batch = new FrameBatch(this.#shape, count);
    for (let i = 0; i < count; i++) {
      const slot = this.#free.pop() ?? 0;
      this.#numbers[slot] = this.#next;
      this.#sentMs[slot] = pace.take(nowMs);
      writeHex(this.#variable.subarray(0, SLOT_DIGITS), slot);
      writeHex(this.#variable.subarray(SLOT_DIGITS), this.#next);
      this.#next = (this.#next + 1) % NUMBERS;
      batch.add(this.#variable);
    }
    this.#link.write(batch.bytes);
  }

  take(message: Uint8Array): boolean {
    if (!startsWith(message, RESPONSE)) return false;
    const versionAt = message.indexOf(COLON, RESPONSE.length) + 1;
    const idAt = message.indexOf(COLON, versionAt) + 1;
    const payloadAt = idAt + ID_BYTES + 1;
    if (versionAt === 0 || idAt === 0 || message[payloadAt - 1] !== NEWLINE) return false;
    if (!startsWith(message.subarray(idAt), this.#idPrefix)) return false;
    const variableAt = idAt + VARIABLE_AT;
    const slot = readHex(message, variableAt, variableAt + SLOT_DIGITS);
    const number = readHex(message, variableAt + SLOT_DIGITS, variableAt + VARIABLE_DIGITS);
    const sentMs = this.#sentMs[slot] ?? -1;
    if (sentMs < 0 || this.#numbers[slot] !== number) {
      this.#events.again();
      return true;
    }
    this.#sentMs[slot] = -1;
    this.#free.push(slot);
    const payload = message.subarray(payloadAt);
    const error = mayBeError(payload) ? readAnswerError(payload) : null;
    if (error === null) this.#events.answered(payload.length, sentMs);
    else this.#events.failed(error);
    return true;
  }

  onTurn(): void {
    this.#events.turned();
  }

  onWritten(): void {
    this.#events.turned();
  }
}

/** Answers are read only where they look like an object whose first key is `error`. */
function mayBeError(payload: Uint8Array): boolean {
  if (payload[0] !== BRACE) return false;
  let at = 1;
  while (at < payload.length && (payload[at] ?? 0) <= 0x20) at++;
  return payload[at] === QUOTE && payload[at + 1] === 0x65 && payload[at + 2] === 0x72;
}

function writeHex(into: Uint8Array, value: number): void {
  let rest = value;
  for (let at = into.length - 1; at >= 0; at--) {
    into[at] = DIGITS[rest % 16] ?? 0;
    rest = Math.floor(rest / 16);
  }
}

/** The number of lower-case digits, as they were written; anything else is a number that nobody has. */
function readHex(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    const digit = byte <= 0x39 ? byte - 0x30 : byte - 0x57;
    if (digit < 0 || digit > 15) return -1;
    value = value * 16 + digit;
  }
  return value;
}
