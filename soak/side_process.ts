/**
 * One side of a soak in a process of its own: a script that prints a line once it is ready, answers each line on its
 * standard input with its `Usage` as a line of JSON, or with what it has resident at the moment where the line says
 * `memory`, and ends with its input.
 */
import { processIo } from "../src/cli/io.ts";
import { LineProcess } from "./line_process.ts";
import type { MemorySample } from "./memory_curve.ts";
import type { Usage } from "./usage.ts";

/** A running side. */
export class SideProcess implements AsyncDisposable {
  /** What it said when it was ready. */
  readonly ready: Promise<Record<string, unknown>>;
  readonly #process: LineProcess;

  /** Starts a script of this folder with its task as JSON. */
  constructor(script: string, task: unknown = {}) {
    const flags = ["--v8-flags=--expose-gc"];
    this.#process = new LineProcess(script, { flags, args: [JSON.stringify(task)] });
    this.ready = this.#process.ready.then((line) => JSON.parse(line));
  }

  /** What it holds. */
  usage(): Promise<Usage> {
    return this.#process.ask("usage");
  }

  /** What it has resident now, while it works. */
  memory(): Promise<MemorySample> {
    return this.#process.ask("memory");
  }

  /** Ends it at once, as a power cut does. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

/** Answers each line of the standard input with what this process holds, or has resident; ends with the input. */
export async function answerUsage(measure: () => Promise<Usage>): Promise<void> {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  for await (const text of lines) {
    for (const [, what] of text.matchAll(/(\w+)\n/g)) {
      const answer = what === "memory" ? { residentBytes: Deno.memoryUsage().rss } : await measure();
      processIo.out(JSON.stringify(answer));
    }
  }
}
