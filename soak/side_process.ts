/**
 * One side of a soak in a process of its own: a script that prints a line once it is ready, answers each line on its
 * standard input with its `Usage` as a line of JSON, or with what it has resident at the moment where the line says
 * `memory`, and ends with its input.
 */
import { processIo } from "../src/cli/io.ts";
import { Lines } from "../tests/helpers/lines.ts";
import type { MemorySample } from "./memory_curve.ts";
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
  usage(): Promise<Usage> {
    return this.#ask("usage");
  }

  /** What it has resident now, while it works. */
  memory(): Promise<MemorySample> {
    return this.#ask("memory");
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

  async #ask<T>(what: string): Promise<T> {
    await this.#input.write(new TextEncoder().encode(`${what}\n`));
    return JSON.parse(await this.#lines.next());
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
