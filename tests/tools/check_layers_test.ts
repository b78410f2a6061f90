import assert from "node:assert/strict";
import { checkLayers, inspectLayers, MAX_LINES, type Problem, runCheck } from "../../tools/check_layers.ts";
import { REPOSITORY, withTempTree } from "../helpers/temp_tree.ts";

const goodTree = {
  "main.ts": 'import { runCli } from "./src/cli/cli.ts";\nrunCli();\n',
  "src/cli/cli.ts": 'import "../server/server.ts";\nexport function runCli() {}\n',
  "src/server/server.ts": 'export * from "../hub/hub.ts";\nexport * as broker from "../broker/broker.ts";\n',
  "src/hub/hub.ts": 'import { a } from "../core/a.ts";\nimport ws from "ws";\nexport interface Hub {}\n',
  "src/broker/broker.ts":
    'import type { Hub } from "../hub/hub.ts";\n// import { Hub } from "../agent/a.ts";\n',
  "src/core/a.ts": 'import { type B } from "./b.ts";\nexport const a = 1;\n',
  "src/core/b.ts": 'import { a } from "./a.ts";\nexport type B = typeof a;\n',
  "src/client/client.ts": 'import "../wire/text.ts";\nconst said = "Deno";\n/* Deno */\n',
  "src/wire/text.ts": "export {};\n",
};

async function problemsOf(files: Readonly<Record<string, string>>): Promise<readonly Problem[]> {
  return await withTempTree({ ...goodTree, ...files }, checkLayers);
}

async function onlyProblemOf(path: string, text: string): Promise<Problem> {
  const problems = await problemsOf({ [path]: text });
  assert.equal(problems.length, 1, JSON.stringify(problems));
  const [problem] = problems;
  assert(problem !== undefined);
  assert.equal(problem.file, path);
  return problem;
}

Deno.test("checkLayers: a tree that keeps the table has no problem", async () => {
  assert.deepEqual(await problemsOf({}), []);
});

const forbidden = {
  "static import": 'import { Hub } from "../hub/hub.ts";',
  "import for its effect": 'import "../hub/hub.ts";',
  "import of a type": 'import type { Hub } from "../hub/hub.ts";',
  "export from": 'export { Hub } from "../hub/hub.ts";',
  "export of all": 'export * from "../hub/hub.ts";',
  "export of a type": 'export type { Hub } from "../hub/hub.ts";',
  "dynamic import": 'const hub = await import("../hub/hub.ts");',
  "template import": "const hub = await import(`../hub/hub.ts`);",
  "module of a Worker": 'new Worker(new URL("../hub/hub.ts", import.meta.url));',
};

for (const [kind, text] of Object.entries(forbidden)) {
  Deno.test(`checkLayers: a forbidden ${kind} is named with its line`, async () => {
    const problem = await onlyProblemOf("src/store/store.ts", `// first\n\n${text}\n`);
    assert.equal(problem.line, 3);
    assert.equal(problem.message, "Cannot import src/hub/hub.ts from store: store may import core");
  });
}

Deno.test("checkLayers: where only types are allowed, a value is not", async () => {
  const problem = await onlyProblemOf("src/api/api.ts", 'import { Hub } from "../hub/hub.ts";\n');
  assert.match(problem.message, /only types of hub are allowed; write import type/);
  assert.deepEqual(await problemsOf({ "src/api/api.ts": 'export type * from "../hub/hub.ts";\n' }), []);
});

Deno.test("checkLayers: main.ts may import the command line only", async () => {
  const problem = await onlyProblemOf("main.ts", 'import "./src/server/server.ts";\n');
  assert.match(problem.message, /main\.ts may import cli$/);
});

Deno.test("checkLayers: the source does not import tests or tools", async () => {
  const problem = await onlyProblemOf("src/cli/extra.ts", 'import "../../tests/helpers/a.ts";\n');
  assert.match(problem.message, /Cannot import tests\/helpers\/a\.ts from cli: it is not in a room/);
});

Deno.test("checkLayers: a computed import is refused", async () => {
  const problem = await onlyProblemOf("src/cli/extra.ts", "await import(`./${name}.ts`);\n");
  assert.match(problem.message, /Cannot check a computed import/);
});

Deno.test("checkLayers: a folder or file that is in no room is named", async () => {
  assert.match((await onlyProblemOf("src/utils/a.ts", "export {};\n")).message, /src\/utils\/ is no room/);
  assert.match((await onlyProblemOf("src/a.ts", "export {};\n")).message, /src\/ is no room/);
});

Deno.test("checkLayers: a cycle of values is reported once, one of types is not", async () => {
  const problems = await problemsOf({
    "src/hub/one.ts": 'import "./two.ts";\n',
    "src/hub/two.ts": '\nimport { three } from "./three.ts";\n',
    "src/hub/three.ts": 'export * from "./one.ts";\nimport type { Hub } from "./hub.ts";\n',
  });
  assert.equal(problems.length, 1);
  assert.deepEqual({ file: problems[0]?.file, line: problems[0]?.line }, { file: "src/hub/one.ts", line: 1 });
  assert.match(
    problems[0]?.message ?? "",
    /src\/hub\/one\.ts -> src\/hub\/two\.ts -> src\/hub\/three\.ts -> src\/hub\/one\.ts/,
  );
});

Deno.test("checkLayers: the SDK uses neither Deno nor node:", async () => {
  const used = await onlyProblemOf("src/client/a.ts", "\nexport const run = Deno.version;\n");
  assert.deepEqual([used.line, /Cannot use Deno in src\/client/.test(used.message)], [2, true]);
  const imported = await onlyProblemOf("src/client/a.ts", 'import net from "node:net";\n');
  assert.match(imported.message, /Cannot import node:net in src\/client/);
});

for (const folder of ["src/core", "tests/core", "tools", "bench"]) {
  Deno.test(`checkLayers: a file of ${folder} over ${MAX_LINES} lines is named`, async () => {
    const problem = await onlyProblemOf(`${folder}/long.ts`, "export {};\n".repeat(MAX_LINES + 1));
    assert.match(problem.message, /Cannot accept a file of 401 lines: 400 at most/);
    assert.deepEqual(await problemsOf({ [`${folder}/long.ts`]: "export {};\n".repeat(MAX_LINES) }), []);
  });
}

Deno.test("checkLayers: a folder without source files is a problem", async () => {
  const problems = await withTempTree({ "tests/a_test.ts": "export {};\n" }, checkLayers);
  assert.match(problems[0]?.message ?? "", /Cannot check the rooms: no source file found/);
});

Deno.test("checkLayers: prints file, line and message and ends with 1", async () => {
  const out: string[] = [];
  const err: string[] = [];
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  const bad = { ...goodTree, "src/core/bad.ts": 'import "../hub/hub.ts";\n' };
  assert.equal(await withTempTree(bad, (root) => runCheck(root, io)), 1);
  assert.deepEqual(err, [
    "src/core/bad.ts:1: Cannot import src/hub/hub.ts from core: core may import no other room",
  ]);
  assert.deepEqual(out, ["Checked the rooms of 10 files: 1 problem"]);
});

Deno.test("checkLayers: this repository keeps its own table", async () => {
  const { filesChecked, problems } = await inspectLayers(REPOSITORY);
  assert(filesChecked > 100, `only ${filesChecked} files found`);
  assert.deepEqual(problems, []);
});
