/** Reads the configuration of a hub, and tells when a file changes that it is made of: its own, of secrets, of keys. */
import { FileWatch } from "../config/file_watch.ts";
import type { ConfigResult } from "../config/hub_config.ts";
import { type ConfigArguments, loadFromSystem } from "./config_source.ts";

/** How often files are looked at: a change is seen at the second look, within a second. */
const WATCH_MS = 400;

/** Reads and watches one configuration. */
export class ConfigWatch {
  readonly #source: ConfigArguments;
  /** What the last reading was made of. */
  #files: ReadonlySet<string> = new Set();
  #isWanted = false;
  #watch: FileWatch | null = null;

  constructor(source: ConfigArguments) {
    this.#source = source;
  }

  /** Reads it. Throws as {@link loadFromSystem}. */
  read(): ConfigResult {
    const files = new Set<string>();
    try {
      const result = loadFromSystem(this.#source, files);
      if (result.ok) {
        const { auth: { jwt: { jwks } }, config: { watch } } = result.config;
        if (jwks !== null && !/^https?:/i.test(jwks)) files.add(jwks);
        this.#isWanted = watch;
      }
      return result;
    } finally {
      this.#files = files;
      this.#watch?.watch(this.#wanted);
    }
  }

  /** Looks at the files from now on, if the configuration wants that. Whoever is told of a change reads it again. */
  start(changed: () => void, everyMs = WATCH_MS): void {
    this.#watch = new FileWatch(this.#wanted, { everyMs, changed });
  }

  stop(): void {
    this.#watch?.stop();
    this.#watch = null;
  }

  get #wanted(): readonly string[] {
    return this.#isWanted ? [...this.#files] : [];
  }
}
