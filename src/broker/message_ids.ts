/**
 * Ids of published messages: UUIDs of version-4 form that hold when and by whom they were minted and a rising
 * sequence number, so that an id is a position too. Their bytes are written in place, without making text.
 */
import { ID_BYTES } from "../wire/header_fields.ts";

/** Ids of one epoch: the time of its start and some random bits tell it from all others. */
export class MessageIds {
  /** `eeeeeeee-eeee-4rrr-8sss-ssssssssssss`: epoch, random bits, sequence. */
  readonly #id = new Uint8Array(ID_BYTES);
  #sequence = 0;

  /** `epochMs` is Unix time in milliseconds. */
  constructor(epochMs: number, random = crypto.getRandomValues(new Uint8Array(2))) {
    const epoch = epochMs.toString(16).padStart(12, "0").slice(-12);
    const bits = (((random[0] ?? 0) << 8 | (random[1] ?? 0)) & 0xfff).toString(16).padStart(3, "0");
    const text = `${epoch.slice(0, 8)}-${epoch.slice(8)}-4${bits}-8000-000000000000`;
    new TextEncoder().encodeInto(text, this.#id);
  }

  /** The sequence number of the id that was minted last; 0 before the first. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The id that is minted next, as text. */
  get nextPosition(): string {
    const digits = (this.#sequence + 1).toString(16).padStart(SEQUENCE_DIGITS, "0");
    const prefix = decoder.decode(this.#id.subarray(0, FIRST_SEQUENCE_DIGIT));
    return `${prefix}${digits.slice(0, -NODE_DIGITS)}-${digits.slice(-NODE_DIGITS)}`;
  }

  /** The id that was minted last, as text; before the first, one that is below all that follow. */
  get position(): string {
    return decoder.decode(this.#id);
  }

  /** Mints the next id; its bytes are valid until the next call. */
  next(): Uint8Array {
    this.#sequence++;
    const id = this.#id;
    for (let at = ID_BYTES - 1; at > FIRST_SEQUENCE_DIGIT - 1; at--) {
      if (at === LAST_HYPHEN) continue;
      const digit = id[at] ?? 0;
      if (digit === NINE) id[at] = LOWER_A;
      else if (digit === LOWER_F) {
        id[at] = ZERO;
        continue;
      } else id[at] = digit + 1;
      break;
    }
    return id;
  }

  /** Mints the next id as text. */
  nextText(): string {
    return decoder.decode(this.next());
  }
}

const FIRST_SEQUENCE_DIGIT = 20;
const LAST_HYPHEN = 23;
/** Digits of the sequence number, and those of them behind the last hyphen. */
const [SEQUENCE_DIGITS, NODE_DIGITS] = [15, 12];
const [ZERO, NINE, LOWER_A, LOWER_F] = [0x30, 0x39, 0x61, 0x66];
const decoder = new TextDecoder();

/** When the epoch of an id began, in milliseconds since 1970. */
export function epochOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** Below every id of an epoch, and above those of the epochs before. */
export function firstIdOf(epochMs: number): string {
  return new MessageIds(epochMs, new Uint8Array(2)).position;
}
