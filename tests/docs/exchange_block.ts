/**
 * The examples of a document that can be played: fenced blocks of `exchange`, read line by line. The document itself
 * says what the lines mean, under "How to read the examples".
 */
import assert from "node:assert/strict";

/** How the clients of an example are connected. */
export const WIRES = ["websocket", "tcp"] as const;
/** One of {@link WIRES}. */
export type Wire = typeof WIRES[number];

/** What one client sends or gets. */
export interface ExchangeStep {
  /** The line in its document. */
  readonly line: number;
  readonly client: string;
  /** `>`: it sends; `<`: it gets. */
  readonly direction: ">" | "<";
  /** As it stands there, with escapes and placeholders. */
  readonly text: string;
}

/** One example. */
export interface Exchange {
  /** The line in its document. */
  readonly line: number;
  /** What it holds for. */
  readonly wires: readonly Wire[];
  /** Whether the lines show the length before each message, as it is on TCP alone. */
  readonly showsLengths: boolean;
  /** Of the hub, each `key=value`. */
  readonly settings: readonly string[];
  readonly steps: readonly ExchangeStep[];
}

/** What stands before the keys of the configuration. */
const SETTINGS = "hub: ";

/** All examples of a document, in their order. Fails where a line cannot be understood. */
export function readExchanges(markdown: string): Exchange[] {
  const exchanges: Exchange[] = [];
  let settings: string[] = [];
  let steps: ExchangeStep[] | null = null;
  for (const [index, text] of markdown.split("\n").entries()) {
    const line = index + 1;
    const start = /^```exchange\b(.*)$/.exec(text);
    if (start !== null) {
      [settings, steps] = [[], []];
      exchanges.push({ line, ...readWires((start[1] ?? "").trim(), line), settings, steps });
    } else if (text.startsWith("```")) steps = null;
    else if (steps === null || text === "" || text.startsWith("#")) continue;
    else if (text.startsWith(SETTINGS)) settings.push(...text.slice(SETTINGS.length).split(" "));
    else steps.push(readStep(text, line));
  }
  return exchanges;
}

function readWires(word: string, line: number): Pick<Exchange, "wires" | "showsLengths"> {
  if (word === "") return { wires: WIRES, showsLengths: false };
  const wire = WIRES.find((one) => one === word);
  assert.ok(wire !== undefined, `line ${line}: what is "${word}"?`);
  return { wires: [wire], showsLengths: wire === "tcp" };
}

function readStep(text: string, line: number): ExchangeStep {
  const [, client, direction, rest] = /^([a-z]+)([<>]) +(\S.*)$/.exec(text) ?? [];
  assert.ok(client !== undefined && rest !== undefined, `line ${line}: cannot read "${text}"`);
  return { line, client, direction: direction === ">" ? ">" : "<", text: rest };
}
