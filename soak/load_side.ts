/** A load of a soak in a process of its own: it says "go" once it is ready, and answers each line with one of JSON. */
import { LineProcess } from "./line_process.ts";

/** A running load. */
export class LoadSide implements AsyncDisposable {
  readonly #process: LineProcess;

  private constructor(script: string, task: unknown) {
    this.#process = new LineProcess(script, { args: [JSON.stringify(task)] });
  }

  /** Starts a script of this folder with its task as JSON; resolves when it is ready. */
  static async start(script: string, task: unknown): Promise<LoadSide> {
    const side = new LoadSide(script, task);
    await side.#process.ready;
    return side;
  }

  /** What came of it since it was asked before. */
  ask<T>(): Promise<T> {
    return this.#process.ask("report");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
