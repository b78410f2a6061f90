/**
 * How a load process talks to the benchmark that started it: whole lines out, numbers in.
 */

const encoder = new TextEncoder();

/** Prints one line at once. */
export function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

/** The numbers that the benchmark says, one a line, until it closes the input. */
export async function* numbers(): AsyncGenerator<number> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield Number(line);
  }
}
