/**
 * Load from a process of its own: a script of `bench/load/` that prints "go" when the measured part begins and one
 * JSON line at its end.
 */

/** A running load. */
export class LoadProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  /** Starts a script with its task as JSON. */
  constructor(script: string, task: unknown) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", `bench/load/${script}`, JSON.stringify(task)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("Cannot go on: the load process ended early");
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }

  /** Says a number to it and waits for its "go". */
  async say(count: number): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${count}\n`));
    writer.releaseLock();
    if (await this.line() !== "go") throw new Error("Cannot go on: the load process said something else");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
    await this.#reader.cancel();
    await this.#child.stdin.close().catch(() => {});
    await this.#child.status;
  }
}
