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

/** All examples of a document, in their order. Fails where a line cannot be understood. */
export function readExchanges(markdown: string): Exchange[] {
  const exchanges: Exchange[] = [];
  let steps: ExchangeStep[] | null = null;
  for (const [index, text] of markdown.split("\n").entries()) {
    const line = index + 1;
    const start = /^```exchange\b(.*)$/.exec(text);
    if (start !== null) {
      steps = [];
      exchanges.push({ line, ...readWords(start[1] ?? "", line), steps });
    } else if (text.startsWith("```")) steps = null;
    else if (steps !== null && text !== "" && !text.startsWith("#")) steps.push(readStep(text, line));
  }
  return exchanges;
}

function readWords(words: string, line: number): Pick<Exchange, "wires" | "showsLengths" | "settings"> {
  const all = words.split(" ").filter((word) => word !== "");
  const settings = all.filter((word) => word.includes("="));
  const named = WIRES.filter((wire) => all.includes(wire));
  assert.equal(settings.length + named.length, all.length, `line ${line}: what is "${words.trim()}"?`);
  return { wires: named.length === 0 ? WIRES : named, showsLengths: named.includes("tcp"), settings };
}

function readStep(text: string, line: number): ExchangeStep {
  const [, client, direction, rest] = /^([a-z]+)([<>]) +(\S.*)$/.exec(text) ?? [];
  assert.ok(client !== undefined && rest !== undefined, `line ${line}: cannot read "${text}"`);
  return { line, client, direction: direction === ">" ? ">" : "<", text: rest };
}
