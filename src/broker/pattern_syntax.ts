/**
 * The regular expressions that a client may give: their grammar, read into a tree. It is the part of JavaScript's
 * that describes regular languages, and means the same there: what cannot be found in linear time (back-references,
 * looking around) is no part of it. Nothing here throws for what a client wrote.
 */

/** The most characters of an expression. */
export const MAX_PATTERN_CHARACTERS = 200;
/** The most times that a count in braces may say. */
export const MAX_REPEATS = 100;

/** Code points from the first to the second, both included. */
export type CodeRange = readonly [number, number];

/** A part of an expression. */
export type PatternNode =
  /** One code point that is in one of the ranges, which are in order, or, negated, in none. */
  | { readonly kind: "set"; readonly ranges: readonly CodeRange[]; readonly isNegated: boolean }
  | { readonly kind: "start" }
  | { readonly kind: "end" }
  | { readonly kind: "sequence"; readonly items: readonly PatternNode[] }
  | { readonly kind: "choice"; readonly options: readonly PatternNode[] }
  | { readonly kind: "repeat"; readonly item: PatternNode; readonly min: number; readonly max: number };

/** An expression as a tree, or why it is none. */
export type ParsedPattern =
  | { readonly ok: true; readonly node: PatternNode }
  | { readonly ok: false; readonly reason: string };

