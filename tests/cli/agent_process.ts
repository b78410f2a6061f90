/** An agent as a child process that tells what it does as JSON. */
import { DenoProcess, type ProcessResult, taskArguments } from "../helpers/process.ts";

/** One line of it. */
export type AgentEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** A command that is an agent, ended with its scope. */
export class AgentProcess implements AsyncDisposable {
  readonly #process: DenoProcess;

  private constructor(process: DenoProcess) {
    this.#process = process;
  }

  /** Starts `trunkline` with these arguments and `--json`, with the permissions of `deno task cli`. */
  static async start(
    args: readonly string[],
    options?: { env?: Record<string, string> },
  ): Promise<AgentProcess> {
    return new AgentProcess(new DenoProcess([...await taskArguments("cli"), ...args, "--json"], options));
  }

  /** The next event of a kind, and of a state where one is given; others are passed over. */
  async next(event: string, state?: string): Promise<AgentEvent> {
    for (;;) {
      const line = await this.any();
      if (line.event === event && (state === undefined || line["state"] === state)) return line;
    }
  }

  /** The next event of whatever kind. */
  async any(): Promise<AgentEvent> {
    return JSON.parse(await this.#process.nextLine());
  }

  /** The port of the next tunnel that is up. */
  async port(): Promise<number> {
    const { url } = await this.next("tunnel", "up");
    return Number(new URL(String(url)).port);
  }

  kill(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Waits for its end; gives its exit code. */
  async ended(): Promise<number> {
    return (await this.#process.ended()).code;
  }

  /** Asks it to end and gives how it did. */
  async stop(): Promise<number> {
    return (await this.finish()).code;
  }

  /** The same with everything that it said. */
  finish(): Promise<ProcessResult> {
    this.#process.kill("SIGTERM");
    return this.#process.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
