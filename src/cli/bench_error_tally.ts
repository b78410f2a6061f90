/** Errors counted by their code. Codes come from others, so only so many are told apart. */

/** What all further codes are counted as. */
export const OTHER_ERRORS = "OTHER";
const MAX_CODES = 32;
const MAX_CODE_CHARACTERS = 64;

/** Counts errors. */
export class ErrorTally {
  readonly #counts = new Map<string, number>();
  #count = 0;

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  /** Takes one. */
  add(code: string): void {
    this.#count++;
    const known = this.#counts.get(code);
    if (known !== undefined) this.#counts.set(code, known + 1);
    else if (this.#counts.size < MAX_CODES && code.length <= MAX_CODE_CHARACTERS) this.#counts.set(code, 1);
    else this.#counts.set(OTHER_ERRORS, (this.#counts.get(OTHER_ERRORS) ?? 0) + 1);
  }

  /** The codes with how often each came. */
  entries(): [string, number][] {
    return [...this.#counts];
  }
}
