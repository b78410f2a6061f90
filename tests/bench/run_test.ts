/** Tests of the benchmark runner: finding, listing, choosing, and the exit code. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runBenchmarks } from "../../bench/run.ts";
import { withTree } from "../tools/source_tree_fixture.ts";

/** A benchmark that ends with `code`, unless it is given arguments: then it ends with their number, plus 10 with a peer. */
function source(name: string, code: number): string {
  return `export const bench = { name: "${name}", about: "Shows ${name}", ` +
    `run: ({ withPeer, args }) => Promise.resolve(args.length > 0 ? args.length + (withPeer ? 10 : 0) : ${code}) };\n`;
}

async function run(...args: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const files = {
    "fan_out_bench.ts": source("fan_out", 0),
    "http_bench.ts": source("http", 3),
    "other.ts": "",
  };
  return await withTree(files, async (folder) => {
    const out: string[] = [];
    const err: string[] = [];
    const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
    return { code: await runBenchmarks(args, { folder, io }), out, err };
  });
}

const list = ["  fan_out  Shows fan_out", "  http     Shows http"];

Deno.test("Benchmarks: --list names them all and runs none", async () => {
  assert.deepEqual(await run("--list"), { code: 0, out: list, err: [] });
});

Deno.test("Benchmarks: a name chooses one, none means all, the worst exit code counts", async () => {
  assert.equal((await run("fan_out")).code, 0);
  assert.equal((await run("http")).code, 3);
  assert.equal((await run()).code, 3);
});

Deno.test("Benchmarks: --no-peer is told, what else is said is passed on", async () => {
  assert.equal((await run("http", "--seconds", "5")).code, 12);
  assert.equal((await run("http", "--seconds", "5", "--no-peer")).code, 2);
});

Deno.test("Benchmarks: an unknown name is refused with the list", async () => {
  const { code, out, err } = await run("nothing");
  assert.deepEqual([code, out], [2, []]);
  assert.deepEqual(err, ['Cannot run "nothing": there are these, one of them is wanted', ...list]);
});

Deno.test("Benchmarks: a file without a benchmark is refused by name", async () => {
  await withTree({ "x_bench.ts": "export const bench = { name: 1 };\n" }, async (folder) => {
    await assert.rejects(runBenchmarks([], { folder }), /Cannot load .*x_bench\.ts: it exports no benchmark/);
  });
});

Deno.test("Benchmarks: every file of the real folder exports one", async () => {
  const folder = fileURLToPath(new URL("../../bench", import.meta.url));
  const out: string[] = [];
  const io = { out: (line: string) => out.push(line), err: () => {} };
  assert.equal(await runBenchmarks(["--list"], { folder, io }), 0);
  const files = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith("_bench.ts"));
  assert.equal(out.length, files.length);
});
