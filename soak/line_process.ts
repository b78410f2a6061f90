/**
 * A script of this folder in a process of its own: it prints a line once it is ready, answers each line on its standard
 * input with one of JSON, and ends with its input.
 */
import { Lines } from "../tests/helpers/lines.ts";

/** A running script. */
export class LineProcess implements AsyncDisposable {
  /** What it said when it was ready. */
  readonly ready: Promise<string>;
  readonly #child: Deno.ChildProcess;
  readonly #lines: Lines;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  /** Starts a script with its arguments; `flags` are the runtime's. */
  constructor(
    script: string,
    { args = [], flags = [] }: { args?: readonly string[]; flags?: readonly string[] },
  ) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", ...flags, `soak/${script}`, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = new Lines(this.#child.stdout);
    this.#input = this.#child.stdin.getWriter();
    this.ready = this.#lines.next();
  }

  /** Asks for something; gives the answer. */
  async ask<T>(what: string): Promise<T> {
    await this.#input.write(new TextEncoder().encode(`${what}\n`));
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
