/**
 * Reads the text of a configuration file as YAML 1.2. Guarantees plain maps, lists and scalars with the
 * position of each, and that every mistake in the syntax is told with its position and without the text around
 * it, which may hold a secret.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import { messageOf } from "../core/errors.ts";
import { type ConfigProblem, problemAt } from "./problem.ts";
import { type Origin, placeOf, type Source } from "./source.ts";

/** A file as it was read. */
export interface YamlFile {
  /** The root map; empty when the file is empty or `structureIsSound` is false. */
  readonly value: unknown;
  /** Where each value and its key stand, by `placeOf`. */
  readonly origins: ReadonlyMap<string, Origin>;
  readonly problems: readonly ConfigProblem[];
  /** Whether the file says, in spite of any problems, which value belongs to which key. */
  readonly structureIsSound: boolean;
}

const SYNTAX: Readonly<Record<string, string>> = {
  BAD_ALIAS: "Cannot use this alias; write the name of an anchor that stands before it",
  BAD_DIRECTIVE: "Cannot use this directive; remove the line",
  BAD_DQ_ESCAPE: "Cannot read this escape in double quotes; write \\\\ for a backslash or use single quotes",
  BAD_INDENT: "Cannot read the structure here: the indentation is wrong or a bracket is not closed",
  BAD_SCALAR_START: "Cannot begin plain text with this character; put the text in quotes",
  BLOCK_AS_IMPLICIT_KEY:
    "Cannot have a second key on this line; put it on a line of its own or the value in quotes",
  BLOCK_IN_FLOW: "Cannot have an indented block inside brackets; use brackets for it too",
  MISSING_CHAR: "Cannot read on: a character such as a colon, a comma, a space or a closing quote is missing",
  MULTILINE_IMPLICIT_KEY: "Cannot read this as a key: a key stands on one line and ends with a colon",
  MULTIPLE_DOCS: "Cannot have a second document in the file; remove the line ---",
  NON_STRING_KEY: "Cannot use this as a key; write text",
  TAB_AS_INDENT: "Cannot indent with a tab; use spaces",
  TAG_RESOLVE_FAILED: "Cannot use this tag; write the value without it",
  UNEXPECTED_TOKEN: "Cannot make sense of what stands here; look for a missing quote, bracket or line break",
  RESOURCE_EXHAUSTION: "Cannot read so deep a structure; flatten it",
};

/** Mistakes after which it is still clear which value belongs to which key. */
const HARMLESS = new Set(["DUPLICATE_KEY", "MULTIPLE_DOCS", "TAG_RESOLVE_FAILED"]);

/** Reads the text; `file` is the name that problems give it. */
export function readYaml(file: string, text: string): YamlFile {
  const lines = new LineCounter();
  const sourceAt = (offset: number): Source & { kind: "file" } => {
    const { line, col } = lines.linePos(offset);
    return { kind: "file", file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = parse(text, lines);
  if (typeof document === "string") return unreadable(sourceAt(0), document);
  const mistakes = [...document.errors, ...document.warnings];
  const problems = mistakes.map(({ code, pos: [offset] }) => {
    const message = code === "DUPLICATE_KEY"
      ? twiceMessage(sourceAt(offsetOfFirst(document, offset) ?? offset))
      : SYNTAX[code] ?? `Cannot read this as YAML (${code})`;
    return problemAt(sourceAt(offset), { key: "", message });
  });
  if (!mistakes.every(({ code }) => HARMLESS.has(code))) {
    return { ...EMPTY, problems, structureIsSound: false };
  }
  return toYamlFile(document, { problems, sourceAt });
}

function twiceMessage({ line }: Source & { kind: "file" }): string {
  return `Cannot have this key twice in one map; keep one of the two, the other one is in line ${line}`;
}

/** Where the key stands first that stands again at this place; `null` where there is none. */
function offsetOfFirst(document: Document, offset: number): number | null {
  let first: number | null = null;
  visit(document, {
    Map: (_, { items }) => {
      const again = items.find(({ key }) => offsetOf(key) === offset);
      if (again === undefined) return undefined;
      const name = String(again.key);
      first = offsetOf(items.find(({ key }) => String(key) === name)?.key);
      return visit.BREAK;
    },
  });
  return first;
}

const EMPTY: YamlFile = { value: {}, origins: new Map(), problems: [], structureIsSound: true };

function unreadable(source: Source, message: string): YamlFile {
  return { ...EMPTY, problems: [problemAt(source, { key: "", message })], structureIsSound: false };
}

/** The document, or why there is none. */
function parse(text: string, lineCounter: LineCounter): Document | string {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: false });
  } catch (error) {
    // Only nesting so deep that it exhausts the stack comes here.
    return `Cannot read this as YAML (${error instanceof RangeError ? "nested too deep" : "internal error"})`;
  }
}

