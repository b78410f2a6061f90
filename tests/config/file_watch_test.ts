import assert from "node:assert/strict";
import { join } from "node:path";
import { FakeTime } from "../helpers/fake_time.ts";
import { FileWatch } from "../../src/config/file_watch.ts";

Deno.test("File watch: each change is told once, also of a file that is replaced or was away", () => {
  const folder = Deno.makeTempDirSync();
  const path = join(folder, "a");
  const put = (text: string) => {
    Deno.writeTextFileSync(join(folder, "next"), text);
    Deno.renameSync(join(folder, "next"), path);
  };
  put("one");
  using time = new FakeTime();
  let changes = 0;
  const watch = new FileWatch([path], { everyMs: 100, changed: () => changes++ });
  try {
    time.tick(1000);
    assert.equal(changes, 0);
    put("longer");
    time.tick(1000);
    assert.equal(changes, 1);
    Deno.removeSync(path);
    time.tick(1000);
    assert.equal(changes, 1, "what is away is not read");
    put("back");
    time.tick(1000);
    assert.equal(changes, 2);
  } finally {
    watch.stop();
    Deno.removeSync(folder, { recursive: true });
  }
  time.tick(1000);
  assert.equal(changes, 2);
});
