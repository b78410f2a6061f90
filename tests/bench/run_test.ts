/** Tests of the benchmark runner with folders of benchmarks that only say what they were told. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runBenchmarks } from "../../bench/run.ts";
import { withTree } from "../tools/source_tree_fixture.ts";

/** A benchmark that writes its options into its own folder and ends with `code`. */
function benchmark(name: string, code: number): string {
  return `export const bench = {
    name: "${name}",
    about: "Shows ${name}",
    run(options) {
      Deno.writeTextFileSync(new URL("told", import.meta.url), "${name} " + JSON.stringify(options) + "\\n", { append: true });
      return Promise.resolve(${code});
    },
  };\n`;
}

const folder = {
  "fanout_bench.ts": benchmark("fanout", 0),
  "tls_bench.ts": benchmark("tls", 1),
  "notes.ts": "throw new Error('not a benchmark');\n",
};

interface Run {
  code: number;
  out: string[];
  err: string[];
  told: string[];
}

async function run(args: string[], files: Record<string, string> = folder): Promise<Run> {
  return await withTree({ ...files, told: "" }, async (root) => {
    const out: string[] = [];
    const err: string[] = [];
    const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
    const code = await runBenchmarks(args, { folder: root, io });
    const told = (await Deno.readTextFile(`${root}/told`)).split("\n").filter((line) => line !== "");
    return { code, out, err, told };
  });
}

Deno.test("Benchmarks: without a name all run, and the worst exit code is the end", async () => {
  assert.deepEqual(await run([]), {
    code: 1,
    out: [],
    err: [],
    told: ['fanout {"peer":true,"outFile":null}', 'tls {"peer":true,"outFile":null}'],
  });
});

Deno.test("Benchmarks: a name chooses one, options are handed on", async () => {
  for (const args of [["fanout", "--no-peer", "--out", "a.json"], ["--out=a.json", "--no-peer", "fanout"]]) {
    const { code, told } = await run(args);
    assert.deepEqual([code, told], [0, ['fanout {"peer":false,"outFile":"a.json"}']]);
  }
});

Deno.test("Benchmarks: --list names each with what it shows and runs none", async () => {
  const { code, out, told } = await run(["--list"]);
  assert.deepEqual([code, out, told], [0, ["  fanout  Shows fanout", "  tls     Shows tls"], []]);
  assert.deepEqual((await run(["--list"], {})).code, 0);
});

Deno.test("Benchmarks: an unknown name is refused with the known ones", async () => {
  const { code, err, told } = await run(["nothing"]);
  assert.deepEqual([code, told], [2, []]);
  assert.deepEqual(err, ["Cannot run nothing: there is no such benchmark; there are: fanout, tls"]);
  assert.equal((await run([], {})).code, 2);
});

Deno.test("Benchmarks: arguments that mean nothing are refused before anything is run", async () => {
  for (const args of [["--fast"], ["fanout", "tls"], ["fanout", "--out"], ["--out", "a.json"]]) {
    const { code, told } = await run(args);
    assert.deepEqual([code, told], [2, []], args.join(" "));
  }
});

Deno.test("Benchmarks: a file that exports none is told", async () => {
  await assert.rejects(run([], { "a_bench.ts": "export const bench = 1;\n" }), /it exports no benchmark/);
});

Deno.test("Benchmarks: every benchmark of this repository has the name of its file", async () => {
  const bench = fileURLToPath(new URL("../../bench", import.meta.url));
  const out: string[] = [];
  await runBenchmarks(["--list"], { folder: bench, io: { out: (line) => out.push(line), err: () => {} } });
  const files = [...Deno.readDirSync(bench)].map(({ name }) =>
    /^(.+)_bench\.ts$/.exec(name)?.[1]?.replaceAll("_", "-")
  );
  assert.deepEqual(out.map((line) => line.trim().split(" ")[0]), files.filter(Boolean).sort());
});
