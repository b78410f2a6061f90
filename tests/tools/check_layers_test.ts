/** Tests of the layer check: bad trees are refused with file, line and reason, good ones and the real one pass. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { checkLayers } from "../../tools/check_layers.ts";
import { withTree } from "./source_tree_fixture.ts";

const exported = "export const x = 1;\nexport interface X {}\n";

/** Checks a tree and returns its problems as printed. */
async function problemsOf(files: Record<string, string>): Promise<string[]> {
  const problems = await withTree(files, checkLayers);
  return problems.map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

Deno.test("Layers: the real tree has no problem", async () => {
  assert.deepEqual(await checkLayers(fileURLToPath(new URL("../..", import.meta.url))), []);
});

Deno.test("Layers: a tree that keeps to the rules passes", async () => {
  const problems = await problemsOf({
    "main.ts": 'import { x } from "./src/cli/cli.ts";\nconsole.log(x);\n',
    "src/cli/cli.ts": 'export { x } from "../server/server.ts";\n',
    "src/server/server.ts": 'import "../hub/hub.ts";\nexport * from "../core/x.ts";\n',
    "src/hub/hub.ts":
      'import { x } from "../core/x.ts";\nimport { readFile } from "node:fs";\nimport "ws";\n',
    "src/broker/broker.ts": [
      'import type { X } from "../hub/hub.ts";',
      'import { type X as Y, type Z } from "../store/store.ts";',
      'export type { X } from "../hub/hub.ts";',
      'export type * from "../cluster/cluster.ts";',
      'type Hub = typeof import("../hub/hub.ts");',
      'function f(x: import("../hub/hub.ts").X) {}',
    ].join("\n"),
    "src/core/x.ts": 'import config from "../../deno.json" with { type: "json" };\n' + exported,
    "tests/core/x_test.ts": 'import "../../src/server/server.ts";\n',
  });
  assert.deepEqual(problems, []);
});

Deno.test("Layers: every form of a forbidden import is found, with its line", async () => {
  const forms: Record<string, string> = {
    "a named import": '\nimport { x } from "../hub/hub.ts";',
    "an import over lines": '\nimport {\n  x,\n  type Y,\n} from "../hub/hub.ts";',
    "an import for its effect": '\nimport "../hub/hub.ts";',
    "a type import": '\nimport type { X } from "../hub/hub.ts";',
    "a re-export": '\nexport * from "../hub/hub.ts";',
    "a named re-export": '\nexport { x } from "../hub/hub.ts";',
    "a type re-export": '\nexport type { X } from "../hub/hub.ts";',
    "a dynamic import": '\nconst hub = await import("../hub/hub.ts");',
    "a dynamic import in a template": '\nconst a = `a ${(await import("../hub/hub.ts")).x} b`;',
    "a worker": '\nnew Worker(new URL("../hub/hub.ts", import.meta.url), { type: "module" });',
    "an import type": '\nfunction f(x: import("../hub/hub.ts").X) {}',
  };
  for (const [form, text] of Object.entries(forms)) {
    const problems = await problemsOf({ "src/wire/bad.ts": text, "src/hub/hub.ts": exported });
    assert.deepEqual(
      problems,
      ["src/wire/bad.ts:2: Cannot import src/hub/hub.ts: wire may import only core"],
      form,
    );
  }
});

Deno.test("Layers: what stands in comments, strings, templates and regular expressions is no import", async () => {
  const problems = await problemsOf({
    "src/core/x.ts": [
      '// import "../hub/hub.ts";',
      '/* import "../hub/hub.ts"; */',
      "const a = 'import \"../hub/hub.ts\"';",
      'const b = `import "../hub/hub.ts"; ${a + `import "../hub/hub.ts"`} import "../hub/hub.ts";`;',
      'const c = /import "..\\/hub\\/hub.ts";[`/]/;',
      'loader.import("../hub/hub.ts");',
      'const d = { import: "../hub/hub.ts", from: 1 / 2 };',
      "const e = import.meta.url;",
      'export const f = "../hub/hub.ts";',
    ].join("\n"),
  });
  assert.deepEqual(problems, []);
});

Deno.test("Layers: where only types are allowed, a value import is refused", async () => {
  const forms = [
    'import { x } from "../hub/hub.ts";',
    'import { type X, x } from "../hub/hub.ts";',
    'import { type as X } from "../hub/hub.ts";',
    'import type from "../hub/hub.ts";',
    'import "../hub/hub.ts";',
    'import {} from "../hub/hub.ts";',
    'export * from "../hub/hub.ts";',
    'import("../hub/hub.ts").then(run);',
  ];
  for (const form of forms) {
    const problems = await problemsOf({ "src/broker/bad.ts": form, "src/hub/hub.ts": exported });
    assert.deepEqual(problems, [
      "src/broker/bad.ts:1: Cannot import src/hub/hub.ts: broker may import only types of hub; " +
      "use import type, or a port of its own",
    ], form);
  }
});

Deno.test("Layers: a cycle is found with its way, one of types only is none", async () => {
  const cycle = {
    "src/core/a.ts": '// first\nimport { b } from "./b.ts";\n',
    "src/core/b.ts": 'export { c } from "./c.ts";\n',
    "src/core/c.ts": 'const a = await import("./a.ts");\nimport { b } from "./b.ts";\n',
  };
  assert.deepEqual(await problemsOf(cycle), [
    "src/core/a.ts:2: Cannot load files that import each other: " +
    "src/core/a.ts -> src/core/b.ts -> src/core/c.ts -> src/core/a.ts; move what both need into a third",
  ]);
  const types = { ...cycle, "src/core/c.ts": 'import type { A } from "./a.ts";\n' };
  assert.deepEqual(await problemsOf(types), []);
});

Deno.test("Layers: a file that imports itself is a cycle, in tests too", async () => {
  const problems = await problemsOf({
    "src/core/x.ts": exported,
    "tests/a_test.ts": 'import "./a_test.ts";\n',
  });
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /^tests\/a_test\.ts:1: .*tests\/a_test\.ts -> tests\/a_test\.ts;/);
});

