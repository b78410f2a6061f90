/**
 * Joins the program, its Workers and its packages into one JavaScript file that `deno run` needs nothing else for.
 * Behind `deno task bundle`; the end-to-end test of the built program runs what it makes.
 */

import { basename, dirname } from "node:path";
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { ExitCode, processIo } from "../src/cli/io.ts";
import { messageOf } from "../src/core/errors.ts";
import { WORKERS } from "./compile_plan.ts";

const root = new URL("..", import.meta.url);

/** Writes the bundle of `entry` to `outputFile`. Throws with the bundler's output where that fails. */
export async function bundleMain(
  outputFile: string,
  { entry = fileURLToPath(new URL("main.ts", root)) }: { entry?: string } = {},
): Promise<void> {
  await Deno.mkdir(dirname(outputFile), { recursive: true });
  await runBundler(entry, outputFile);
  for (const worker of WORKERS) await embedWorker(worker, outputFile);
}

/** Puts a Worker that the bundle starts into it: what the bundler leaves is the name of a file that is not there. */
async function embedWorker(worker: string, outputFile: string): Promise<void> {
  const bundle = await Deno.readTextFile(outputFile);
  const name = `new URL("./${basename(worker)}", import.meta.url)`;
  if (!bundle.includes(name)) return;
  const file = await Deno.makeTempFile({ prefix: "trunkline-worker-", suffix: ".js" });
  try {
    await runBundler(fileURLToPath(new URL(worker, root)), file);
    const source = Buffer.from(await Deno.readFile(file)).toString("base64");
    await Deno.writeTextFile(outputFile, bundle.replaceAll(name, `"data:text/javascript;base64,${source}"`));
  } finally {
    await Deno.remove(file);
  }
}

async function runBundler(entry: string, outputFile: string): Promise<void> {
  const config = fileURLToPath(new URL("deno.json", root));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", `--config=${config}`, "--platform=deno", `--output=${outputFile}`, entry],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  if (code !== 0) throw new Error(`Cannot bundle ${entry}: ${new TextDecoder().decode(stderr).trimEnd()}`);
}

async function main(outputFile: string): Promise<number> {
  try {
    await bundleMain(outputFile);
    processIo.out(`Bundled ${outputFile}`);
    return ExitCode.done;
  } catch (error) {
    processIo.err(messageOf(error));
    return ExitCode.failed;
  }
}

if (import.meta.main) Deno.exit(await main("dist/trunkline.js"));
