/** Programs of other projects, as servers and as commands. */
import assert from "node:assert/strict";
import { Visitor } from "./tcp_echo.ts";
import { findOnPath } from "./tools.ts";

/** A server of another project, on a port of loopback, until the end of its scope. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(path: string, args: readonly string[]) {
    this.#child = new Deno.Command(path, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  static async start(
    name: string,
    { args, port }: { args: readonly string[]; port: number },
  ): Promise<Program> {
    const program = new Program(findTool(name), args);
    for (;;) {
      try {
        await using _visitor = await Visitor.at(port);
        return program;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
  }
}

/** Where a program is that has to be there. */
export function findTool(name: string): string {
  const path = findOnPath(name);
  assert.ok(path !== null);
  return path;
}

/** What a program prints that ends well. */
export async function programOutput(name: string, args: readonly string[]): Promise<string> {
  const command = new Deno.Command(findTool(name), { args: [...args], stdin: "null" });
  const { success, stdout, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout));
  return new TextDecoder().decode(stdout);
}
