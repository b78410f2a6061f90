/** The streams of a command as a test sees them: what it printed, line by line, and an input of one's own. */
import type { CommandInput, CommandIo, Terminal } from "../../src/cli/io.ts";

/** What a command is given. */
export interface MemoryIoOptions {
  /** The pieces of the input; a terminal that nobody types on when left out. */
  readonly input?: AsyncIterable<Uint8Array> | readonly string[];
  /** How many pieces of `outBytes` are read before their reader leaves. @default Infinity */
  readonly readerStaysFor?: number;
  readonly hasColours?: boolean;
  /** Whether results go to a terminal. @default false */
  readonly isTerminal?: boolean;
  /** The terminal that is written to beside the result. @default none */
  readonly terminal?: Omit<Terminal, "write">;
}

/** Keeps what is printed. */
export class MemoryIo implements CommandIo {
  readonly hasColours: boolean;
  readonly isTerminal: boolean;
  readonly terminal: Terminal | null;
  readonly input: CommandInput;
  readonly #encoder = new TextEncoder();
  #bytes: Uint8Array[] = [];
  #readerStaysFor: number;
  #errors = "";
  #terminalText = "";
  #waiting: { readonly wanted: RegExp; readonly resolve: () => void }[] = [];

  constructor(
    { input, readerStaysFor = Infinity, hasColours = false, isTerminal = false, terminal }: MemoryIoOptions =
      {},
  ) {
    this.#readerStaysFor = readerStaysFor;
    this.hasColours = hasColours;
    this.isTerminal = isTerminal;
    this.terminal = terminal === undefined
      ? null
      : { ...terminal, write: (text) => void (this.#terminalText += text) };
    const chunks = input ?? [];
    this.input = {
      isTerminal: input === undefined,
      chunks: async function* () {
        const encoder = new TextEncoder();
        for await (const chunk of chunks) yield typeof chunk === "string" ? encoder.encode(chunk) : chunk;
      },
    };
  }

  /** The bytes of the result. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.#bytes.flatMap((bytes) => [...bytes]));
  }

  /** The result as text, without the end of the last line. */
  get text(): string {
    return new TextDecoder().decode(this.bytes).replace(/\n$/, "");
  }

  /** The lines of the result. */
  get lines(): string[] {
    return this.text === "" ? [] : this.text.split("\n");
  }

  /** What was said beside the result, likewise. */
  get errors(): string {
    return this.#errors.replace(/\n$/, "");
  }

  /** What was written to the terminal as it is. */
  get terminalText(): string {
    return this.#terminalText;
  }

  out(line: string): void {
    this.#bytes.push(this.#encoder.encode(`${line}\n`));
  }

  outBytes(bytes: Uint8Array): boolean {
    if (this.#readerStaysFor-- <= 0) return false;
    this.#bytes.push(bytes.slice());
    return true;
  }

  err(line: string): void {
    this.#errors += `${line}\n`;
    for (const { wanted, resolve } of this.#waiting) if (wanted.test(this.#errors)) resolve();
  }

  /** Resolves once this was said beside the result. */
  says(wanted: RegExp): Promise<void> {
    if (wanted.test(this.#errors)) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ wanted, resolve });
    return promise;
  }
}

/** An input of one piece. */
export async function* bytes(...values: number[]): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(values);
}
