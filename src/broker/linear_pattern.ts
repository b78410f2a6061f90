/**
 * Regular expressions that cannot hang the hub. An expression becomes a program of bounded size, and a text is gone
 * through once with the set of all places of the program that it can have reached: there is nothing to go back to, so
 * that the steps are at most the length of the text times the size of the program, whatever the two are.
 */
import { type CodeRange, parsePattern, type PatternNode } from "./pattern_syntax.ts";

/** The most instructions of a program. */
export const MAX_INSTRUCTIONS = 256;
/** The most parts that are looked at to make a program, as repeated parts count each time. */
const MAX_VISITS = 2000;

/** What a program is made of; the numbers are places in it. */
type Instruction =
  /** Goes on with the next instruction when the code point fits. */
  | { readonly kind: "set"; readonly ranges: readonly CodeRange[]; readonly isNegated: boolean }
  | { readonly kind: "start" }
  | { readonly kind: "end" }
  /** Goes on at both places. */
  | { readonly kind: "split"; readonly one: number; readonly other: number }
  | { readonly kind: "match" };

/** An expression that can be used, or why it cannot. */
export type CompiledPattern =
  | { readonly ok: true; readonly pattern: LinearPattern }
  | { readonly ok: false; readonly reason: string };

/** Makes the program of an expression. */
export function compilePattern(text: string): CompiledPattern {
  const parsed = parsePattern(text);
  if (!parsed.ok) return parsed;
  const program = new Compiler().compile(parsed.node);
  if (program === null) {
    return { ok: false, reason: "it is too large: repeat less, or in fewer layers" };
  }
  return { ok: true, pattern: new LinearPattern(program) };
}

/** A program that looks for its expression anywhere in a text. */
export class LinearPattern {
  readonly #program: readonly Instruction[];
  /** In which round each place was reached last. */
  readonly #reached: Float64Array;
  #round = 0;
  /** Steps of all calls together: what looking cost. */
  steps = 0;

  constructor(program: readonly Instruction[]) {
    this.#program = program;
    this.#reached = new Float64Array(program.length);
  }

  /** Whether the text holds what the expression describes. */
  test(text: string): boolean {
    const characters = [...text];
    let places: number[] = [];
    for (let at = 0;; at++) {
      // A match may begin anywhere.
      places.push(0);
      const isEnd = at === characters.length;
      const waiting = this.#follow(places, { isStart: at === 0, isEnd });
      if (waiting === null) return true;
      if (isEnd) return false;
      const code = characters[at]?.codePointAt(0) ?? 0;
      places = [];
      for (const { place, instruction } of waiting) {
        if (isInRanges(code, instruction.ranges) !== instruction.isNegated) places.push(place + 1);
      }
    }
  }

  /** Goes on from places without taking a character; gives where one is needed, `null` when there is a match. */
  #follow(places: number[], { isStart, isEnd }: { isStart: boolean; isEnd: boolean }): Waiting[] | null {
    const waiting: Waiting[] = [];
    this.#round++;
    for (let place = places.pop(); place !== undefined; place = places.pop()) {
      const instruction = this.#program[place];
      if (instruction === undefined || this.#reached[place] === this.#round) continue;
      this.#reached[place] = this.#round;
      this.steps++;
      switch (instruction.kind) {
        case "match":
          return null;
        case "set":
          waiting.push({ place, instruction });
          break;
        case "split":
          places.push(instruction.one, instruction.other);
          break;
        case "start":
          if (isStart) places.push(place + 1);
          break;
        case "end":
          if (isEnd) places.push(place + 1);
          break;
      }
    }
    return waiting;
  }
}

/** A place that goes on with a character. */
interface Waiting {
  readonly place: number;
  readonly instruction: Extract<Instruction, { kind: "set" }>;
}

/** Makes programs; gives up where one would be too large. */
class Compiler {
  readonly #program: Instruction[] = [];
  #visits = 0;

  compile(node: PatternNode): readonly Instruction[] | null {
    this.#emitAll(node);
    this.#program.push({ kind: "match" });
    return this.#isTooLarge ? null : this.#program;
  }

  get #isTooLarge(): boolean {
    return this.#program.length > MAX_INSTRUCTIONS || this.#visits > MAX_VISITS;
  }

  #emitAll(node: PatternNode): void {
    this.#visits++;
    if (this.#isTooLarge) return;
    switch (node.kind) {
      case "sequence":
        for (const item of node.items) this.#emitAll(item);
        return;
      case "choice":
        return this.#emitChoice(node.options);
      case "repeat":
        return this.#emitRepeat(node);
      default:
        this.#program.push(node);
    }
  }

  /** Each alternative but the last: a fork to it and to the rest, and from its end a way to the end of all. */
  #emitChoice(options: readonly PatternNode[]): void {
    const ends: number[] = [];
    for (const option of options.slice(0, -1)) {
      const fork = this.#reserve();
      this.#emitAll(option);
      ends.push(this.#reserve());
      this.#fork(fork, { one: fork + 1, other: this.#program.length });
    }
    const last = options.at(-1);
    if (last !== undefined) this.#emitAll(last);
    for (const end of ends) this.#fork(end, { one: this.#program.length, other: this.#program.length });
  }

  #emitRepeat({ item, min, max }: Extract<PatternNode, { kind: "repeat" }>): void {
    for (let i = 0; i < min && !this.#isTooLarge; i++) this.#emitAll(item);
    if (max === Infinity) {
      const fork = this.#reserve();
      this.#emitAll(item);
      const back = this.#reserve();
      this.#fork(back, { one: fork, other: fork });
      this.#fork(fork, { one: fork + 1, other: this.#program.length });
      return;
    }
    const forks: number[] = [];
    for (let i = min; i < max && !this.#isTooLarge; i++) {
      forks.push(this.#reserve());
      this.#emitAll(item);
    }
    for (const fork of forks) this.#fork(fork, { one: fork + 1, other: this.#program.length });
  }

  /** A place for a fork whose ways are not known yet. */
  #reserve(): number {
    return this.#program.push({ kind: "split", one: 0, other: 0 }) - 1;
  }

  #fork(at: number, { one, other }: { one: number; other: number }): void {
    this.#program[at] = { kind: "split", one, other };
  }
}

/** Whether a code point is in one of the ranges, which are in order. */
function isInRanges(code: number, ranges: readonly CodeRange[]): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [first, last] = ranges[middle] ?? [0, 0];
    if (code < first) high = middle - 1;
    else if (code > last) low = middle + 1;
    else return true;
  }
  return false;
}
