/** What stands in the file of a store, and how it is told from other files. */
import type { DatabaseSync } from "node:sqlite";
import { messageOf, TrunklineError } from "../core/errors.ts";

/** Marks a database as a store of Trunkline: "TRKL". */
export const APPLICATION_ID = 0x54524b4c;
/** The version of {@link SCHEMA}. A change of it raises this. */
export const SCHEMA_VERSION = 1;

/** The tables of a new file. */
export const SCHEMA = `
  CREATE TABLE state (closed_well INTEGER NOT NULL) STRICT;
  INSERT INTO state VALUES (1);
  CREATE TABLE tenants (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, last_id TEXT, latest_ms REAL, known_from_id TEXT,
    known_from_ms REAL NOT NULL, forgotten_id TEXT, forgotten_at_ms REAL, gaps TEXT NOT NULL) STRICT;
  CREATE TABLE topics (number INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, key TEXT NOT NULL, size INTEGER,
    ttl_ms REAL, trimmed_id TEXT, trimmed_at_ms REAL) STRICT;
  CREATE TABLE messages (seq INTEGER PRIMARY KEY, topic INTEGER NOT NULL, in_history INTEGER NOT NULL,
    id TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, request_id TEXT, at_ms REAL NOT NULL,
    placed_ms REAL NOT NULL, payload BLOB NOT NULL) STRICT;
  CREATE TABLE retained (topic INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT`;

/**
 * Looks whether a database is a store of this version, or empty, and changes nothing.
 * @throws {TrunklineError} `start_failed`, naming the file.
 */
export function checkStoreFile(db: DatabaseSync, path: string): void {
  const [application, version, tables] = readNumbers(db, path);
  if (application === 0 && version === 0 && tables === 0) return;
  if (application !== APPLICATION_ID) {
    throw refusal(path, "it is a database of another program; set storage.path to another folder");
  }
  if (version > SCHEMA_VERSION) {
    throw refusal(
      path,
      `it was written by a newer version of Trunkline (format ${version}, this one knows ${SCHEMA_VERSION}); ` +
        "run that version, or set storage.path to another folder",
    );
  }
}

/** The mark, the version and how many tables there are. */
function readNumbers(db: DatabaseSync, path: string): readonly [number, number, number] {
  const read = (sql: string) => Number(Object.values(db.prepare(sql).get() ?? {})[0] ?? 0);
  try {
    const tables = read("SELECT count(*) FROM sqlite_schema");
    return [read("PRAGMA application_id"), read("PRAGMA user_version"), tables];
  } catch (cause) {
    throw damaged(path, cause);
  }
}

/** The error for a file that cannot be read as what it should be. */
export function damaged(path: string, cause: unknown): TrunklineError {
  if (cause instanceof TrunklineError) return cause;
  if (/readonly|unable to open/.test(messageOf(cause))) {
    return refusal(path, `${messageOf(cause)}; let the hub write to its folder and the files in it`, cause);
  }
  const next = "it was left as it is; put a copy of it back, or move it (and what begins with its name) " +
    "out of the way to begin with an empty store";
  return refusal(path, `${messageOf(cause)}; ${next}`, cause);
}

function refusal(path: string, why: string, cause?: unknown): TrunklineError {
  return new TrunklineError("start_failed", `Cannot use the store ${path}: ${why}`, {
    cause,
    details: { path, setting: "storage.path" },
  });
}
