/**
 * Notices that files changed, by looking at them again and again: that works also where one is replaced as a whole, is
 * a link that is led elsewhere, or lies on another machine.
 */

/**
 * Files, and what they were like when each was named first. Whoever is about to read a file names it before: what
 * changes while it is read, or before it is looked at, is told then.
 */
export class FileStamps {
  readonly #stamps = new Map<string, string | null>();

  constructor(paths: Iterable<string> = []) {
    for (const path of paths) this.add(path);
  }

  /** By path; `null`: it was not there. */
  get byPath(): ReadonlyMap<string, string | null> {
    return this.#stamps;
  }

  /** Whether nothing was written since. */
  get isCurrent(): boolean {
    return [...this.#stamps].every(([path, stamp]) => stampOf(path) === stamp);
  }

  /** Names a file. */
  add(path: string): void {
    if (!this.#stamps.has(path)) this.#stamps.set(path, stampOf(path));
  }
}

/** Looks at some files until it is stopped. */
export class FileWatch {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #changed: () => void;
  /** By path, as they were when a change was told last; what is not there has none. */
  #seen: ReadonlyMap<string, string | null>;
  /** What was seen at the last look and is not told yet. */
  #pending: ReadonlyMap<string, string | null> | null = null;

  /**
   * `changed` is called once for all that is not as the stamps say, as soon as a look finds no more of it: what is
   * being written now, or replaced file by file, is not read in the middle.
   */
  constructor(
    files: FileStamps,
    { everyMs, changed }: { readonly everyMs: number; readonly changed: () => void },
  ) {
    this.#changed = changed;
    this.#seen = files.byPath;
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  /** Looks at these files from now on; those that it looked at before are compared with what they were. */
  watch({ byPath }: FileStamps): void {
    this.#seen = new Map([...byPath].map(([path, stamp]) => [path, this.#seen.get(path) ?? stamp]));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    // While it is replaced a file may be away for a moment; what is there then counts.
    const current = new Map([...this.#seen].map(([path, stamp]) => [path, stampOf(path) ?? stamp]));
    if (isSame(current, this.#seen)) {
      this.#pending = null;
      return;
    }
    if (this.#pending === null || !isSame(current, this.#pending)) {
      this.#pending = current;
      return;
    }
    this.#pending = null;
    this.#seen = current;
    this.#changed();
  }
}

/** `null` while there is no file. */
function stampOf(path: string): string | null {
  try {
    const { mtime, ctime, size, ino } = Deno.statSync(path);
    // Whoever copies a file may keep its time of writing; the other one nobody can set.
    return `${mtime?.getTime()} ${ctime?.getTime()} ${size} ${ino}`;
  } catch (error) {
    // Whoever reads it because of the change tells what is wrong.
    return error instanceof Deno.errors.NotFound ? null : "unreadable";
  }
}

function isSame(
  one: ReadonlyMap<string, string | null>,
  other: ReadonlyMap<string, string | null>,
): boolean {
  return one.size === other.size && [...one].every(([path, stamp]) => other.get(path) === stamp);
}
