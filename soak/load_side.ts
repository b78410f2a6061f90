/** A load of a soak in a process of its own: it says "go" once it is ready, and answers each line with one of JSON. */
import { Lines } from "../tests/helpers/lines.ts";

/** A running load. */
export class LoadSide implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: Lines;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(script: string, task: unknown) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", `soak/${script}`, JSON.stringify(task)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = new Lines(this.#child.stdout);
    this.#input = this.#child.stdin.getWriter();
  }

  /** Starts a script of this folder with its task as JSON; resolves when it is ready. */
  static async start(script: string, task: unknown): Promise<LoadSide> {
    const side = new LoadSide(script, task);
    await side.#lines.next();
    return side;
  }

  /** What came of it since it was asked before. */
  async ask<T>(): Promise<T> {
    await this.#input.write(new TextEncoder().encode("report\n"));
    return JSON.parse(await this.#lines.next());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#lines.rest();
    await this.#child.status;
  }
}
