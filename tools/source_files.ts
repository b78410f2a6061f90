/**
 * Lists and reads the source files of a repository. Paths are relative to its root, with forward slashes and
 * sorted, so that messages and tests read the same on every system.
 */

/** A source file and its text. */
export interface SourceFile {
  /** `src/hub/hub.ts` */
  readonly path: string;
  readonly text: string;
}

const SOURCE = /\.[mc]?[jt]sx?$/;

/** The source files below the named files and folders of `root`; names that are not there give none. */
export async function readSourceFiles(root: string, names: readonly string[]): Promise<SourceFile[]> {
  const paths = (await Promise.all(names.map((name) => listFiles(root, name)))).flat();
  const sources = paths.filter((path) => SOURCE.test(path)).sort();
  return await Promise.all(
    sources.map(async (path) => ({ path, text: await Deno.readTextFile(`${root}/${path}`) })),
  );
}

async function listFiles(root: string, path: string): Promise<string[]> {
  try {
    const { isFile } = await Deno.stat(`${root}/${path}`);
    if (isFile) return [path];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const files: string[] = [];
  for await (const entry of Deno.readDir(`${root}/${path}`)) {
    if (entry.name === "node_modules") continue;
    files.push(...await listFiles(root, `${path}/${entry.name}`));
  }
  return files;
}