interface Reading {
  problems: ConfigProblem[];
  sourceAt: (offset: number) => Source;
}

function toYamlFile(document: Document, { problems, sourceAt }: Reading): YamlFile {
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return { ...EMPTY, problems };
  const start = sourceAt(offsetOf(root));
  if (!isMap(root)) {
    const message = "Cannot use this file: it holds no map of sections; write keys such as hub: at its start";
    return { ...unreadable(start, message), problems: [...problems, problemAt(start, { key: "", message })] };
  }
  const origins = new Map<string, Origin>();
  collectOrigins(root, { path: [], origins, sourceAt });
  try {
    const value: unknown = document.toJS();
    // An anchor around its own alias would make a value without end; this throws then.
    JSON.stringify(value);
    return { value, origins, problems, structureIsSound: true };
  } catch (error) {
    const message = messageOf(error).startsWith("Excessive alias")
      ? "Cannot use so many aliases; write the values out"
      : "Cannot use an alias without an anchor that ends before it; write the value out";
    const at = sourceAt(firstAlias(root) ?? 0);
    return { ...unreadable(at, message), problems: [...problems, problemAt(at, { key: "", message })] };
  }
}

interface Collecting {
  path: readonly string[];
  origins: Map<string, Origin>;
  sourceAt: (offset: number) => Source;
}

function collectOrigins(node: unknown, { path, origins, sourceAt }: Collecting): void {
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const below = [...path, isScalar(key) ? String(key.value ?? "") : String(key)];
      const keySource = sourceAt(offsetOf(key));
      origins.set(placeOf(below), { key: keySource, value: valueSource(value, { keySource, sourceAt }) });
      collectOrigins(value, { path: below, origins, sourceAt });
    }
  } else if (isSeq(node)) {
    node.items.forEach((item, index) => {
      const below = [...path, String(index)];
      const source = sourceAt(offsetOf(item));
      origins.set(placeOf(below), { key: source, value: source });
      collectOrigins(item, { path: below, origins, sourceAt });
    });
  }
}

/** Where the value of a key begins: the value itself when it stands on the key's line, else the key. */
function valueSource(
  value: unknown,
  { keySource, sourceAt }: { keySource: Source; sourceAt: (offset: number) => Source },
): Source {
  if (isScalar(value) && value.source === "") return keySource;
  const source = sourceAt(offsetOf(value));
  const sameLine = source.kind === "file" && keySource.kind === "file" && source.line === keySource.line;
  return sameLine ? source : keySource;
}

function offsetOf(node: unknown): number {
  return isNodeWithRange(node) ? node.range?.[0] ?? 0 : 0;
}

function isNodeWithRange(node: unknown): node is Node {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node);
}

function firstAlias(node: unknown): number | null {
  if (isAlias(node)) return offsetOf(node);
  const children = isMap(node) ? node.items.map(({ value }) => value) : isSeq(node) ? node.items : [];
  for (const child of children) {
    const found = firstAlias(child);
    if (found !== null) return found;
  }
  return null;
}
