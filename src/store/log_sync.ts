/**
 * Has the system bring the log of the file to the disk, a while after something was written to it. Until then it is in
 * the memory of the system: it outlives the end of the hub, however that comes, but not a loss of power.
 */

/** How and how often. */
export interface LogSyncOptions {
  /** At most so long after a write, in milliseconds, and the time of one batch more. */
  readonly everyMs: number;
  /** Brings it to the disk; throws when that cannot be. @default SQLite's log beside the file */
  readonly sync?: () => void;
}

/** The care for one file. */
export class LogSync {
  readonly #everyMs: number;
  readonly #sync: () => void;
  #log: Deno.FsFile | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasFailed = false;

  constructor(path: string, { everyMs, sync }: LogSyncOptions) {
    this.#everyMs = everyMs;
    this.#sync = sync ?? (() => {
      // It is there once something was written, and the same until the file is closed.
      this.#log ??= Deno.openSync(`${path}-wal`, { read: true, write: true });
      this.#log.syncDataSync();
    });
  }

  /** Before something is written: what was written last has to be on the disk when its time has passed. */
  check(): void {
    if (this.#hasFailed) this.#run();
  }

  /** Something was written. */
  note(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      try {
        this.#run();
      } catch {
        // Whoever writes next is told, as of a write that failed; until then it is tried again.
        this.#hasFailed = true;
        this.note();
      }
    }, this.#everyMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#log?.close();
    this.#log = null;
  }

  #run(): void {
    this.#sync();
    this.#hasFailed = false;
  }
}
