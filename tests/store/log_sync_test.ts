import assert from "node:assert/strict";
import { join } from "node:path";
import { LogSync } from "../../src/store/log_sync.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { TempFolder } from "./temp_folder.ts";

/** A disk that counts how often it is waited for, and may fail. */
class FaultyDisk {
  syncs = 0;
  isBroken = false;
  readonly sync = (): void => {
    this.syncs++;
    if (this.isBroken) throw new Error("the disk is gone");
  };
}

function underTest(): { disk: FaultyDisk; log: LogSync } {
  const disk = new FaultyDisk();
  return { disk, log: new LogSync("unused", { everyMs: 100, sync: disk.sync }) };
}

Deno.test("Log sync: what was written goes to the disk in its time, all together, and once", () => {
  using time = new FakeTime();
  const { disk, log } = underTest();
  log.note();
  time.tick(60);
  log.note();
  log.check();
  time.tick(39);
  assert.equal(disk.syncs, 0);
  time.tick(1);
  assert.equal(disk.syncs, 1);
  time.tick(1000);
  assert.equal(disk.syncs, 1);
  log.note();
  time.tick(100);
  assert.equal(disk.syncs, 2);
  log.close();
});

Deno.test("Log sync: whoever writes next is told that the disk failed, until it takes what was written", () => {
  using time = new FakeTime();
  const { disk, log } = underTest();
  disk.isBroken = true;
  log.note();
  time.tick(100);
  assert.throws(() => log.check(), /the disk is gone/);
  assert.throws(() => log.check(), /the disk is gone/);
  disk.isBroken = false;
  log.check();
  log.check();
  assert.equal(disk.syncs, 4);
  log.close();
});

Deno.test("Log sync: a failure that nobody asked about is tried again", () => {
  using time = new FakeTime();
  const { disk, log } = underTest();
  disk.isBroken = true;
  log.note();
  time.tick(300);
  assert.equal(disk.syncs, 3);
  disk.isBroken = false;
  time.tick(100);
  log.check();
  assert.equal(disk.syncs, 4);
  time.tick(1000);
  assert.equal(disk.syncs, 4);
  log.close();
  assert.equal(time.timers, 0);
});

Deno.test("Log sync: the log of SQLite is what is brought to the disk", () => {
  using time = new FakeTime();
  using folder = new TempFolder();
  const path = join(folder.path, "a.db");
  const log = new LogSync(path, { everyMs: 100 });
  log.note();
  time.tick(100);
  assert.throws(() => log.check(), Deno.errors.NotFound);
  Deno.writeTextFileSync(`${path}-wal`, "x");
  log.check();
  log.close();
});
