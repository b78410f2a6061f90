import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { JournalBatch } from "../../src/store/journal_batch.ts";
import { packMessages } from "../../src/store/message_columns.ts";
import { StoreFile } from "../../src/store/store_file.ts";
import { TempFolder } from "./temp_folder.ts";

const MANY = 2000;
const NOTHING: JournalBatch = {
  tenants: [],
  topics: [],
  removedTopics: [],
  messages: packMessages([]),
  drops: [],
  demotes: [],
  values: [],
  isLast: false,
};

/** A batch that keeps the messages of these numbers. */
function keeping(first: number, count: number): JournalBatch {
  const rows = Array.from({ length: count }, (_, at) => ({
    seq: first + at,
    topic: 1,
    inHistory: 1,
    id: `018bcfe5-6800-4abc-8000-${String(first + at).padStart(12, "0")}`,
    name: "a",
    version: "1.0.0",
    requestId: null,
    atMs: 1,
    placedMs: 1,
    payload: new Uint8Array(4000),
  }));
  return { ...NOTHING, messages: packMessages(rows) };
}

/** Lets a statement fail wherever it runs; the rest goes on as it does. */
function failing(sqlBegin: string): Disposable {
  const { prepare } = DatabaseSync.prototype;
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string) {
    const statement = prepare.call(this, sql);
    if (sql.startsWith(sqlBegin)) {
      statement.all = () => {
        throw new Error("database or disk is full");
      };
    }
    return statement;
  };
  return { [Symbol.dispose]: () => void (DatabaseSync.prototype.prepare = prepare) };
}

function seqsOf(file: StoreFile): number[] {
  const seqs: number[] = [];
  for (let rows = file.messagesAfter(0); rows.length > 0; rows = file.messagesAfter(seqs.at(-1) ?? 0)) {
    seqs.push(...rows.map(({ seq }) => seq));
  }
  return seqs;
}

Deno.test("Store file: exactly the runs that are dropped go", () => {
  using folder = new TempFolder();
  const file = new StoreFile(join(folder.path, "s.db"), { maxBytes: null, syncMs: 0 });
  file.write(keeping(1, 20));
  file.write({ ...NOTHING, drops: [2, 2, 5, 9, 20, 30] });
  assert.deepEqual(seqsOf(file), [1, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  file.close();
});

Deno.test("Store file: what was written is, also when there is no room to give back what lies idle", () => {
  using folder = new TempFolder();
  using _fault = failing("PRAGMA incremental_vacuum");
  const file = new StoreFile(join(folder.path, "s.db"), { maxBytes: null, syncMs: 0 });
  file.write(keeping(1, MANY));
  file.write({ ...NOTHING, drops: [1, MANY] });
  assert.ok(file.hasSlack);
  file.write(keeping(MANY + 1, 3));
  assert.deepEqual(seqsOf(file), [MANY + 1, MANY + 2, MANY + 3]);
  file.close();
});
