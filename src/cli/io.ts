/**
 * Where a command prints and what it knows of its terminal, so that commands run the same in a shell and in a
 * test. Results go to `out`, everything said to a person beside them to `err`.
 */

/** The two streams of a command. */
export interface Io {
  /** Prints one line of the result. */
  out(line: string): void;
  /** Prints one line beside the result: progress, errors. */
  err(line: string): void;
}

/** What is given to a command. */
export interface CommandInput {
  /** Whether a person types it. */
  readonly isTerminal: boolean;
  /** The bytes as they come. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** The terminal on which a person watches a command at work. */
export interface Terminal {
  /** How many characters fit into a line. */
  readonly columns: number;
  readonly hasColours: boolean;
  /** Writes text as it is, without the end of a line. */
  write(text: string): void;
}

/** The streams of a command that also reads, and prints more than lines. */
export interface CommandIo extends Io {
  /** Prints bytes of the result as they are. False when their reader left, so that there is no use in more. */
  outBytes(bytes: Uint8Array): boolean;
  /** Whether results go to a terminal, where bytes of others could do harm. */
  readonly isTerminal: boolean;
  /** Whether results may have colours: they go to a terminal whose owner wants them. */
  readonly hasColours: boolean;
  /** Where what is said beside the result can be written over; `null` where that is no terminal. */
  readonly terminal: Terminal | null;
  readonly input: CommandInput;
}

/** How a command ended. */
export const ExitCode = { done: 0, failed: 1, usage: 2, unreachable: 3, refused: 4 } as const;
/** A code of {@link ExitCode}. */
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

/** What is taken for the width of a terminal that does not tell. */
const USUAL_COLUMNS = 80;

const processTerminal: Terminal = {
  get columns() {
    try {
      // A terminal of no size is one that was never told its size.
      return Deno.consoleSize().columns || USUAL_COLUMNS;
    } catch {
      return USUAL_COLUMNS;
    }
  },
  get hasColours() {
    return !Deno.noColor;
  },
  write: (text) => void write(Deno.stderr, new TextEncoder().encode(text)),
};

/** The streams of the process. Writes are complete when they return. */
export const processIo: CommandIo = {
  out: (line) => void writeLine(Deno.stdout, line),
  err: (line) => void writeLine(Deno.stderr, line),
  outBytes: (bytes) => write(Deno.stdout, bytes),
  get isTerminal() {
    return Deno.stdout.isTerminal();
  },
  get hasColours() {
    return !Deno.noColor && Deno.stdout.isTerminal();
  },
  get terminal() {
    return Deno.stderr.isTerminal() ? processTerminal : null;
  },
  input: {
    get isTerminal() {
      return Deno.stdin.isTerminal();
    },
    chunks: () => Deno.stdin.readable,
  },
};

/**
 * What a pipe takes as a whole or not at all. Where a longer write blocks, the runtime does not say how much of it
 * was written.
 */
const PIECE_BYTES = 4096;
/** How often to ask whether a full pipe takes more. */
const RETRY_MS = 2;

interface SyncWriter {
  writeSync(bytes: Uint8Array): number;
}

function writeLine(stream: SyncWriter, line: string): boolean {
  return write(stream, new TextEncoder().encode(`${line}\n`));
}

function write(stream: SyncWriter, bytes: Uint8Array): boolean {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(stream.writeSync(rest.subarray(0, PIECE_BYTES)));
    } catch (error) {
      // A reader that left (`trunkline config | head`) is no failure of the command.
      if (error instanceof Deno.errors.BrokenPipe) return false;
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      waitForReader();
    }
  }
  return true;
}

/** Whoever shares the pipe may have made it one that does not wait by itself. */
function waitForReader(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
}
