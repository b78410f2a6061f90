import assert from "node:assert/strict";
import { join } from "node:path";
import { FakeTime } from "../helpers/fake_time.ts";
import { FileStamps, FileWatch } from "../../src/config/file_watch.ts";

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
  const watch = new FileWatch(new FileStamps([path]), { everyMs: 100, changed: () => changes++ });
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

Deno.test("File watch: what was written in place is told also where size and time of writing stayed", () => {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, "one");
  const before = Deno.statSync(path);
  using time = new FakeTime();
  let changes = 0;
  const watch = new FileWatch(new FileStamps([path]), { everyMs: 100, changed: () => changes++ });
  try {
    // The clock of a file system has ticks of some milliseconds: what is written within one cannot be told apart.
    do {
      Deno.writeTextFileSync(path, "two");
      Deno.utimeSync(path, before.atime ?? 0, before.mtime ?? 0);
    } while (Deno.statSync(path).ctime?.getTime() === before.ctime?.getTime());
    assert.equal(Deno.statSync(path).mtime?.getTime(), before.mtime?.getTime());
    time.tick(1000);
    assert.equal(changes, 1);
  } finally {
    watch.stop();
    Deno.removeSync(path);
  }
});
