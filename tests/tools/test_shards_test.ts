import assert from "node:assert/strict";
import { join } from "node:path";
import { shardTests } from "../../tools/test_shards.ts";
import { withTree } from "./source_tree_fixture.ts";

Deno.test("Test shards: each test of a large tree is in one run, small trees are one run", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 41 }, (_, i) => [`tests/${i % 3}/n${i}_test.ts`, ""]),
  );
  await withTree({ ...files, "tests/0/helper.ts": "" }, async (root) => {
    const folder = join(root, "tests");
    const shards = await shardTests(folder, 2);
    assert.deepEqual(shards.map(({ length }) => length), [21, 20]);
    assert.deepEqual(
      shards.flat().sort(),
      Object.keys(files).map((file) => join(root, file)).sort(),
    );
    assert.deepEqual(await shardTests(join(folder, "0"), 2), [[]]);
    assert.deepEqual(await shardTests(folder, 1), [[]]);
  });
  assert.deepEqual(await shardTests("no/such/folder", 2), [[]]);
});
