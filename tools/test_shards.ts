/**
 * Splits the tests of a tree over runs that go on side by side, each a process of its own: many tests wait more than
 * they work. Which test is in which run depends on nothing but the names of the files.
 */
import { join } from "node:path";

/** Fewer files than this are one run. */
const MIN_FILES = 32;

/** The files of each run; one run without a list where nothing is to be split. */
export async function shardTests(root: string, count: number): Promise<readonly (readonly string[])[]> {
  const files = await Array.fromAsync(testFiles(root));
  if (files.length < MIN_FILES || count < 2) return [[]];
  const shards: string[][] = Array.from({ length: count }, () => []);
  for (const [index, file] of files.sort().entries()) shards[index % count]?.push(file);
  return shards;
}

/** The test files below a folder; none where there is no such folder. */
async function* testFiles(folder: string): AsyncGenerator<string> {
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (isDirectory) yield* testFiles(path);
      else if (name.endsWith("_test.ts")) yield path;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
