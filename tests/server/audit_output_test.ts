import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { AuditOutput, type AuditWriter } from "../../src/server/audit_output.ts";
import { until } from "../helpers/event_loop.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";

/** A disk that takes a few bytes a call, and fails or hangs when a test says so. */
class FakeDisk implements AuditWriter {
  text = "";
  room = Infinity;
  hangs = false;
  closed = 0;
  readonly #perCall: number;

  constructor(perCall = 7) {
    this.#perCall = perCall;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.hangs) return new Promise(() => {});
    const count = Math.min(bytes.length, this.#perCall, this.room);
    if (count === 0) return Promise.reject(new Error("disk full"));
    this.room -= count;
    this.text += new TextDecoder().decode(bytes.subarray(0, count));
    return Promise.resolve(count);
  }

  close(): void {
    this.closed++;
  }
}

function setUp(disk: FakeDisk, { maxBytes = 1000 } = {}) {
  const logger = new MemoryLogger();
  const output = new AuditOutput({ open: () => disk, logger, maxBytes, wallNow: () => 0 });
  return { output, logger };
}

const LOST = (lines: number) => `{"time":"1970-01-01T00:00:00.000Z","kind":"lines_lost","lines":${lines}}\n`;

Deno.test("Audit output: lines come whole and in order, and closing waits for them", async () => {
  const disk = new FakeDisk();
  const { output } = setUp(disk);
  for (let n = 0; n < 20; n++) output.write(`line ${n}\n`);
  equal(disk.text, "");
  await output.close();
  equal(disk.text, Array.from({ length: 20 }, (_, n) => `line ${n}\n`).join(""));
  equal(disk.closed, 1);
  output.write("late\n");
  await output.close();
  deepEqual([disk.closed, output.linesLost], [1, 1]);
});

Deno.test("Audit output: a failing disk is reported once, its lines counted and told when it works again", async () => {
  const disk = new FakeDisk(100);
  const { output, logger } = setUp(disk);
  disk.room = 4;
  output.write("first\n");
  await until(() => output.linesLost === 1);
  output.write("second\n");
  await until(() => output.linesLost === 2);
  equal(logger.lines.length, 1);
  disk.room = Infinity;
  output.write("third\n");
  await until(() => disk.text.endsWith("third\n"));
  equal(disk.text, `firs\n${LOST(2)}third\n`);
  output.write("fourth\n");
  await output.close();
  ok(disk.text.endsWith("third\nfourth\n"));
  deepEqual([output.linesLost, logger.lines.length], [2, 1]);
});

Deno.test("Audit output: a disk that hangs takes bounded memory and holds nobody up, not even the end", async () => {
  const disk = new FakeDisk(100);
  disk.hangs = true;
  const { output, logger } = setUp(disk, { maxBytes: 100 });
  output.write("being written\n");
  await until(() => true);
  await Promise.resolve();
  for (let n = 0; n < 10_000; n++) output.write("0123456789\n");
  equal(output.linesLost, 10_000 - 9);
  equal(logger.lines.length, 1);
  using time = new FakeTime();
  const closed = output.close();
  time.tick(2000);
  await closed;
  deepEqual([disk.closed, output.linesLost], [1, 10_000]);
});

Deno.test("Audit output: opened anew, it finishes the old file first", async () => {
  const disks = [new FakeDisk(), new FakeDisk()];
  const opened: FakeDisk[] = [];
  const open = () => {
    const disk = disks[opened.length];
    if (disk === undefined) throw new Error("no more");
    opened.push(disk);
    return disk;
  };
  const logger = new MemoryLogger();
  const output = new AuditOutput({ open, logger });
  output.write("old\n");
  await until(() => disks[0]?.text === "old\n");
  output.reopen();
  output.write("new\n");
  await until(() => disks[1]?.text === "new\n");
  deepEqual([disks[0]?.text, disks[0]?.closed], ["old\n", 1]);
  output.reopen();
  await until(() => logger.lines.length === 1);
  output.write("still\n");
  await output.close();
  equal(disks[1]?.text, "new\nstill\n");
});

Deno.test("Audit output: what cannot be opened is told at the start", () => {
  const open = () => {
    throw new Error("no such folder");
  };
  throws(() => new AuditOutput({ open, logger: new MemoryLogger() }), /no such folder/);
});
