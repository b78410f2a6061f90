/**
 * The hub of a soak, in a process of its own. It prints `{ "port": <n> }` as its first line, answers each line on its
 * standard input with its `Usage` as a line of JSON, and ends with its input. It lets everybody in, sends back every
 * byte of a stream that is for the agent `echo`, and joins one for another agent with a stream to that agent.
 */
import { LineProcess } from "./line_process.ts";
import type { Usage } from "./usage.ts";

/** A running hub. */
export class HubProcess implements AsyncDisposable {
  readonly #process = new LineProcess("hub.ts", { flags: ["--v8-flags=--expose-gc"] });
  #port = 0;

  private constructor() {}

  /** Starts a hub; resolves when it listens. */
  static async start(): Promise<HubProcess> {
    const hub = new HubProcess();
    const { port } = JSON.parse(await hub.#process.ready);
    hub.#port = Number(port);
    return hub;
  }

  get port(): number {
    return this.#port;
  }

  /** What it holds. */
  usage(): Promise<Usage> {
    return this.#process.ask("usage");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
