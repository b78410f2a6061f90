/**
 * Splits TypeScript into words, strings and punctuation, enough to find imports. Guarantees that nothing inside
 * a comment, a string, a template's text or a regular expression comes out as a word, and that it always ends:
 * text that it cannot follow is passed over a character at a time.
 */

/** One piece of a source text. */
export interface Token {
  readonly kind: "word" | "string" | "punctuation" | "regexp";
  /** The word, the character, or the string without its quotes. */
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
}

/** Words after which a slash begins a regular expression and not a division. */
const BEFORE_REGEXP: ReadonlySet<string> = new Set(
  ["return", "typeof", "case", "in", "of", "void", "delete", "throw", "new", "else", "do", "await", "yield"],
);

/** The tokens of a source text, without comments and white space. */
export function tokenize(source: string): Token[] {
  const tokenizer = new Tokenizer(source);
  return tokenizer.run();
}

class Tokenizer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  /** For each template that is open: how many braces are open inside its current `${`. */
  readonly #templates: number[] = [];
  #at = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Token[] {
    while (this.#at < this.#source.length) this.#next();
    return this.#tokens;
  }

  #next(): void {
    const char = this.#peek();
    const pair = this.#source.slice(this.#at, this.#at + 2);
    if (/\s/.test(char)) this.#skip(1);
    else if (pair === "//") this.#skip(this.#lengthUntil("\n"));
    else if (pair === "/*") this.#skip(this.#lengthUntil("*/", this.#at + 2) + 2);
    else if (char === '"' || char === "'") this.#quoted(char);
    else if (char === "`") this.#template();
    else if (char === "/" && this.#regexpMayStart()) this.#regexp();
    else if (/[\p{ID_Continue}$#]/u.test(char)) this.#word();
    else if (char === "{" || char === "}") this.#brace(char);
    else this.#push("punctuation", char, 1);
  }

  #peek(offset = 0): string {
    return this.#source.charAt(this.#at + offset);
  }

  #lengthUntil(end: string, from = this.#at): number {
    const found = this.#source.indexOf(end, from);
    return (found === -1 ? this.#source.length : found) - this.#at;
  }

  #skip(length: number): void {
    const end = Math.min(this.#at + length, this.#source.length);
    for (; this.#at < end; this.#at++) if (this.#peek() === "\n") this.#line++;
  }

  #push(kind: Token["kind"], text: string, length: number): void {
    this.#tokens.push({ kind, text, line: this.#line });
    this.#skip(length);
  }

  #word(): void {
    const text = /^[\p{ID_Continue}$_#]+/u.exec(this.#source.slice(this.#at, this.#at + 256))?.[0] ??
      this.#peek();
    this.#push("word", text, text.length);
  }

  /** A string ends at its quote, or at the end of the line when that is missing (text of a page, say). */
  #quoted(quote: string): void {
    let length = 1;
    while (this.#peek(length) !== quote && this.#peek(length) !== "\n" && this.#peek(length) !== "") {
      length += this.#peek(length) === "\\" ? 2 : 1;
    }
    this.#push("string", this.#source.slice(this.#at + 1, this.#at + length), length + 1);
  }

  #template(): void {
    this.#skip(1);
    this.#templateText("");
  }

  /** Passes over a template's text; one without substitutions becomes a string. */
  #templateText(mark: "" | "}"): void {
    const start = this.#at;
    const line = this.#line;
    while (this.#at < this.#source.length) {
      if (this.#peek() === "`") {
        const text = this.#source.slice(start, this.#at);
        if (mark === "") this.#tokens.push({ kind: "string", text, line });
        this.#skip(1);
        return;
      }
      if (this.#peek() === "$" && this.#peek(1) === "{") {
        this.#skip(2);
        this.#templates.push(0);
        return;
      }
      this.#skip(this.#peek() === "\\" ? 2 : 1);
    }
  }

  #brace(char: "{" | "}"): void {
    const open = this.#templates.at(-1);
    if (char === "}" && open === 0) {
      this.#templates.pop();
      this.#skip(1);
      this.#templateText("}");
      return;
    }
    if (open !== undefined) this.#templates[this.#templates.length - 1] = open + (char === "{" ? 1 : -1);
    this.#push("punctuation", char, 1);
  }

  #regexpMayStart(): boolean {
    const last = this.#tokens.at(-1);
    if (last === undefined) return true;
    if (last.kind === "word") return BEFORE_REGEXP.has(last.text);
    return last.kind === "punctuation" && !/[)\]}]/.test(last.text);
  }

  #regexp(): void {
    const found = /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/.exec(this.#source.slice(this.#at));
    if (found === null) this.#push("punctuation", "/", 1);
    else this.#push("regexp", found[0], found[0].length);
  }
}
