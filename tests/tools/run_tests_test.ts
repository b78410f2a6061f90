/** Tests of the test runner: real runs of `deno test` on small trees, and what it installs before. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { prepareTools } from "../../tools/test_preparation.ts";
import { withTree } from "./source_tree_fixture.ts";

const runner = fileURLToPath(new URL("../../tools/run_tests.ts", import.meta.url));
const config = fileURLToPath(new URL("../../deno.json", import.meta.url));

const pass = 'Deno.test("passes <&>", async (t) => { await t.step("a step", () => {}); });\n';
const fail = 'Deno.test("fails", async (t) => { await t.step("bad", () => { throw new Error("x"); }); });\n';
const skip = 'Deno.test({ name: "browser (needs nothing)", ignore: true, fn() {} });\n';
const skipStep =
  'Deno.test("has steps", async (t) => { await t.step({ name: "later", ignore: true, fn() {} }); });\n';

interface Run {
  code: number;
  lines: string[];
  last: string;
}

async function run(files: Record<string, string>, ...args: string[]): Promise<Run> {
  return await runWith({}, files, args);
}

async function runWith(
  env: Record<string, string>,
  files: Record<string, string>,
  args: string[] = [],
): Promise<Run> {
  return await withTree(files, async (cwd) => {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--config", config, runner, ...args],
      cwd,
      env: { NO_COLOR: "1", CI_NO_SKIPS: "", ...env },
      stderr: "null",
    }).output();
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    return { code, lines, last: lines.at(-1) ?? "" };
  });
}

Deno.test("Test runner: ends with the summary and 0 when all pass", async () => {
  const { code, last } = await run({ "tests/a_test.ts": pass + pass, "tests/b_test.ts": pass });
  assert.deepEqual([code, last], [0, "3 passed, 0 failed"]);
});

Deno.test("Test runner: a failed test is counted once and fails the run", async () => {
  const { code, last } = await run({ "tests/a_test.ts": pass + fail });
  assert.deepEqual([code, last], [1, "1 passed, 1 failed"]);
});

Deno.test("Test runner: skipped tests and steps are named and counted, and pass", async () => {
  const { code, lines, last } = await run({ "tests/a_test.ts": pass + skip + skipStep });
  assert.deepEqual([code, last], [0, "2 passed, 0 failed, 2 skipped"]);
  assert.deepEqual(lines.filter((line) => line.startsWith("Skipped")), [
    "Skipped: browser (needs nothing) (./tests/a_test.ts)",
    "Skipped: has steps > later (./tests/a_test.ts)",
  ]);
});

Deno.test("Test runner: with --no-skips a skipped test is a failed one", async () => {
  const { code, lines, last } = await run({ "tests/a_test.ts": pass + skip }, "--no-skips");
  assert.deepEqual([code, last], [1, "1 passed, 1 failed"]);
  assert.ok(lines.includes("Skipped, counted as failed: browser (needs nothing) (./tests/a_test.ts)"));
  assert.deepEqual((await run({ "tests/a_test.ts": pass }, "--no-skips")).last, "1 passed, 0 failed");
  const asked = await runWith({ CI_NO_SKIPS: "1" }, { "tests/a_test.ts": pass + skip });
  assert.deepEqual([asked.code, asked.last], [1, "1 passed, 1 failed"]);
});

Deno.test("Test runner: paths and filters are passed on, what they leave out is not skipped", async () => {
  const files = { "tests/a_test.ts": pass + skip + fail, "tests/hub/b_test.ts": pass + pass };
  const byPath = await run(files, "tests/hub", "--no-skips");
  assert.deepEqual([byPath.code, byPath.last], [0, "2 passed, 0 failed"]);
  const byFilter = await run(files, "--filter", "passes", "--no-skips");
  assert.deepEqual([byFilter.code, byFilter.last], [0, "3 passed, 0 failed"]);
});

Deno.test("Test runner: a run without any test fails", async () => {
  const filtered = await run({ "tests/a_test.ts": pass }, "--filter", "zzz");
  assert.deepEqual([filtered.code, filtered.last], [1, "0 passed, 0 failed"]);
  const skipped = await run({ "tests/a_test.ts": skip });
  assert.deepEqual([skipped.code, skipped.last], [1, "0 passed, 0 failed, 1 skipped"]);
});

Deno.test("Test runner: what fails outside of a test fails the run", async () => {
  for (
    const broken of ['throw new Error("at load");\n', 'import "./nowhere.ts";\n', "const a: number = 'a';\n"]
  ) {
    const { code, last } = await run({ "tests/a_test.ts": pass, "tests/b_test.ts": broken });
    assert.equal(code, 1, broken);
    assert.match(last, /^[01] passed, 1 failed$/, broken);
  }
  const only = await run({ "tests/a_test.ts": pass + pass.replace("Deno.test", "Deno.test.only") });
  assert.deepEqual([only.code, only.last], [1, "1 passed, 1 failed"]);
});

/** Enough files that they are run in parts. */
function manyFiles(last: string): Record<string, string> {
  const files = Array.from({ length: 40 }, (_, index) => [`tests/n${index}_test.ts`, pass]);
  return { ...Object.fromEntries(files), "tests/z_test.ts": last };
}

