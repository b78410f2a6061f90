/**
 * Checks that the source keeps to the architecture: who may import whom, no import cycles, no room that is not
 * in the table, an SDK that runs everywhere, and no file over 400 lines. Reads only; a tree without source files
 * is a problem too, so that a check of the wrong folder cannot pass.
 */

import { ExitCode, type Io, processIo } from "../src/cli/io.ts";
import { findCycles } from "./import_cycles.ts";
import { isRoom, MAIN_RULE, type Room, ROOM_RULES, type RoomRule } from "./rooms.ts";
import { isCode, readSourceTree, type ResolvedReference, type SourceFile } from "./source_tree.ts";

/** The most lines that a file may have. */
export const MAX_LINES = 400;

/** Something that breaks the rules. */
export interface Problem {
  /** Relative to the root. */
  file: string;
  /** Counted from 1. */
  line: number;
  message: string;
}

/** The problems of the repository at `root`, by file and line. */
export async function checkLayers(root: string): Promise<Problem[]> {
  return checkFiles(await readSourceTree(root));
}

function checkFiles(files: readonly SourceFile[]): Problem[] {
  if (!files.some(({ path }) => path === "main.ts" || path.startsWith("src/"))) {
    return [{
      file: ".",
      line: 1,
      message: "Cannot check anything: no source file is here; run it at the root",
    }];
  }
  const problems = [...files.flatMap(checkFile), ...checkClient(files), ...checkCycles(files)];
  return problems.sort((a, b) => a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1);
}

function checkFile(file: SourceFile): Problem[] {
  const { path, lines, unreadable } = file;
  const problems: Problem[] = unreadable === null ? [] : [{ file: path, line: 1, message: unreadable }];
  if (lines > MAX_LINES) {
    const message =
      `Cannot accept a file of ${lines} lines: ${MAX_LINES} is the limit; move a part out of it`;
    problems.push({ file: path, line: MAX_LINES + 1, message });
  }
  return [...problems, ...checkRoom(file)];
}

function checkRoom({ path, references }: SourceFile): Problem[] {
  const [top, folder = ""] = path.split("/");
  if (path !== "main.ts" && top !== "src") return [];
  const room = roomOf(path);
  if (room === null && path !== "main.ts") {
    const message =
      `Cannot place the file: ${folder} is no room; move it into one, or add the room to tools/rooms.ts`;
    return [{ file: path, line: 1, message }];
  }
  return references.flatMap((reference) => {
    const message = forbiddenBecause(room, reference);
    return message === null ? [] : [{ file: path, line: reference.line, message }];
  });
}

/** Why an import is forbidden to a room, or to main.ts where that is null; null for one that is allowed. */
function forbiddenBecause(importer: Room | null, { target, typeOnly }: ResolvedReference): string | null {
  if (target === null || !isCode(target)) return null;
  const room = roomOf(target);
  const { rooms, typesOf } = importer === null ? MAIN_RULE : ROOM_RULES[importer];
  const name = importer ?? "main";
  if (target !== "main.ts" && room === null) {
    return `Cannot import ${target}: it lies outside of src; move what is needed into a room`;
  }
  if (room !== null && (room === importer || rooms.includes(room))) return null;
  if (room === null || !typesOf.includes(room)) {
    return `Cannot import ${target}: ${name} may import only ${describe({ rooms, typesOf })}`;
  }
  if (typeOnly) return null;
  return `Cannot import ${target}: ${name} may import only types of ${room}; ` +
    "use import type, or a port of its own";
}

function describe({ rooms, typesOf }: RoomRule): string {
  if (rooms.length === 0) return "itself";
  return rooms.join(", ") + (typesOf.length === 0 ? "" : `, and types of ${typesOf.join(", ")}`);
}

/** The SDK runs in browsers: neither it nor what it loads from other rooms may need Deno or Node. */
function checkClient(files: readonly SourceFile[]): Problem[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const loaded = new Set(files.filter(({ path }) => roomOf(path) === "client"));
  for (const file of loaded) {
    for (const { target } of file.references.filter(({ typeOnly }) => !typeOnly)) {
      const next = target === null ? undefined : byPath.get(target);
      if (next !== undefined) loaded.add(next);
    }
  }
  return [...loaded].flatMap(checkPortable);
}

function checkPortable({ path, references, denoLine }: SourceFile): Problem[] {
  const because = "src/client runs in browsers too; take it as an option";
  const own = roomOf(path) === "client";
  const problems = references
    .filter(({ specifier, typeOnly }) => specifier.startsWith("node:") && (own || !typeOnly))
    .map(({ specifier, line }) => ({ file: path, line, message: `Cannot import ${specifier}: ${because}` }));
  if (denoLine === null) return problems;
  return [...problems, { file: path, line: denoLine, message: `Cannot use Deno: ${because}` }];
}

/** Only what is loaded with a module can be a cycle: types are gone by then, a Worker loads on its own. */
function checkCycles(files: readonly SourceFile[]): Problem[] {
  const lines = new Map(files.map((file) => [file.path, loadedLines(file)]));
  const graph = new Map([...lines].map(([path, targets]) => [path, new Set(targets.keys())]));
  return findCycles(graph).map((cycle) => {
    const [first = "", second = first] = cycle;
    const way = [...cycle, first].join(" -> ");
    const message = `Cannot load files that import each other: ${way}; move what both need into a third`;
    return { file: first, line: lines.get(first)?.get(second) ?? 1, message };
  });
}

/** The files that a file loads, with the line of each. */
function loadedLines({ references }: SourceFile): Map<string, number> {
  const lines = new Map<string, number>();
  for (const { target, typeOnly, kind, line } of references) {
    if (target !== null && !typeOnly && kind !== "url" && !lines.has(target)) lines.set(target, line);
  }
  return lines;
}

function roomOf(path: string): Room | null {
  const [top, folder = "", ...rest] = path.split("/");
  return top === "src" && rest.length > 0 && isRoom(folder) ? folder : null;
}

/** Prints the problems and the count of files checked; returns the exit code. */
async function main(root: string, io: Io): Promise<number> {
  const files = await readSourceTree(root);
  const problems = checkFiles(files);
  for (const { file, line, message } of problems) io.err(`${file}:${line}: ${message}`);
  io.out(`Checked ${counted(files.length, "file")}: ${counted(problems.length, "problem")}`);
  return problems.length === 0 ? ExitCode.done : ExitCode.failed;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

if (import.meta.main) Deno.exit(await main(Deno.args[0] ?? ".", processIo));
