/**
 * Checks that the source keeps to the architecture: who may import whom, no import cycles, no room that is not
 * in the table, an SDK that runs everywhere, and no file over 400 lines. Reads only; a tree without source files
 * is a problem too, so that a check of the wrong folder cannot pass.
 */
import { type Io, processIo } from "../src/cli/io.ts";
import { findCycles } from "./import_cycles.ts";
import { findImports, type Import } from "./imports.ts";
import { isRoom, MAIN_RULE, type Room, ROOM_RULES, type RoomRule } from "./rooms.ts";
import { readSourceFiles, type SourceFile } from "./source_files.ts";
import { tokenize } from "./tokens.ts";

/** The most lines that a file may have. */
export const MAX_LINES = 400;

const MAIN = "main.ts";
/** Folders whose files have a limit of lines; the rooms are those of the first. */
const FOLDERS: readonly string[] = ["src", "tests", "tools", "bench"];

/** Something that breaks the rules. */
export interface Problem {
  /** Relative to the root. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

/** What a check saw. */
export interface LayerReport {
  readonly filesChecked: number;
  readonly problems: readonly Problem[];
}

/** The problems of the repository at `root`. */
export async function checkLayers(root: string): Promise<readonly Problem[]> {
  return (await inspectLayers(root)).problems;
}

/** Checks the repository at `root` and counts its files. */
export async function inspectLayers(root: string): Promise<LayerReport> {
  const files = await readSourceFiles(root, [MAIN, ...FOLDERS]);
  const layered = files.filter(({ path }) => path === MAIN || path.startsWith("src/"));
  if (layered.length === 0) {
    const message = "Cannot check the rooms: no source file found here; name the repository's folder";
    return { filesChecked: 0, problems: [{ file: root, line: 1, message }] };
  }
  const problems = [
    ...files.flatMap(checkLength),
    ...layered.flatMap(checkPlace),
    ...layered.flatMap(checkImports),
    ...layered.flatMap(checkClient),
    ...checkCycles(layered),
  ];
  return { filesChecked: files.length, problems };
}

function checkLength({ path, text }: SourceFile): Problem[] {
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  if (lines <= MAX_LINES) return [];
  const message =
    `Cannot accept a file of ${lines} lines: ${MAX_LINES} at most; move one of its things to its own file`;
  return [{ file: path, line: MAX_LINES + 1, message }];
}

function checkPlace({ path }: SourceFile): Problem[] {
  if (path === MAIN || roomOf(path) !== null) return [];
  const folder = path.split("/").slice(0, -1).join("/");
  const message =
    `Cannot place this file: ${folder}/ is no room; move it into one, or add the room to tools/rooms.ts`;
  return [{ file: path, line: 1, message }];
}

function checkImports({ path, text }: SourceFile): Problem[] {
  const importer = importerOf(path);
  if (importer === null) return [];
  return findImports(text).flatMap((found) => {
    const message = importProblem(importer, path, found);
    return message === null ? [] : [{ file: path, line: found.line, message }];
  });
}

/** Who imports, and by what rule. */
interface Importer {
  readonly name: string;
  readonly room: Room | null;
  readonly rule: RoomRule;
}

function importerOf(path: string): Importer | null {
  if (path === MAIN) return { name: MAIN, room: null, rule: MAIN_RULE };
  const room = roomOf(path);
  return room === null ? null : { name: room, room, rule: ROOM_RULES[room] };
}

function importProblem(importer: Importer, path: string, found: Import): string | null {
  if (found.specifier === null) {
    return "Cannot check a computed import: its room is not known; import a literal path";
  }
  const { name, rule } = importer;
  const target = resolveSpecifier(path, found.specifier);
  if (target === null) return null;
  const room = roomOf(target);
  if (room === null) return `Cannot import ${target} from ${name}: it is not in a room of src/`;
  if (room === importer.room || rule.rooms.includes(room)) return null;
  if (rule.typesOf.includes(room)) {
    if (found.kind === "types") return null;
    return `Cannot import ${target} from ${name}: only types of ${room} are allowed; write import type`;
  }
  return `Cannot import ${target} from ${name}: ${name} may import ${allowed(rule)}`;
}

function allowed({ rooms, typesOf }: RoomRule): string {
  const types = typesOf.length === 0 ? [] : [`types of ${typesOf.join(", ")}`];
  return [...rooms, ...types].join(", ") || "no other room";
}

function checkClient({ path, text }: SourceFile): Problem[] {
  if (roomOf(path) !== "client") return [];
  const message = "runs in browsers too; take what it needs as an option";
  const imports = findImports(text).filter(({ specifier }) => specifier?.startsWith("node:"));
  const words = tokenize(text).filter(({ kind, text }) => kind === "word" && text === "Deno");
  return [
    ...imports.map(({ line, specifier }) => ({
      file: path,
      line,
      message: `Cannot import ${specifier} in src/client: it ${message}`,
    })),
    ...words.map(({ line }) => ({
      file: path,
      line,
      message: `Cannot use Deno in src/client: it ${message}`,
    })),
  ];
}

/** Only what is loaded with a module can be a cycle: types are gone by then, a Worker loads on its own. */
function checkCycles(files: readonly SourceFile[]): Problem[] {
  const values = new Map(files.map(({ path, text }) => [path, valueImports(path, text)]));
  const graph = new Map([...values].map(([path, imports]) => [path, new Set(imports.keys())]));
  return findCycles(graph).map((cycle) => {
    const [first = "", second = first] = cycle;
    return {
      file: first,
      line: values.get(first)?.get(second) ?? 1,
      message: `Cannot import in a circle: ${
        [...cycle, first].join(" -> ")
      }; move what both need to a third file`,
    };
  });
}

function valueImports(path: string, text: string): Map<string, number> {
  const targets = new Map<string, number>();
  for (const { specifier, kind, line } of findImports(text)) {
    const target = specifier === null || kind !== "value" ? null : resolveSpecifier(path, specifier);
    if (target !== null && !targets.has(target)) targets.set(target, line);
  }
  return targets;
}

/** The file that a specifier names, relative to the root, or `null` for a package. */
function resolveSpecifier(importer: string, specifier: string): string | null {
  if (/^(file:|\/)/.test(specifier)) return specifier;
  if (!specifier.startsWith(".")) return null;
  const parts = importer.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function roomOf(path: string): Room | null {
  const [top, folder = "", ...rest] = path.split("/");
  return top === "src" && rest.length > 0 && isRoom(folder) ? folder : null;
}

/** Prints the problems and the count of files; resolves with the exit code. */
export async function runCheck(root: string, io: Io): Promise<number> {
  const { filesChecked, problems } = await inspectLayers(root);
  for (const { file, line, message } of problems) io.err(`${file}:${line}: ${message}`);
  io.out(
    `Checked the rooms of ${filesChecked} files: ${problems.length} ${
      problems.length === 1 ? "problem" : "problems"
    }`,
  );
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await runCheck(Deno.args[0] ?? ".", processIo));
