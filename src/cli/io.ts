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

/** How a command ended. */
export const ExitCode = { done: 0, failed: 1, usage: 2, unreachable: 3, refused: 4 } as const;
/** A code of {@link ExitCode}. */
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

/** The streams of the process. Writes are complete when they return. */
export const processIo: Io = {
  out: (line) => writeLine(Deno.stdout, line),
  err: (line) => writeLine(Deno.stderr, line),
};

function writeLine(stream: { writeSync(bytes: Uint8Array): number }, line: string): void {
  let rest: Uint8Array = new TextEncoder().encode(`${line}\n`);
  try {
    while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
  } catch (error) {
    // A reader that left (`trunkline config | head`) is no failure of the command.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