const LAST_CODE = 0x10ffff;
const LINE_ENDS: readonly CodeRange[] = [[0x0a, 0x0a], [0x0d, 0x0d], [0x2028, 0x2029]];
const DIGITS: readonly CodeRange[] = [[0x30, 0x39]];
const WORD: readonly CodeRange[] = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const SPACE: readonly CodeRange[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const CLASSES: ReadonlyMap<string, readonly CodeRange[]> = new Map([
  ["d", DIGITS],
  ["w", WORD],
  ["s", SPACE],
  ["D", others(DIGITS)],
  ["W", others(WORD)],
  ["S", others(SPACE)],
]);
const CONTROLS: ReadonlyMap<string, number> = new Map([["n", 0x0a], ["r", 0x0d], ["t", 0x09]]);
/** What stands for itself only behind a backslash. */
const SPECIAL = "\\^$.*+?()[]{}|/-";

/** Reads an expression. */
export function parsePattern(text: string): ParsedPattern {
  const characters = [...text];
  if (characters.length > MAX_PATTERN_CHARACTERS) {
    return { ok: false, reason: `it has more than ${MAX_PATTERN_CHARACTERS} characters` };
  }
  const parser = new Parser(characters);
  const node = parser.choice();
  if (parser.reason !== null) return { ok: false, reason: parser.reason };
  if (parser.isAtEnd) return { ok: true, node };
  return { ok: false, reason: `nothing opens the ) at character ${parser.at + 1}` };
}

const NOTHING: PatternNode = { kind: "sequence", items: [] };

/** Reads from left to right; after the first mistake it reads on to no effect, and the reason says what it was. */
class Parser {
  readonly #characters: readonly string[];
  at = 0;
  reason: string | null = null;

  constructor(characters: readonly string[]) {
    this.#characters = characters;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#characters.length;
  }

  /** Alternatives, up to the end or a closing parenthesis. */
  choice(): PatternNode {
    const options = [this.#sequence()];
    while (this.#takes("|")) options.push(this.#sequence());
    const [only] = options;
    return options.length === 1 && only !== undefined ? only : { kind: "choice", options };
  }

  #sequence(): PatternNode {
    const items: PatternNode[] = [];
    while (this.reason === null && !this.isAtEnd && !this.#sees("|") && !this.#sees(")")) {
      items.push(this.#repeated());
    }
    return { kind: "sequence", items };
  }

  #repeated(): PatternNode {
    const item = this.#atom();
    const count = this.#count();
    if (count === null) return item;
    if (item.kind === "start" || item.kind === "end") return this.#fail("^ and $ cannot be repeated");
    // Greedy or not makes no difference to whether there is a match.
    this.#takes("?");
    const [min, max] = count;
    return { kind: "repeat", item, min, max };
  }

  #count(): readonly [number, number] | null {
    if (this.#takes("*")) return [0, Infinity];
    if (this.#takes("+")) return [1, Infinity];
    if (this.#takes("?")) return [0, 1];
    if (!this.#takes("{")) return null;
    const min = this.#number();
    let max = min;
    if (this.#takes(",")) max = this.#sees("}") ? Infinity : this.#number();
    if (!this.#takes("}") || max < min) this.#fail("a count is {n}, {n,} or {n,m} with n not over m");
    return [min, max];
  }

  #number(): number {
    let digits = "";
    while (!this.isAtEnd && /^[0-9]$/.test(this.#peek()) && digits.length < 4) digits += this.#take();
    const value = Number(digits);
    if (digits === "" || value > MAX_REPEATS) this.#fail(`a count is a number up to ${MAX_REPEATS}`);
    return Math.min(value, MAX_REPEATS);
  }

  #atom(): PatternNode {
    const character = this.#take();
    switch (character) {
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "end" };
      case ".":
        return { kind: "set", ranges: LINE_ENDS, isNegated: true };
      case "(":
        return this.#group();
      case "[":
        return this.#set();
      case "\\":
        return { kind: "set", ranges: this.#escaped(), isNegated: false };
    }
    if ("*+?{}]".includes(character)) {
      return this.#fail(`${character} stands at a place where it means nothing: write \\${character}`);
    }
    return { kind: "set", ranges: [only(character)], isNegated: false };
  }

  #group(): PatternNode {
    if (this.#takes("?") && !this.#takes(":")) {
      return this.#fail("groups are ( ) and (?: ): looking around and names are not supported");
    }
    const inner = this.choice();
    return this.#takes(")") ? inner : this.#fail("a ( is never closed");
  }

  #set(): PatternNode {
    const isNegated = this.#takes("^");
    const ranges: CodeRange[] = [];
    while (this.reason === null && !this.isAtEnd && !this.#sees("]")) {
      const from = this.#member();
      if (!this.#sees("-") || this.#peek(1) === "]") {
        ranges.push(...from);
        continue;
      }
      this.#take();
      const [[first, last] = [0, 0]] = from;
      const to = this.#member();
      const [[end, endLast] = [0, 0]] = to;
      const isRange = from.length === 1 && to.length === 1 && first === last && end === endLast &&
        first <= end;
      if (!isRange) return this.#fail("a range in [ ] goes from one character to a later one");
      ranges.push([first, end]);
    }
    if (!this.#takes("]")) return this.#fail("a [ is never closed");
    return { kind: "set", ranges: inOrder(ranges), isNegated };
  }

  /** One member of a set; a class is several ranges. */
  #member(): readonly CodeRange[] {
    const character = this.#take();
    if (character === "\\") return this.#escaped();
    return character === "" ? [] : [only(character)];
  }

  #escaped(): readonly CodeRange[] {
    const character = this.#take();
    const known = CLASSES.get(character);
    if (known !== undefined) return known;
    const control = CONTROLS.get(character);
    if (control !== undefined) return [[control, control]];
    if (character !== "" && SPECIAL.includes(character)) return [only(character)];
    this.#fail(
      `\\${character} is not supported: there are \\d \\w \\s \\D \\W \\S \\n \\r \\t, and \\ before punctuation`,
    );
    return [];
  }

  #peek(ahead = 0): string {
    return this.#characters[this.at + ahead] ?? "";
  }

  #sees(character: string): boolean {
    return this.#peek() === character;
  }

  #take(): string {
    return this.#characters[this.at++] ?? "";
  }

  #takes(character: string): boolean {
    if (!this.#sees(character)) return false;
    this.at++;
    return true;
  }

  #fail(reason: string): PatternNode {
    this.reason ??= reason;
    return NOTHING;
  }
}

function only(character: string): CodeRange {
  const code = character.codePointAt(0) ?? 0;
  return [code, code];
}

/** The same code points in ranges that are in order and do not touch. */
function inOrder(ranges: readonly CodeRange[]): readonly CodeRange[] {
  const joined: CodeRange[] = [];
  for (const [first, last] of ranges.toSorted(([one], [other]) => one - other)) {
    const before = joined.at(-1);
    if (before === undefined || first > before[1] + 1) joined.push([first, last]);
    else joined[joined.length - 1] = [before[0], Math.max(before[1], last)];
  }
  return joined;
}

/** What is in none of the ranges, which are in order. */
function others(ranges: readonly CodeRange[]): readonly CodeRange[] {
  const rest: CodeRange[] = [];
  let next = 0;
  for (const [first, last] of ranges) {
    if (first > next) rest.push([next, first - 1]);
    next = last + 1;
  }
  return [...rest, [next, LAST_CODE]];
}
