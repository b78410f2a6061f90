/**
 * The file in which kept messages last: one SQLite database for all tenants. It is written in batches, each a
 * transaction: what a batch holds is there as a whole or not at all.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { JournalBatch, MessageRow, TenantRow, TopicRow } from "./journal_batch.ts";
import { LogSync } from "./log_sync.ts";
import { MESSAGE_VALUES, type MessageColumns, unpackMessages } from "./message_columns.ts";
import { APPLICATION_ID, checkStoreFile, SCHEMA, SCHEMA_VERSION } from "./store_schema.ts";

/** Pages that lie idle before the file is made smaller, and how many are given back with one batch. */
const MIN_IDLE_PAGES = 1024;
const VACUUM_PAGES = 512;
/** Messages that are read at once: several times faster than one by one. */
const READ_ROWS = 2000;
/** Messages that one statement writes: what a statement costs is shared. */
const WRITE_ROWS = 8;
/** The log of SQLite goes into the file when it has so many pages, and is cut to this size in bytes then. */
const CHECKPOINT_PAGES = 4096;
const MAX_LOG_BYTES = 33_554_432;

/** How the file is used. */
export interface StoreFileOptions {
  /** How large it may become, in bytes; `null`: as there is room. */
  readonly maxBytes: number | null;
  /** How long what was written may wait for the disk, in milliseconds; 0: a write ends when the disk has it. */
  readonly syncMs: number;
}

/** The file, open. */
export class StoreFile {
  readonly #db: DatabaseSync;
  readonly #statements: Statements;
  /** `null`: SQLite waits itself. */
  readonly #sync: LogSync | null;
  #hasSlack = false;

