/**
 * The hub of a soak, in a process of its own. It prints `{ "port": <n> }` as its first line, answers each line on its
 * standard input with its `Usage` as a line of JSON, and ends with its input. It lets everybody in, sends back every
 * byte of a stream that is for the agent `echo`, and joins one for another agent with a stream to that agent.
 */
import { Lines } from "../tests/helpers/lines.ts";
import type { Usage } from "./usage.ts";

const SCRIPT = "soak/hub.ts";

/** A running hub. */
export class HubProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: Lines;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  #port = 0;

  private constructor() {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--v8-flags=--expose-gc", SCRIPT],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = new Lines(this.#child.stdout);
    this.#input = this.#child.stdin.getWriter();
  }

  /** Starts a hub; resolves when it listens. */
  static async start(): Promise<HubProcess> {
    const hub = new HubProcess();
    const { port } = JSON.parse(await hub.#lines.next());
    hub.#port = Number(port);
    return hub;
  }

  get port(): number {
    return this.#port;
  }

  /** What it holds. */
  async usage(): Promise<Usage> {
    await this.#input.write(new TextEncoder().encode("usage\n"));
    return JSON.parse(await this.#lines.next());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#lines.rest();
    await this.#child.status;
  }
}
