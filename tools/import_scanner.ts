/**
 * Finds what a module imports: static imports, re-exports, dynamic imports of a literal, and modules that are
 * named by `new URL("./x.ts", import.meta.url)` (Workers). It says of each whether only types come along.
 */

import type { Token } from "./source_tokens.ts";

/** One reference of a module to another. */
export interface ModuleReference {
  /** As written. */
  specifier: string;
  /** The line of the `import`, `export` or `new`, from 1. */
  line: number;
  /** Whether nothing of it is left when the types are taken away. */
  typeOnly: boolean;
  /** `load`: loaded with the module; `late`: by `import()`; `url`: only named, as a Worker is. */
  kind: "load" | "late" | "url";
}

/** The references of a module, in the order of its source. */
export function scanImports(tokens: readonly Token[]): ModuleReference[] {
  const references: ModuleReference[] = [];
  tokens.forEach((token, index) => {
    if (token.kind !== "word" || isPunctuation(tokens[index - 1], ".")) return;
    const found = referenceAt(tokens, index, token.text);
    if (found !== null) references.push({ ...found, line: token.line });
  });
  return references;
}

type Found = Omit<ModuleReference, "line">;

function referenceAt(tokens: readonly Token[], index: number, word: string): Found | null {
  const next = tokens[index + 1];
  if (word === "new") return urlReference(tokens, index);
  if (word === "export") return opensReExport(tokens, index) ? clauseReference(tokens, index + 1) : null;
  if (word !== "import" || next === undefined) return null;
  if (next.kind === "string") return { specifier: next.text, typeOnly: false, kind: "load" };
  return isPunctuation(next, "(") ? lateReference(tokens, index) : clauseReference(tokens, index + 1);
}

function opensReExport(tokens: readonly Token[], index: number): boolean {
  const first = tokens[index + 1];
  const opening = first?.kind === "word" && first.text === "type" ? tokens[index + 2] : first;
  return isPunctuation(opening, "{") || isPunctuation(opening, "*");
}

/** Reads `<clause> from "<specifier>"`; null where something else stands there. */
function clauseReference(tokens: readonly Token[], start: number): Found | null {
  const clause: string[] = [];
  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined || token.kind === "template") return null;
    if (token.kind === "punctuation" && !"{},*".includes(token.text)) return null;
    const next = tokens[at + 1];
    if (token.kind === "word" && token.text === "from" && next?.kind === "string") {
      return { specifier: next.text, typeOnly: isTypeClause(clause), kind: "load" };
    }
    if (isPunctuation(token, "}") && next?.text !== "from") return null;
    clause.push(token.text);
  }
  return null;
}

function isTypeClause(clause: readonly string[]): boolean {
  if (clause[0] === "type" && clause.length > 1 && clause[1] !== ",") return true;
  if (clause[0] !== "{") return false;
  const names = clause.slice(1, -1).join(" ").split(",").map((name) => name.trim()).filter((name) =>
    name !== ""
  );
  return names.length > 0 && names.every(isTypeName);
}

/** Whether one name in the braces is `type X` or `type X as Y`; `type as X` is a value with the name `type`. */
function isTypeName(name: string): boolean {
  const words = name.split(" ");
  return words[0] === "type" && words.length > 1 && !(words[1] === "as" && words.length === 3);
}

function lateReference(tokens: readonly Token[], index: number): Found | null {
  const specifier = tokens[index + 2];
  const after = tokens[index + 3];
  if (specifier?.kind !== "string") return null;
  if (!isPunctuation(after, ")") && !isPunctuation(after, ",")) return null;
  return { specifier: specifier.text, typeOnly: isTypeQuery(tokens, index), kind: "late" };
}

/** Whether an `import("x")` stands where a type is wanted: `typeof import("x")` or `import("x").Name`. */
function isTypeQuery(tokens: readonly Token[], index: number): boolean {
  const before = tokens[index - 1];
  if (before?.kind === "word" && before.text === "typeof") return true;
  const member = tokens[index + 5];
  return isPunctuation(tokens[index + 3], ")") && isPunctuation(tokens[index + 4], ".") &&
    member !== undefined && !["then", "catch", "finally"].includes(member.text);
}

const urlPattern = ["URL", "(", null, ",", "import", ".", "meta", ".", "url"];

function urlReference(tokens: readonly Token[], index: number): Found | null {
  const matches = urlPattern.every((text, offset) =>
    text === null || tokens[index + 1 + offset]?.text === text
  );
  const specifier = tokens[index + 3];
  if (!matches || specifier?.kind !== "string") return null;
  return { specifier: specifier.text, typeOnly: false, kind: "url" };
}

function isPunctuation(token: Token | undefined, text: string): boolean {
  return token?.kind === "punctuation" && token.text === text;
}