  /**
   * Opens the file, and makes it what it has to be when it is empty.
   * @throws {TrunklineError} `start_failed` when it is damaged, newer, or something else; it stays as it is then.
   */
  constructor(path: string, options: StoreFileOptions) {
    const db = new DatabaseSync(path);
    try {
      checkStoreFile(db, path);
      this.#db = db;
      this.#configure(options);
      this.#statements = prepareStatements(db);
      this.#statements.messages.setReturnArrays(true);
      this.#statements.idlePages.setReturnArrays(true);
      this.#look();
      this.#sync = options.syncMs === 0 ? null : new LogSync(path, { everyMs: options.syncMs });
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Whether so much of the file lies idle that it should be made smaller; every batch does some of that. */
  get hasSlack(): boolean {
    return this.#hasSlack;
  }

  /** What is known of all tenants and topics. */
  tenants(): TenantRow[] {
    return this.#statements.tenants.all() as unknown as TenantRow[];
  }

  topics(): TopicRow[] {
    return this.#statements.topics.all() as unknown as TopicRow[];
  }

  /** The message of each topic's retained value. */
  values(): { readonly topic: number; readonly seq: number }[] {
    return this.#statements.values.all() as unknown as { topic: number; seq: number }[];
  }

  /** The next messages behind a number, in the order in which they were kept; none at the end. */
  messagesAfter(seq: number): MessageRow[] {
    const rows = this.#statements.messages.all(seq) as unknown as MessageValues[];
    return rows.map(([seq, topic, inHistory, id, name, version, requestId, atMs, placedMs, payload]) => {
      return { seq, topic, inHistory, id, name, version, requestId, atMs, placedMs, payload };
    });
  }

  /** Whether what was kept last was written to the end before the file was closed. */
  get wasClosedWell(): boolean {
    return this.#number("SELECT closed_well FROM state") === 1;
  }

  /** Writes a batch. Throws when that cannot be; nothing of it is written then. */
  write(batch: JournalBatch): void {
    const { begin, commit, rollback } = this.#statements;
    this.#sync?.check();
    begin.run();
    try {
      this.#apply(batch);
      commit.run();
    } catch (error) {
      if (this.#db.isTransaction) rollback.run();
      this.#makeRoom();
      throw error;
    }
    this.#sync?.note();
    this.#tidy();
  }

  close(): void {
    // What is in the log goes into the file and to the disk.
    this.#db.close();
    this.#sync?.close();
  }

  /** Gives back some of what lies idle. What was written is, whatever becomes of that. */
  #tidy(): void {
    try {
      this.#look();
      if (!this.#hasSlack) return;
      // Each step of it gives one page back, and `run` or `exec` make one step only.
      this.#statements.vacuum.all();
      this.#look();
    } catch {
      // A disk without room for that: the next batch tries again.
    }
  }

  #look(): void {
    const [idle] = this.#statements.idlePages.get() as unknown as [idle: number];
    this.#hasSlack = idle > MIN_IDLE_PAGES && idle * 4 > this.#number("PRAGMA page_count");
  }

  /** Brings SQLite's log into the file, so that the next try has its room: it may be the log that cannot grow. */
  #makeRoom(): void {
    try {
      this.#statements.checkpoint.all();
    } catch {
      // The disk takes that neither; the failure that led here is the one that is told.
    }
  }

  #configure({ maxBytes, syncMs }: StoreFileOptions): void {
    const db = this.#db;
    if (this.#number("PRAGMA user_version") === 0) {
      db.exec("PRAGMA auto_vacuum = INCREMENTAL");
      db.exec("PRAGMA journal_mode = WAL");
      db.exec(`BEGIN; ${SCHEMA}; PRAGMA application_id = ${APPLICATION_ID};
        PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
    }
    db.exec("PRAGMA journal_mode = WAL");
    // With FULL each commit waits until the disk has it. With NORMAL only the order of what is written is kept.
    db.exec(`PRAGMA synchronous = ${syncMs === 0 ? "FULL" : "NORMAL"}`);
    db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.exec(`PRAGMA journal_size_limit = ${MAX_LOG_BYTES}`);
    if (maxBytes === null) return;
    const pages = Math.max(Math.floor(maxBytes / this.#number("PRAGMA page_size")), 1);
    db.exec(`PRAGMA max_page_count = ${pages}`);
  }

  /** What goes comes first: its room is there for what comes. */
  #apply(batch: JournalBatch): void {
    const { removeTopic, drop, demote, tenant, topic, setValue, clearValue, closed } = this.#statements;
    for (const number of batch.removedTopics) removeTopic.run(number);
    for (let at = 0; at < batch.drops.length; at += 2) {
      drop.run(batch.drops[at] ?? 0, batch.drops[at + 1] ?? 0);
    }
    for (const seq of batch.demotes) demote.run(seq);
    for (const row of batch.tenants) {
      const { number, name, lastId, latestMs, knownFromId, knownFromMs, forgottenId, forgottenAtMs, gaps } =
        row;
      tenant.run(number, name, lastId, latestMs, knownFromId, knownFromMs, forgottenId, forgottenAtMs, gaps);
    }
    for (const row of batch.topics) {
      topic.run(row.number, row.tenant, row.key, row.size, row.ttlMs, row.trimmedId, row.trimmedAtMs);
    }
    this.#insert(batch.messages);
    for (const [topic, seq] of batch.values) {
      if (seq === null) clearValue.run(topic);
      else setValue.run(topic, seq);
    }
    closed.run(batch.isLast ? 1 : 0);
  }

  #insert(messages: MessageColumns): void {
    const { insert, insertMany } = this.#statements;
    for (const values of unpackMessages(messages, WRITE_ROWS)) {
      if (values.length === WRITE_ROWS * MESSAGE_VALUES) insertMany.run(...values);
      else {
        for (let at = 0; at < values.length; at += MESSAGE_VALUES) {
          insert.run(...values.slice(at, at + MESSAGE_VALUES));
        }
      }
    }
  }

  #number(sql: string): number {
    return Number(Object.values(this.#db.prepare(sql).get() ?? {})[0] ?? 0);
  }
}

type MessageValues = [
  seq: number,
  topic: number,
  inHistory: number,
  id: string,
  name: string,
  version: string,
  requestId: string | null,
  atMs: number,
  placedMs: number,
  payload: Uint8Array,
];

type Statements = Readonly<Record<keyof typeof SQL, StatementSync>>;

const MESSAGE_ROW = `(${Array(MESSAGE_VALUES).fill("?").join()})`;

const SQL = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollback: "ROLLBACK",
  tenants:
    `SELECT number, name, last_id AS lastId, latest_ms AS latestMs, known_from_id AS knownFromId, known_from_ms AS knownFromMs,
    forgotten_id AS forgottenId, forgotten_at_ms AS forgottenAtMs, gaps FROM tenants`,
  topics: `SELECT number, tenant, key, size, ttl_ms AS ttlMs, trimmed_id AS trimmedId,
    trimmed_at_ms AS trimmedAtMs FROM topics`,
  values: "SELECT topic, seq FROM retained",
  messages: `SELECT seq, topic, in_history, id, name, version, request_id, at_ms, placed_ms, payload
    FROM messages WHERE seq > ? ORDER BY seq LIMIT ${READ_ROWS}`,
  removeTopic: "DELETE FROM topics WHERE number = ?",
  drop: "DELETE FROM messages WHERE seq BETWEEN ? AND ?",
  demote: "UPDATE messages SET in_history = 0 WHERE seq = ?",
  tenant: `INSERT INTO tenants VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET
    last_id = excluded.last_id, latest_ms = excluded.latest_ms, known_from_id = excluded.known_from_id,
    known_from_ms = excluded.known_from_ms, forgotten_id = excluded.forgotten_id,
    forgotten_at_ms = excluded.forgotten_at_ms, gaps = excluded.gaps`,
  topic: "INSERT OR REPLACE INTO topics VALUES (?, ?, ?, ?, ?, ?, ?)",
  insert: `INSERT INTO messages VALUES ${MESSAGE_ROW}`,
  insertMany: `INSERT INTO messages VALUES ${Array(WRITE_ROWS).fill(MESSAGE_ROW).join()}`,
  idlePages: "PRAGMA freelist_count",
  setValue: "INSERT OR REPLACE INTO retained VALUES (?, ?)",
  clearValue: "DELETE FROM retained WHERE topic = ?",
  vacuum: `PRAGMA incremental_vacuum(${VACUUM_PAGES})`,
  checkpoint: "PRAGMA wal_checkpoint(PASSIVE)",
  closed: "UPDATE state SET closed_well = ?1 WHERE closed_well <> ?1",
} as const;

function prepareStatements(db: DatabaseSync): Statements {
  const prepared = Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)]);
  return Object.fromEntries(prepared) as Statements;
}
