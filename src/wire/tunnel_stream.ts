/**
 * The payload of OpenStream as hubs write it for a stream of a tunnel, read without a general reader of JSON: one comes
 * with every exchange. What is written in any other way is left to the schema, which takes the same and gives the same.
 */
import {
  MAX_HOST_LENGTH,
  MAX_ID,
  MAX_IP_LENGTH,
  MAX_PORT,
  MAX_REFS,
  type TunnelOpen,
} from "./frame_payloads.ts";
import { viewOf } from "../core/views.ts";
import { latin1Of } from "./latin1.ts";

const encoder = new TextEncoder();
const TUNNEL = encoder.encode('{"tunnelId":');
const SRC = encoder.encode(',"src":{"ip":"');
const DST = encoder.encode('},"dst":{"ip":"');
const PORT = encoder.encode('","port":');
const SNI = encoder.encode('},"sni":"');
const END = encoder.encode("}}");
const REF = encoder.encode('},"ref":');
const REF_END = encoder.encode("}");
const SNI_END = encoder.encode('"}');

const NOTHING = new Uint8Array(0);
const [LINE_FEED, ZERO] = [0x0a, 0x30];
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7d;
const R = 0x72;
const MAX_REF_DIGITS = 4;
const MAX_ID_DIGITS = 10;

/** A text that was read, and is given again where the same bytes come: many streams have the same addresses. */
interface Remembered {
  text: string;
}

const lastSrc: Remembered = { text: "" };
const lastDst: Remembered = { text: "" };
const lastSni: Remembered = { text: "" };

/** Reads one; `null` for what is not exactly as hubs write it, which may be right all the same. */
export function readTunnelStream(payload: Uint8Array): TunnelOpen | null {
  return new Reader(payload).read();
}

/** Reads a ref, and what stands on the lines behind it; `null` for anything else. */
export function readRef(payload: Uint8Array): { readonly ref: number; readonly payload: Uint8Array } | null {
  let [at, ref] = [0, 0];
  for (; at < payload.length && at <= MAX_REF_DIGITS; at++) {
    const digit = (payload[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) break;
    ref = 10 * ref + digit;
  }
  if (at === 0 || (at > 1 && payload[0] === ZERO) || ref >= MAX_REFS) return null;
  if (at === payload.length) return { ref, payload: NOTHING };
  return payload[at] === LINE_FEED ? { ref, payload: viewOf(payload, at + 1, payload.length) } : null;
}

/** Goes through the bytes once; after the first that is not as expected nothing it says has a meaning. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #isRight = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(): TunnelOpen | null {
    this.#skip(TUNNEL);
    const tunnelId = this.#number(MAX_ID);
    this.#skip(SRC);
    const src = this.#endpoint(lastSrc);
    this.#skip(DST);
    const dst = this.#endpoint(lastDst);
    if (!this.#isRight) return null;
    if (this.#bytes[this.#at + 1] === BRACE) {
      this.#skip(END);
      return this.#isOver ? { tunnelId, src, dst } : null;
    }
    if (this.#bytes[this.#at + 3] === R) return this.#withRef({ tunnelId, src, dst });
    this.#skip(SNI);
    const sni = this.#text(MAX_HOST_LENGTH, lastSni);
    this.#skip(SNI_END);
    return this.#isOver ? { tunnelId, src, dst, sni } : null;
  }

  #withRef(open: TunnelOpen): TunnelOpen | null {
    this.#skip(REF);
    const ref = this.#number(MAX_REFS - 1);
    this.#skip(REF_END);
    return this.#isOver ? { ...open, ref } : null;
  }

  get #isOver(): boolean {
    return this.#isRight && this.#at === this.#bytes.length;
  }

  #endpoint(remembered: Remembered): TunnelOpen["src"] {
    const ip = this.#text(MAX_IP_LENGTH, remembered);
    this.#skip(PORT);
    return { ip, port: this.#number(MAX_PORT) };
  }

  #skip(expected: Uint8Array): void {
    const from = this.#at;
    for (let i = 0; i < expected.length; i++) {
      if (this.#bytes[from + i] !== expected[i]) {
        this.#isRight = false;
        return;
      }
    }
    this.#at = from + expected.length;
  }

  /** An integer as JSON has it, without a leading zero, a sign or an exponent. */
  #number(max: number): number {
    const from = this.#at;
    let value = 0;
    for (let digit = this.#digit(); digit >= 0; digit = this.#digit()) {
      value = value * 10 + digit;
      if (++this.#at - from > MAX_ID_DIGITS) break;
    }
    const digits = this.#at - from;
    if (digits === 0 || digits > MAX_ID_DIGITS || value > max) this.#isRight = false;
    if (digits > 1 && this.#bytes[from] === 0x30) this.#isRight = false;
    return value;
  }

  /** The digit that comes next; a negative number or one above 9 stands for none. */
  #digit(): number {
    const digit = (this.#bytes[this.#at] ?? 0) - 0x30;
    return digit > 9 ? -1 : digit;
  }

  /** ASCII up to the quote, with nothing in it that JSON writes in another way. */
  #text(maxBytes: number, remembered: Remembered): string {
    const from = this.#at;
    let at = from;
    for (let byte = this.#bytes[at] ?? 0; byte !== QUOTE; byte = this.#bytes[++at] ?? 0) {
      if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) {
        this.#isRight = false;
        return "";
      }
    }
    if (at === from || at - from > maxBytes) this.#isRight = false;
    this.#at = at;
    return this.#isRight ? textOf(this.#bytes, { from, to: at, remembered }) : "";
  }
}

function textOf(
  bytes: Uint8Array,
  { from, to, remembered }: { from: number; to: number; remembered: Remembered },
): string {
  const { text } = remembered;
  let same = 0;
  if (text.length === to - from) {
    while (same < text.length && text.charCodeAt(same) === bytes[from + same]) same++;
    if (same === text.length) return text;
  }
  remembered.text = latin1Of(bytes, from, to);
  return remembered.text;
}
