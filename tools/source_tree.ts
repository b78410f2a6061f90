/**
 * Reads the source files of a tree for the checks: where they lie, how long they are, what they import. Paths are
 * relative to the root with `/` on every system, in alphabetical order.
 */

import { join } from "node:path";
import { messageOf } from "../src/core/errors.ts";
import { type ModuleReference, scanImports } from "./import_scanner.ts";
import { tokenize } from "./source_tokens.ts";

/** A reference whose target inside the tree is known. */
export interface ResolvedReference extends ModuleReference {
  /** The file that is meant, relative to the root, or null for a package and whatever lies outside. */
  target: string | null;
}

/** One source file. */
export interface SourceFile {
  path: string;
  lines: number;
  references: ResolvedReference[];
  /** The first line that names the global `Deno`, or null. */
  denoLine: number | null;
  /** Why its imports could not be read, or null. */
  unreadable: string | null;
}

const sourceFolders = ["src", "tests", "tools", "bench", "examples"];
const codeFile = /\.(?:[cm]?[jt]s|[jt]sx)$/;

/** Whether a path names source code. */
export function isCode(path: string): boolean {
  return codeFile.test(path);
}

/** Reads main.ts and every source file of the folders that hold code, fixtures of tests aside. */
export async function readSourceTree(root: string): Promise<SourceFile[]> {
  const paths = await exists(join(root, "main.ts")) ? ["main.ts"] : [];
  for (const folder of sourceFolders) {
    if (await exists(join(root, folder))) await listCode(root, folder, paths);
  }
  return await Promise.all(paths.sort().map((path) => readSource(root, path)));
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function listCode(root: string, folder: string, paths: string[]): Promise<void> {
  for await (const entry of Deno.readDir(join(root, folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory && entry.name !== "node_modules" && path !== "tests/fixtures") {
      await listCode(root, path, paths);
    } else if (entry.isFile && isCode(path)) paths.push(path);
  }
}

async function readSource(root: string, path: string): Promise<SourceFile> {
  const text = await Deno.readTextFile(join(root, path));
  const file: SourceFile = {
    path,
    lines: text.split("\n").length - (text.endsWith("\n") ? 1 : 0),
    references: [],
    denoLine: null,
    unreadable: null,
  };
  try {
    const tokens = tokenize(text);
    const isDeno = (index: number) => tokens[index]?.text === "Deno" && tokens[index - 1]?.text !== ".";
    file.denoLine = tokens.find((token, index) => token.kind === "word" && isDeno(index))?.line ?? null;
    file.references = scanImports(tokens).map((reference) => ({
      ...reference,
      target: resolve(path, reference.specifier),
    }));
  } catch (error) {
    file.unreadable = messageOf(error);
  }
  return file;
}

function resolve(from: string, specifier: string): string | null {
  if (!specifier.startsWith("./") && !specifier.startsWith("../")) return null;
  const base = "file:///";
  return decodeURIComponent(new URL(specifier, `${base}${from}`).href.substring(base.length));
}
