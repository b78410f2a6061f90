/** Reads the configuration of a hub or an agent, and tells when a file changes that it is made of: its own, of secrets, of keys. */
import { FileStamps, FileWatch } from "../config/file_watch.ts";
import type { ConfigSource } from "./config_source.ts";

/** How often files are looked at: a change is seen at the second look, within a second. */
const WATCH_MS = 400;

/** Reads and watches one configuration. */
export class ConfigWatch<R extends { readonly ok: boolean }> {
  readonly #source: ConfigSource<R>;
  /** What the last reading was made of, as it was before. */
  #files = new FileStamps();
  #isWanted = false;
  #watch: FileWatch | null = null;

  constructor(source: ConfigSource<R>) {
    this.#source = source;
  }

  /** Reads it. Throws as its source does. */
  read(): R {
    const files = new FileStamps();
    try {
      const result = this.#source.read(files);
      if (result.ok) this.#isWanted = this.#source.isWatched(result);
      return result;
    } finally {
      this.#files = files;
      this.#watch?.watch(this.#wanted);
    }
  }

  /**
   * Looks at the files from now on, if the configuration wants that, and tells of what changed since they were read.
   * Whoever is told of a change reads it again.
   */
  start(changed: () => void, everyMs = WATCH_MS): void {
    this.#watch = new FileWatch(this.#wanted, { everyMs, changed });
  }

  stop(): void {
    this.#watch?.stop();
    this.#watch = null;
  }

  get #wanted(): FileStamps {
    return this.#isWanted ? this.#files : new FileStamps();
  }
}
