/**
 * Writes a small source tree into a temporary folder for the checks of the repository, and takes it away again.
 */

import { dirname, join } from "node:path";

/** Calls `use` with a folder that holds `files` (path to text), which is removed afterwards. */
export async function withTree<T>(
  files: Readonly<Record<string, string>>,
  use: (root: string) => Promise<T>,
): Promise<T> {
  const root = await Deno.makeTempDir({ prefix: "trunkline-tree-" });
  try {
    for (const [path, text] of Object.entries(files)) {
      const file = join(root, path);
      await Deno.mkdir(dirname(file), { recursive: true });
      await Deno.writeTextFile(file, text);
    }
    return await use(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
