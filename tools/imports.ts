/**
 * Finds what a source text imports: `import`, `import type`, `export ... from`, `import("...")` and
 * `new URL("...", import.meta.url)`, by which a Worker names its module. Nothing is resolved here.
 */
import { type Token, tokenize } from "./tokens.ts";

/** One import of a file. */
export interface Import {
  /** As written, or `null` when a dynamic import computes it. */
  readonly specifier: string | null;
  /** `types` is gone when the program runs; `url` is loaded, but not as a part of this module. */
  readonly kind: "value" | "types" | "url";
  /** Where the statement begins, counted from 1. */
  readonly line: number;
}

/** All imports of a source text, in their order. */
export function findImports(source: string): Import[] {
  const tokens = tokenize(source);
  return tokens.flatMap((token, at) => importAt(tokens, at, token) ?? []);
}

function importAt(tokens: readonly Token[], at: number, { kind, text, line }: Token): Import | null {
  if (kind === "string") return urlAt(tokens, at);
  if (kind !== "word" || isPunctuation(tokens[at - 1], ".")) return null;
  const next = tokens[at + 1];
  if (text === "export") return clauseFrom(tokens, at, isExportClause);
  if (text !== "import" || next === undefined) return null;
  if (next.kind === "string") return { specifier: next.text, kind: "value", line };
  if (isPunctuation(next, "(")) return dynamicAt(tokens, at);
  return clauseFrom(tokens, at, isImportClause);
}

function dynamicAt(tokens: readonly Token[], at: number): Import | null {
  const line = tokens[at]?.line ?? 1;
  const argument = tokens[at + 2];
  const after = tokens[at + 3];
  if (isPunctuation(argument, ")")) return null;
  const literal = argument?.kind === "string" && (isPunctuation(after, ")") || isPunctuation(after, ","));
  return { specifier: literal ? argument.text : null, kind: "value", line };
}

/** `"./worker.ts", import.meta.url` */
function urlAt(tokens: readonly Token[], at: number): Import | null {
  const token = tokens[at];
  const rest = tokens.slice(at + 1, at + 7).map(({ text }) => text).join("");
  if (token === undefined || rest !== ",import.meta.url") return null;
  return /\.[mc]?[jt]sx?$/.test(token.text) ? { specifier: token.text, kind: "url", line: token.line } : null;
}

/** What stands between `import` or `export` and `from "..."`, when that is what this statement is. */
function clauseFrom(
  tokens: readonly Token[],
  at: number,
  isClause: (clause: readonly Token[]) => boolean,
): Import | null {
  const end = tokens.findIndex((token, index) =>
    index > at && (token.kind === "string" || isPunctuation(token, ";") || isPunctuation(token, "="))
  );
  const specifier = tokens[end];
  const from = tokens[end - 1];
  if (specifier?.kind !== "string" || from?.kind !== "word" || from.text !== "from") return null;
  const clause = tokens.slice(at + 1, end - 1);
  if (!isClause(clause)) return null;
  const kind = isTypesOnly(clause) ? "types" : "value";
  return { specifier: specifier.text, kind, line: tokens[at]?.line ?? 1 };
}

function isImportClause(clause: readonly Token[]): boolean {
  return clause.length > 0 && clause.every(isClauseToken);
}

/** An export without braces or a star declares something; a `from "..."` after it belongs elsewhere. */
function isExportClause(clause: readonly Token[]): boolean {
  const first = clause[0]?.text === "type" ? clause[1] : clause[0];
  return (isPunctuation(first, "{") || isPunctuation(first, "*")) && clause.every(isClauseToken);
}

function isClauseToken(token: Token): boolean {
  return token.kind === "word" || (token.kind === "punctuation" && "{},*".includes(token.text));
}

/** `type { A }`, `type * as a`, `type A`, or `{ type A, type B }`; but not a default import named `type`. */
function isTypesOnly(clause: readonly Token[]): boolean {
  if (clause[0]?.text === "type" && clause.length > 1 && !isPunctuation(clause[1], ",")) return true;
  if (!isPunctuation(clause[0], "{") || !isPunctuation(clause.at(-1), "}")) return false;
  const names = clause.slice(1, -1).map(({ text }) => text).join(" ").split(",").map((name) => name.trim());
  const named = names.filter((name) => name !== "");
  return named.length > 0 && named.every((name) => /^type (?!as \S+$)/.test(name));
}

function isPunctuation(token: Token | undefined, text: string): boolean {
  return token?.kind === "punctuation" && token.text === text;
}
