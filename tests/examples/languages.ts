/** The same examples in each of their languages, for tests that hold for all. */
import { findPython } from "../helpers/tools.ts";
import { ExampleProgram } from "./example_program.ts";

/** What each language has. */
export type ExampleName = "publish" | "subscribe" | "request" | "service";

/** An example in one of its languages. */
export interface Language {
  readonly name: string;
  readonly ignore: boolean;
  /** Runs a program against a hub on this port. */
  run(program: ExampleName, port: number, ...args: string[]): ExampleProgram;
}

/** On the WebSocket of the runtime. */
export const deno: Language = {
  name: "Deno",
  ignore: false,
  run: (program, port, ...args) =>
    ExampleProgram.deno(`deno/${program}.ts`, ["--url", `ws://127.0.0.1:${port}/`, ...args]),
};

/** Over TCP. */
export const python: Language = {
  name: "Python",
  ignore: findPython() === null,
  run: (program, port, ...args) => ExampleProgram.python(`${program}.py`, ["--port", `${port}`, ...args]),
};

/** In the name of each test that needs it. */
export const PYTHON_NEEDED = "(needs python3)";

/** The same test for the examples of each language. */
export function testBoth(behaviour: string, fn: (language: Language) => Promise<void>, ignore = false): void {
  for (const language of [deno, python]) {
    const name = `Examples in ${language.name}: ${behaviour}${
      language === python ? ` ${PYTHON_NEEDED}` : ""
    }`;
    Deno.test({ name, ignore: ignore || language.ignore, fn: () => fn(language) });
  }
}
