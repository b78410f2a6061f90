/** Programs of the project as child processes, ended with their scope. */
import assert from "node:assert/strict";

/** How a process ended and what it said. */
export interface ProcessResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `deno` process whose output is read line by line. */
export class DenoProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #stderr: Promise<string>;
  #rest = "";

  /** Starts `deno` with these arguments, without colours, in the project's folder unless told otherwise. */
  constructor(
    args: readonly string[],
    { env = {}, cwd }: { env?: Record<string, string>; cwd?: string } = {},
  ) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...args],
      env: { NO_COLOR: "1", ...env },
      ...(cwd === undefined ? {} : { cwd }),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#stderr = new Response(this.#child.stderr).text();
  }

  /** The next line of its output; fails when it ends before. */
  async nextLine(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#lines.read();
      if (done) assert.fail(`the process ended: ${await this.#stderr}`);
      this.#rest += value;
    }
  }

  /** The id that the system gave it. */
  get pid(): number {
    return this.#child.pid;
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for its end. */
  async ended(): Promise<ProcessResult> {
    let stdout = this.#rest;
    for (let part = await this.#lines.read(); !part.done; part = await this.#lines.read()) {
      stdout += part.value;
    }
    const { code } = await this.#child.status;
    return { code, stdout, stderr: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.ended();
  }
}

/** Runs `deno` to its end. */
export async function runDeno(
  args: readonly string[],
  options: { cwd?: string } = {},
): Promise<ProcessResult> {
  await using process = new DenoProcess(args, options);
  return await process.ended();
}

/** The arguments of a task in deno.json, without the variables before `deno` and `deno` itself. */
export async function taskArguments(name: string): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile("deno.json"));
  const words = String(tasks[name]).split(" ");
  const program = words.findIndex((word) => !/^\w+=/.test(word));
  assert.equal(words[program], "deno");
  return words.slice(program + 1);
}
