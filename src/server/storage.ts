/** Where the hub keeps messages: made from the configuration, opened before the broker starts, closed after it. */
import { firstIdOf } from "../broker/message_ids.ts";
import type { Config } from "../config/schema.ts";
import type { Logger } from "../core/ports.ts";
import { MemoryStore } from "../store/memory_store.ts";
import { SqliteStore } from "../store/sqlite_store.ts";
import type { StoreLimits } from "../store/tenant_memory.ts";

/** What of the configuration is about it. */
type StorageConfig = Pick<Config, "broker" | "storage">;

/** The storage of one hub. */
export class Storage {
  /** When the hub was made, in milliseconds since 1970: the ids of its messages begin with it. */
  readonly epochMs = Date.now();
  readonly store: MemoryStore | SqliteStore;

  constructor(config: StorageConfig, logger: Logger) {
    const { storage: { path, sync: syncMs } } = config;
    const options = { limits: limitsOf(config), knownFromId: firstIdOf(this.epochMs) };
    const onFailure = (failure: string | null) => {
      if (failure === null) return logger.info("Kept messages are written to the disk again");
      const next = "make room or mend the disk; it is tried again and again, and publishers are told";
      logger.error(failure, { setting: "storage.path", next });
    };
    this.store = path === null
      ? new MemoryStore(options)
      : new SqliteStore({ ...options, path, syncMs, onFailure });
  }

  /** Throws a `TrunklineError` when what was kept cannot be read. */
  start(): Promise<void> {
    return this.store.open();
  }

  /** Other limits from now on. */
  change(config: Pick<Config, "broker">): void {
    this.store.change(limitsOf(config));
  }

  stop(): Promise<void> {
    return this.store.close();
  }
}

function limitsOf({ broker: { retained, history } }: Pick<Config, "broker">): StoreLimits {
  return {
    retained: { maxCount: retained.max_count, maxBytes: retained.max_bytes },
    history: { maxBytes: history.max_bytes },
  };
}
