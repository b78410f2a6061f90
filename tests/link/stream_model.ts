/** What streams have to do, whatever is done with them: a model that both ends are compared with. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "../helpers/prefixed.ts";
import { KIB, pattern, type Reader } from "./mux_pair.ts";

/** Something that is done with a stream. */
export interface StreamStep {
  /** `stop` and `go`: what comes is not passed on any more, or again. */
  readonly what: "open" | "write" | "end" | "reset" | "stop" | "go" | "turn";
  readonly stream: number;
  /** Which end does it: the one that opened the stream, or the other. */
  readonly byOpener: boolean;
  readonly bytes: number;
}

/** Any steps. */
export const streamSteps: fc.Arbitrary<StreamStep[]> = fc.array(
  fc.record({
    what: fc.constantFrom("open", "write", "write", "write", "end", "reset", "stop", "go", "turn", "turn"),
    stream: fc.nat(20),
    byOpener: fc.boolean(),
    bytes: fc.oneof(fc.nat(200), fc.nat(40 * KIB)),
  }),
  { minLength: 1, maxLength: 120, size: "max" },
);

/** One direction of a stream, as it has to be. */
interface Direction {
  readonly written: Uint8Array[];
  isEnded: boolean;
}

/** One stream, as it has to be. */
interface ModelStream {
  readonly tag: number;
  readonly opener: Reader;
  readonly up: Direction;
  readonly down: Direction;
  isReset: boolean;
}

/** Both ends, as the model needs them. */
export interface ModelEnds {
  /** Opens a stream from either end. */
  open(tag: number): Reader;
  /** The reader of the other end, once it is there. */
  accepted(tag: number): Reader | undefined;
}

/** The model. */
export class StreamModel {
  readonly #ends: ModelEnds;
  readonly #streams: ModelStream[] = [];

  constructor(ends: ModelEnds) {
    this.#ends = ends;
  }

  /** Does a step; of no effect where there is no such stream yet. */
  apply({ what, stream, byOpener, bytes }: StreamStep): void {
    if (what === "open" || this.#streams.length === 0) {
      const tag = this.#streams.length + 1;
      const direction = () => ({ written: [], isEnded: false });
      this.#streams.push({
        tag,
        opener: this.#ends.open(tag),
        up: direction(),
        down: direction(),
        isReset: false,
      });
      return;
    }
    const one = this.#streams[stream % Math.max(1, this.#streams.length)];
    const reader = byOpener ? one?.opener : one && this.#ends.accepted(one.tag);
    if (one === undefined || reader === undefined || reader.isOver) return;
    const direction = byOpener ? one.up : one.down;
    if (what === "write" && !direction.isEnded) {
      const chunk = pattern(bytes, one.tag + direction.written.length);
      direction.written.push(chunk);
      reader.stream.write(chunk);
    } else if (what === "end") {
      direction.isEnded = true;
      reader.stream.end();
    } else if (what === "reset") {
      one.isReset = true;
      reader.stream.reset(9, "Because");
    } else if (what === "stop") reader.isReading = false;
    else if (what === "go") this.#resume(reader);
  }

  /** Every reader passes everything on. */
  resumeAll(): void {
    for (const { tag, opener } of this.#streams) {
      this.#resume(opener);
      const other = this.#ends.accepted(tag);
      if (other !== undefined) this.#resume(other);
    }
  }

  /** Whether all that has to come came. */
  get isDone(): boolean {
    return this.#streams.every((one) => {
      const other = this.#ends.accepted(one.tag);
      if (one.isReset) return one.opener.isOver && (other === undefined || other.isOver);
      if (other === undefined) return false;
      const isEnded = one.up.isEnded && one.down.isEnded;
      return lengthOf(other.chunks) === lengthOf(one.up.written) &&
        lengthOf(one.opener.chunks) === lengthOf(one.down.written) &&
        other.events.includes("end") === one.up.isEnded &&
        one.opener.events.includes("end") === one.down.isEnded &&
        one.opener.isOver === isEnded && other.isOver === isEnded;
    });
  }

  /** Compares every byte. */
  check(): void {
    for (const { tag, opener, up, down, isReset } of this.#streams) {
      const other = this.#ends.accepted(tag);
      for (const [got, { written }] of [[other, up], [opener, down]] as const) {
        const expected = concat(written);
        const bytes = got?.bytes ?? new Uint8Array(0);
        assert.ok(bytes.length <= expected.length, `stream ${tag} got more than was written`);
        assert.deepEqual(bytes, isReset ? expected.subarray(0, bytes.length) : expected, `stream ${tag}`);
      }
      if (!isReset) assert.deepEqual([opener.reset, other?.reset ?? null], [null, null]);
    }
  }

  #resume(reader: Reader): void {
    reader.isReading = true;
    reader.read();
  }
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}
