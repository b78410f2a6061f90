/** The example programs as their users run them: child processes whose output is read line by line. */
import assert from "node:assert/strict";
import { Lines } from "../helpers/lines.ts";
import { findPython } from "../helpers/tools.ts";

/** How to run one. */
export interface ExampleOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What a Deno program may do. @default ["--allow-net"] */
  readonly permissions?: readonly string[];
}

/** How a program ended, and what it said that was not read yet. */
export interface Ended {
  readonly code: number;
  readonly out: string[];
  readonly err: string[];
}

/** A running example, ended with its scope. */
export class ExampleProgram implements AsyncDisposable {
  readonly out: Lines;
  readonly err: Lines;
  readonly #child: Deno.ChildProcess;

  private constructor(program: string, { args, env }: { args: string[]; env: Record<string, string> }) {
    this.#child = new Deno.Command(program, {
      args,
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.out = new Lines(this.#child.stdout);
    this.err = new Lines(this.#child.stderr);
  }

  /** Runs a Deno program below `examples` with the permissions that its README gives it. */
  static deno(path: string, args: readonly string[], options: ExampleOptions = {}): ExampleProgram {
    const { env = {}, permissions = ["--allow-net"] } = options;
    const all = ["run", "--no-prompt", "--quiet", ...permissions, `examples/${path}`, ...args];
    return new ExampleProgram(Deno.execPath(), { args: all, env });
  }

  /** Runs an example of `examples/python`. */
  static python(name: string, args: readonly string[], { env = {} }: ExampleOptions = {}): ExampleProgram {
    const python = findPython();
    assert.ok(python, "Python is not installed");
    const all = [`examples/python/${name}`, ...args];
    return new ExampleProgram(python, { args: all, env: { PYTHONDONTWRITEBYTECODE: "1", ...env } });
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for its end. */
  async ended(): Promise<Ended> {
    const [out, err, { code }] = await Promise.all([this.out.rest(), this.err.rest(), this.#child.status]);
    return { code, out, err };
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
