/**
 * One side of a soak in a process of its own: a script that prints a line once it is ready, answers each line on its
 * standard input with its `Usage` as a line of JSON, and ends with its input.
 */
import { processIo } from "../src/cli/io.ts";
import { Lines } from "../tests/helpers/lines.ts";
import type { Usage } from "./usage.ts";

/** A running side. */
export class SideProcess implements AsyncDisposable {
  /** What it said when it was ready. */
  readonly ready: Promise<Record<string, unknown>>;
  readonly #child: Deno.ChildProcess;
  readonly #lines: Lines;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  /** Starts a script of this folder with its task as JSON. */
  constructor(script: string, task: unknown = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--v8-flags=--expose-gc", `soak/${script}`, JSON.stringify(task)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = new Lines(this.#child.stdout);
    this.#input = this.#child.stdin.getWriter();
    this.ready = this.#lines.next().then((line) => JSON.parse(line));
  }

  /** What it holds. */
  async usage(): Promise<Usage> {
    await this.#input.write(new TextEncoder().encode("usage\n"));
    return JSON.parse(await this.#lines.next());
  }

  /** Ends it at once, as a power cut does. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#lines.rest();
    await this.#input.close().catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#lines.rest();
    await this.#child.status;
  }
}

/** Answers each line of the standard input with what this process holds; ends with the input. */
export async function answerUsage(measure: () => Promise<Usage>): Promise<void> {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  for await (const text of lines) {
    for (const _ of text.matchAll(/\n/g)) processIo.out(JSON.stringify(await measure()));
  }
}