Deno.test("Layers: an unknown folder under src, and a file directly in it, are refused", async () => {
  const problems = await problemsOf({ "src/util/x.ts": exported, "src/mod.ts": exported });
  assert.deepEqual(problems, [
    "src/mod.ts:1: Cannot place the file: mod.ts is no room; move it into one, or add the room to tools/rooms.ts",
    "src/util/x.ts:1: Cannot place the file: util is no room; move it into one, or add the room to tools/rooms.ts",
  ]);
});

Deno.test("Layers: code outside of src cannot be imported by it, main.ts only by nobody", async () => {
  const problems = await problemsOf({
    "src/cli/x.ts": 'import "../../tests/helpers/x.ts";\nimport "../../main.ts";\n',
    "main.ts": 'import "./src/core/x.ts";\n',
    "src/core/x.ts": exported,
  });
  assert.deepEqual(problems.map((line) => line.split(";")[0]), [
    "main.ts:1: Cannot import src/core/x.ts: main may import only cli",
    "src/cli/x.ts:1: Cannot import tests/helpers/x.ts: it lies outside of src",
    "src/cli/x.ts:2: Cannot import main.ts: cli may import only core, wire, config, auth, limits, link, hub, " +
    "broker, store, tunnel, metrics, api, admin, cluster, agent, client, server",
  ]);
});

Deno.test("Layers: the client, and what it loads from other rooms, uses neither Deno nor node:", async () => {
  const problems = await problemsOf({
    "src/client/client.ts":
      'import { x } from "../wire/x.ts";\nimport type { Y } from "../wire/y.ts";\nimport { z } from "../core/z.ts";\n' +
      "const runtime = globalThis.Deno;\nDeno.exit();\n",
    "src/wire/x.ts": 'import { Buffer } from "node:buffer";\n',
    "src/wire/y.ts": 'import "node:net";\nexport type Y = Deno.Conn;\n',
    "src/core/z.ts": 'import type { Socket } from "node:net";\n// Deno\nexport const z = "Deno";\n',
  });
  assert.deepEqual(problems.map((line) => line.split(": src/client")[0]), [
    "src/client/client.ts:5: Cannot use Deno",
    "src/wire/x.ts:1: Cannot import node:buffer",
  ]);
});

Deno.test("Layers: a file over 400 lines is refused wherever code lies, fixtures aside", async () => {
  const lines = (count: number) => "export {};\n".repeat(count);
  const problems = await problemsOf({
    "src/core/long.ts": lines(401),
    "src/core/short.ts": lines(400),
    "tests/long_test.ts": lines(500),
    "tests/fixtures/long.ts": lines(500),
    "tools/long.ts": lines(401),
    "bench/long.ts": lines(401),
  });
  assert.deepEqual(problems.map((line) => line.split(";")[0]), [
    "bench/long.ts:401: Cannot accept a file of 401 lines: 400 is the limit",
    "src/core/long.ts:401: Cannot accept a file of 401 lines: 400 is the limit",
    "tests/long_test.ts:401: Cannot accept a file of 500 lines: 400 is the limit",
    "tools/long.ts:401: Cannot accept a file of 401 lines: 400 is the limit",
  ]);
});

Deno.test("Layers: a file that cannot be read to its end is a problem, not a file without imports", async () => {
  const problems = await problemsOf({ "src/core/a.ts": "const a = `\n", "src/core/b.ts": "/* open\n" });
  assert.deepEqual(problems, [
    "src/core/a.ts:1: Cannot read the template that goes on from line 1: it never ends",
    "src/core/b.ts:1: Cannot read the comment that opens on line 1: it never ends",
  ]);
});

Deno.test("Layers: a folder without source is a problem, not a clean tree", async () => {
  assert.deepEqual(await problemsOf({ "tests/a_test.ts": exported }), [
    ".:1: Cannot check anything: no source file is here; run it at the root",
  ]);
});

Deno.test("Layers: as a program it prints the problems and the count, and ends with 1 or 0", async () => {
  const program = fileURLToPath(new URL("../../tools/check_layers.ts", import.meta.url));
  const run = async (text: string) =>
    await withTree({ "src/core/x.ts": text }, async (root) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", "--allow-read", program, root],
        env: { NO_COLOR: "1" },
      }).output();
      const decoder = new TextDecoder();
      return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
    });
  const good = await run(exported);
  assert.deepEqual([good.code, good.out], [0, "Checked 1 file: 0 problems\n"]);
  const bad = await run('import "../hub/hub.ts";\n');
  assert.deepEqual([bad.code, bad.out], [1, "Checked 1 file: 1 problem\n"]);
  assert.match(
    bad.err,
    /^src\/core\/x\.ts:1: Cannot import src\/hub\/hub\.ts: core may import only itself$/m,
  );
});
