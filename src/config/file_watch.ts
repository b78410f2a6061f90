/**
 * Notices that files changed, by looking at them again and again: that works also where one is replaced as a whole, is
 * a link that is led elsewhere, or lies on another machine.
 */

/** Looks at some files until it is stopped. */
export class FileWatch {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #changed: () => void;
  #paths: readonly string[];
  /** By path, as they were when a change was told last; what is not there has none. */
  #seen: ReadonlyMap<string, string>;
  /** What was seen at the last look and is not told yet. */
  #pending: ReadonlyMap<string, string> | null = null;

  /**
   * `changed` is called once for all that changed since, as soon as a look finds no more of it: what is being written
   * now, or replaced file by file, is not read in the middle.
   */
  constructor(
    paths: readonly string[],
    { everyMs, changed }: { readonly everyMs: number; readonly changed: () => void },
  ) {
    this.#paths = paths;
    this.#changed = changed;
    this.#seen = stampsOf(paths);
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  /** Looks at these files from now on; those that it looked at before are compared with what they were. */
  watch(paths: readonly string[]): void {
    const now = stampsOf(paths.filter((path) => !this.#paths.includes(path)));
    this.#paths = paths;
    this.#seen = new Map([...this.#seen, ...now].filter(([path]) => paths.includes(path)));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = stampsOf(this.#paths);
    // While it is replaced a file may be away for a moment; what is there then counts.
    const current = new Map(this.#seen);
    for (const [path, stamp] of now) current.set(path, stamp);
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

/** What is different after a change, of each file that is there. */
function stampsOf(paths: readonly string[]): ReadonlyMap<string, string> {
  const stamps = new Map<string, string>();
  for (const path of paths) {
    const stamp = stampOf(path);
    if (stamp !== null) stamps.set(path, stamp);
  }
  return stamps;
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

function isSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([path, stamp]) => other.get(path) === stamp);
}
