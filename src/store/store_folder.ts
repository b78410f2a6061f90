/** The folder of a store: made when it is missing, readable by nobody else, and used by one hub at a time. */
import { join } from "node:path";
import { messageOf, TrunklineError } from "../core/errors.ts";

const FILE_NAME = "trunkline.db";
const LOCK_NAME = "lock";

/** The folder, for this process alone while it is open. */
export class StoreFolder {
  /** Where the messages are. */
  readonly filePath: string;
  readonly #lock: Deno.FsFile;

  private constructor(filePath: string, lock: Deno.FsFile) {
    this.filePath = filePath;
    this.#lock = lock;
  }

  /**
   * Opens a folder.
   * @throws {TrunklineError} `permission_missing` or `start_failed`, naming `storage.path`.
   */
  static async open(path: string): Promise<StoreFolder> {
    const lock = await lockFolder(path);
    try {
      const filePath = join(path, FILE_NAME);
      // SQLite gives the files beside it the mode of this one.
      Deno.openSync(filePath, { write: true, create: true, mode: 0o600 }).close();
      return new StoreFolder(filePath, lock);
    } catch (error) {
      lock.close();
      throw folderError(path, error);
    }
  }

  /** Lets others use it. */
  close(): void {
    this.#lock.close();
  }
}

async function lockFolder(path: string): Promise<Deno.FsFile> {
  let lock: Deno.FsFile | null = null;
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    lock = Deno.openSync(join(path, LOCK_NAME), { read: true, write: true, create: true, mode: 0o600 });
    // The system lets go of it when the process ends, however that is.
    if (await lock.tryLock(true)) return lock;
  } catch (error) {
    lock?.close();
    throw folderError(path, error);
  }
  lock.close();
  const message =
    `Cannot use the folder ${path}: another hub uses it; stop that one, or set storage.path to ` +
    "another folder";
  throw new TrunklineError("start_failed", message, { details: { path, setting: "storage.path" } });
}

function folderError(path: string, cause: unknown): TrunklineError {
  const details = { path, setting: "storage.path" };
  if (cause instanceof Deno.errors.NotCapable) {
    const message =
      `Cannot keep messages in ${path}: the permission is missing; run with --allow-read=${path} ` +
      `--allow-write=${path}, or set storage.path to null`;
    return new TrunklineError("permission_missing", message, { cause, details });
  }
  const next = "set storage.path to a folder that can be written";
  const message = `Cannot keep messages in ${path}: ${messageOf(cause)}; ${next}`;
  return new TrunklineError("start_failed", message, { cause, details });
}
