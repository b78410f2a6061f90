/**
 * Cuts TypeScript source into the few kinds of tokens that the checks of this repository need: words, strings
 * and punctuation, each with its line. Comments, regular expressions and the text parts of templates are left
 * out, so that nothing written in them can be taken for code. It is no compiler: after `)` and `}` a slash is
 * a division. What it cannot read to the end it refuses, it never leaves a part out in silence.
 */

/** One token. A template with `${}` in it is one `template` token, after the tokens of its expressions. */
export interface Token {
  kind: "word" | "string" | "template" | "punctuation";
  /** The word, the text between the quotes as written, or the one punctuation character. */
  text: string;
  /** The line that it begins on, from 1. */
  line: number;
}

const wordStart = /[\p{ID_Start}$_#\d]/u;
const wordRest = /[\p{ID_Continue}$\u200c\u200d]*/uy;
const regexEnd = /(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const valueWords = new Set(
  "return typeof case in of delete void throw new else do instanceof await yield extends default".split(" "),
);

/** The tokens of a source text. Throws where a comment or a template does not end. */
export function tokenize(source: string): Token[] {
  return new Tokenizer(source).run();
}

class Tokenizer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  /** What each open brace belongs to. */
  readonly #braces: ("block" | "template")[] = [];
  #position = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Token[] {
    if (this.#source.startsWith("#!")) this.#skipTo("\n");
    while (this.#position < this.#source.length) this.#next();
    return this.#tokens;
  }

  #next(): void {
    const char = this.#source.charAt(this.#position);
    const pair = this.#source.substring(this.#position, this.#position + 2);
    if (char === "\n") this.#line++;
    if (/\s/.test(char)) this.#position++;
    else if (pair === "//") this.#skipTo("\n");
    else if (pair === "/*") this.#comment();
    else if (char === '"' || char === "'") this.#string(char);
    else if (char === "`") this.#template(true);
    else if (wordStart.test(char)) this.#word();
    else if (char === "/" && this.#regexMayStart() && this.#skip(regexEnd, 1)) return;
    else this.#punctuation(char);
  }

  #push(kind: Token["kind"], text: string, line = this.#line): void {
    this.#tokens.push({ kind, text, line });
  }

  #skipTo(text: string): void {
    const found = this.#source.indexOf(text, this.#position);
    this.#position = found < 0 ? this.#source.length : found;
  }

  /** Moves behind what the sticky pattern matches `ahead` characters from here; false where it does not. */
  #skip(pattern: RegExp, ahead: number): boolean {
    pattern.lastIndex = this.#position + ahead;
    if (!pattern.test(this.#source)) return false;
    this.#position = pattern.lastIndex;
    return true;
  }

  #comment(): void {
    const start = this.#position;
    const line = this.#line;
    const end = this.#source.indexOf("*/", start + 2);
    if (end < 0) throw new Error(`Cannot read the comment that opens on line ${line}: it never ends`);
    this.#position = end + 2;
    this.#line += this.#source.substring(start, end).split("\n").length - 1;
  }

  #string(quote: string): void {
    const start = this.#position + 1;
    let at = start;
    while (at < this.#source.length && this.#source[at] !== quote && this.#source[at] !== "\n") {
      at += this.#source[at] === "\\" && this.#source[at + 1] !== "\n" ? 2 : 1;
    }
    this.#push("string", this.#source.substring(start, at));
    this.#position = this.#source[at] === quote ? at + 1 : at;
  }

  /** Reads template text from a backtick (`whole`) or from the brace that ends an expression in it. */
  #template(whole: boolean): void {
    const start = this.#position + 1;
    const line = this.#line;
    for (let at = start; at < this.#source.length; at++) {
      const char = this.#source[at];
      if (char === "\n") this.#line++;
      if (char === "\\") {
        at++;
        if (this.#source[at] === "\n") this.#line++;
      } else if (char === "`") {
        const text = this.#source.substring(start, at);
        this.#push(whole ? "string" : "template", whole ? text : "", line);
        this.#position = at + 1;
        return;
      } else if (char === "$" && this.#source[at + 1] === "{") {
        this.#braces.push("template");
        // Stands for the opening of the expression, so that a slash after it opens a regular expression.
        this.#push("punctuation", "{");
        this.#position = at + 2;
        return;
      }
    }
    throw new Error(`Cannot read the template that goes on from line ${line}: it never ends`);
  }

  #word(): void {
    const start = this.#position;
    this.#skip(wordRest, 1);
    this.#push("word", this.#source.substring(start, this.#position));
  }

  #punctuation(char: string): void {
    if (char === "{") this.#braces.push("block");
    this.#push("punctuation", char);
    if (char === "}" && this.#braces.pop() === "template") this.#template(false);
    else this.#position++;
  }

  #regexMayStart(): boolean {
    const last = this.#tokens.at(-1);
    if (last === undefined) return true;
    if (last.kind === "word") return valueWords.has(last.text);
    return last.kind === "punctuation" && !")]}.".includes(last.text);
  }
}