Deno.test("Test runner: many files run in parts, and what fails in one of them fails the run", async () => {
  const { code, lines, last } = await run(manyFiles(pass + fail + skip));
  assert.deepEqual([code, last], [1, "41 passed, 1 failed, 1 skipped"]);
  assert.equal(lines.filter((line) => /^passes <&> .*ok/.test(line)).length, 41);
});

Deno.test("Test runner: types are checked before many files are run", async () => {
  const { code, last } = await run(manyFiles("const a: number = 'a';\n"));
  assert.deepEqual([code, last], [1, "0 passed, 1 failed"]);
});

const browserTest = 'Deno.test({ name: "page (needs lynx)", ignore: true, fn() {} });\n';

/** Which packages are installed for a tree that has one browser test, and what is said. */
async function prepare(
  options: { args?: string[]; found?: string; failure?: string; canInstall?: boolean } = {},
): Promise<{ installed: string[]; said: string[] }> {
  const { args = [], found = null, failure, canInstall = true } = options;
  return await withTree({ "t/page_test.ts": browserTest, "t/hub/hub_test.ts": pass }, async (root) => {
    const installed: string[] = [];
    const said: string[] = [];
    const install = (name: string) => {
      installed.push(name);
      return failure === undefined ? Promise.resolve() : Promise.reject(new Error(failure));
    };
    await prepareTools([{ name: "lynx", debianPackage: "lynx-package", find: () => found }], {
      args: args.length === 0 ? [`${root}/t`] : args.map((arg) => arg.replace("t/", `${root}/t/`)),
      say: (line) => said.push(line),
      install: canInstall ? install : null,
    });
    return { installed, said };
  });
}

Deno.test("Test runner: installs what a chosen test names and is missing, and says so", async () => {
  assert.deepEqual(await prepare(), {
    installed: ["lynx-package"],
    said: ["Installing lynx-package by apt-get: tests need it"],
  });
});

Deno.test("Test runner: installs nothing that is there, not asked for, or not possible", async () => {
  const nothing = { installed: [], said: [] };
  assert.deepEqual(await prepare({ found: "/usr/bin/lynx" }), nothing);
  assert.deepEqual(await prepare({ args: ["t/hub", "--filter", "x"] }), nothing);
  assert.deepEqual(await prepare({ canInstall: false }), nothing);
});

Deno.test("Test runner: an installation that fails is told and goes on", async () => {
  const { said } = await prepare({ failure: "no network" });
  assert.equal(said[1], "Cannot install lynx-package: no network; the tests that need it are skipped");
});
