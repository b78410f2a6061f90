/** Tests of bundling with a small entry: the packages come along, and failures are told. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { bundleMain } from "../../tools/bundle.ts";
import { withTree } from "./source_tree_fixture.ts";

Deno.test("Bundle: one file that runs without packages, configuration and permissions", async () => {
  const entry = 'import { parse } from "yaml";\nimport { WebSocketServer } from "ws";\n' +
    'console.log(parse("a: [1, 2]").a.length, typeof WebSocketServer);\n';
  await withTree({ "entry.ts": entry }, async (root) => {
    const output = join(root, "out", "bundle.js");
    await bundleMain(output, { entry: join(root, "entry.ts") });
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--ignore-env", "--no-config", "--no-npm", "--no-remote", output],
      cwd: root,
    }).output();
    assert.equal(new TextDecoder().decode(stdout).trim(), "2 function");
    assert.equal(code, 0);
  });
});

Deno.test("Bundle: what the program starts as a Worker comes along", async () => {
  const store = new URL("../../src/store/sqlite_store.ts", import.meta.url);
  const entry = `import { SqliteStore } from "${store}";
    const limits = { retained: { maxCount: 1, maxBytes: 1 }, history: { maxBytes: 1 } };
    const store = new SqliteStore({ path: "data", limits });
    await store.open();
    await store.close();
    console.log(store.figures.failures);\n`;
  await withTree({ "entry.ts": entry }, async (root) => {
    const output = join(root, "out", "bundle.js");
    await bundleMain(output, { entry: join(root, "entry.ts") });
    assert.deepEqual([...Deno.readDirSync(join(root, "out"))].map(({ name }) => name), ["bundle.js"]);
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-config", "--allow-read=data", "--allow-write=data", output],
      cwd: root,
    }).output();
    assert.equal(new TextDecoder().decode(stdout).trim(), "0");
    assert.equal(code, 0);
  });
});

Deno.test("Bundle: an entry that cannot be bundled is told with the reason", async () => {
  await withTree({ "entry.ts": 'import "./nowhere.ts";\n' }, async (root) => {
    await assert.rejects(
      bundleMain(join(root, "bundle.js"), { entry: join(root, "entry.ts") }),
      /^Error: Cannot bundle .*entry\.ts: [\s\S]*nowhere\.ts/,
    );
  });
});
