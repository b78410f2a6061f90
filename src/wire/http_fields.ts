/**
 * The fields of an HTTP/1.1 head (RFC 9110, section 5): names as they were written, looked up in lower case, in their
 * order. Bytes are characters of the same number, so that what is no ASCII comes out as it came in. They keep what they
 * were read from; names and values are cut from it when somebody asks.
 */
import { keptOf } from "../core/views.ts";
import type { HeadWriter } from "./head_writer.ts";
import type { KnownName } from "./http_names.ts";
import { latin1Of } from "./latin1.ts";

/** One field. */
export interface HttpField {
  /** As it was written. */
  readonly name: string;
  /** In lower case. */
  readonly key: string;
  readonly value: string;
}

/** Where a field stands in its text. */
export interface FieldPlace {
  readonly nameFrom: number;
  readonly nameTo: number;
  readonly valueFrom: number;
  readonly valueTo: number;
  /** Behind the end of its line. */
  readonly lineTo: number;
  readonly known: KnownName | null;
  readonly hasUnderscore: boolean;
}

/** Which lines are passed on. */
export interface WantedLines {
  readonly isWanted: (place: FieldPlace) => boolean;
  readonly unwantedKeys: readonly string[];
}

/** Who gets lines: cut out of what they stand in, or written anew. */
interface LineSink {
  readonly cut: (from: number, to: number) => void;
  readonly text: (line: string) => void;
}

/** The fields of one head. */
export class HttpFields {
  /** Holds all lines; the bytes are let go once they are text. */
  #source: Uint8Array | string = "";
  readonly #places: FieldPlace[] = [];

  /** Says what the fields stand in. Bytes have to stay as they are for as long as somebody may ask. */
  standIn(source: Uint8Array | string): void {
    this.#source = source;
  }

  get length(): number {
    return this.#places.length;
  }

  *[Symbol.iterator](): Iterator<HttpField> {
    for (const place of this.#places) {
      yield { name: this.#nameOf(place), key: this.#keyOf(place), value: this.#valueOf(place) };
    }
  }

  /** Adds a field that stands in the text. */
  place(place: FieldPlace): void {
    this.#places.push(place);
  }

  /** The value of the first field of a name in lower case. */
  get(key: string): string | undefined {
    for (const place of this.#places) if (this.#isNamed(place, key)) return this.#valueOf(place);
    return undefined;
  }

  /** The values of all fields of a name in lower case. `likely`: given again, and not made anew, where a value is that. */
  all(key: string, likely = ""): readonly string[] {
    let values: string[] | null = null;
    for (const place of this.#places) {
      if (!this.#isNamed(place, key)) continue;
      (values ??= []).push(this.#isValue(place, likely) ? likely : this.#valueOf(place));
    }
    return values ?? NONE;
  }

  /** The elements of a list (RFC 9110, section 5.6.1) over all fields of a name, in lower case; empty ones left out. */
  list(key: string): readonly string[] {
    const values = this.all(key);
    if (values.length === 0) return NONE;
    const elements: string[] = [];
    for (const value of values) {
      for (const element of value.split(",")) {
        const trimmed = element.trim().toLowerCase();
        if (trimmed !== "") elements.push(trimmed);
      }
    }
    return elements;
  }

  /** No less than the bytes of all lines. */
  get maxBytes(): number {
    return this.#source.length + this.length;
  }

  /** The lines of the fields that are wanted, in their order, each as `Name: value`. */
  lines(isWanted: (place: FieldPlace) => boolean, unwantedKeys: readonly string[] = NONE): string {
    const all = this.#text();
    let lines = "";
    const text = (line: string) => void (lines += line);
    this.#eachLine({ isWanted, unwantedKeys }, { text, cut: (from, to) => text(all.slice(from, to)) });
    return lines;
  }

  /** Writes what {@link lines} gives. */
  writeLines(head: HeadWriter, wanted: WantedLines): void {
    const source = this.#source;
    this.#eachLine(wanted, {
      text: (line) => head.text(line),
      cut: (from, to) => {
        if (typeof source === "string") head.text(source.slice(from, to));
        else head.part(source, from, to);
      },
    });
  }

  /** Goes through the lines that are wanted. What stands as it has to, one line behind the other, is cut out at once. */
  #eachLine({ isWanted, unwantedKeys }: WantedLines, { cut, text }: LineSink): void {
    let [from, to] = [0, 0];
    for (const place of this.#places) {
      if (!isWanted(place)) continue;
      if (unwantedKeys.length > 0 && unwantedKeys.includes(this.#keyOf(place))) continue;
      const isPlain = isPlainLine(this.#source, place);
      if (isPlain && to === place.nameFrom) to = place.lineTo;
      else {
        if (to > 0) cut(from, to);
        [from, to] = isPlain ? [place.nameFrom, place.lineTo] : [0, 0];
        if (!isPlain) text(`${this.#nameOf(place)}${SEPARATOR}${this.#valueOf(place)}${LINE_END}`);
      }
    }
    if (to > 0) cut(from, to);
  }

  /** Whether every field is wanted, and its line stands as {@link lines} would give it. */
  arePlain(isWanted: (place: FieldPlace) => boolean): boolean {
    const source = this.#source;
    for (const place of this.#places) if (!isWanted(place) || !isPlainLine(source, place)) return false;
    return true;
  }

  /** Lets go of what else is in the memory that they stand in. */
  keep(): void {
    if (typeof this.#source !== "string") this.#source = keptOf(this.#source);
  }

  #text(): string {
    if (typeof this.#source !== "string") this.#source = latin1Of(this.#source, 0, this.#source.length);
    return this.#source;
  }

  /** A few characters of bytes cost less than a text of all. */
  #cut(from: number, to: number): string {
    const source = this.#source;
    if (typeof source === "string") return source.slice(from, to);
    return to - from <= SHORT_BYTES ? latin1Of(source, from, to) : this.#text().slice(from, to);
  }

  #isNamed(place: FieldPlace, key: string): boolean {
    if (place.nameTo - place.nameFrom !== key.length) return false;
    return this.#keyOf(place) === key;
  }

  #isValue({ valueFrom, valueTo }: FieldPlace, text: string): boolean {
    const source = this.#source;
    if (typeof source === "string" || valueTo - valueFrom !== text.length) return false;
    for (let at = 0; at < text.length; at++) {
      if (source[valueFrom + at] !== text.charCodeAt(at)) return false;
    }
    return true;
  }

  #nameOf({ nameFrom, nameTo }: FieldPlace): string {
    return this.#cut(nameFrom, nameTo);
  }

  #keyOf(place: FieldPlace): string {
    return place.known?.key ?? this.#nameOf(place).toLowerCase();
  }

  #valueOf({ valueFrom, valueTo }: FieldPlace): string {
    return this.#cut(valueFrom, valueTo);
  }
}

const SEPARATOR = ": ";
const LINE_END = "\r\n";
const SPACE = 0x20;
const SHORT_BYTES = 12;
const NONE: readonly string[] = [];

/** Whether there is one space before the value and nothing behind it. */
function isPlainLine(
  source: Uint8Array | string,
  { nameTo, valueFrom, valueTo, lineTo }: FieldPlace,
): boolean {
  if (valueFrom !== nameTo + SEPARATOR.length || lineTo !== valueTo + LINE_END.length) return false;
  return (typeof source === "string" ? source.charCodeAt(nameTo + 1) : source[nameTo + 1]) === SPACE;
}
