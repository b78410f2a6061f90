/**
 * Notices that a file changed, by looking at it again and again: that works also where it is replaced as a whole, is a
 * link that is led elsewhere, or lies on another machine.
 */
/** Looks at one file until it is stopped. */
export class FileWatch {
  readonly #path: string;
  readonly #timer: ReturnType<typeof setInterval>;
  #seen: string;

  /** `changed` is called once for each change that is seen, also where the file was away in between. */
  constructor(
    path: string,
    { everyMs, changed }: { readonly everyMs: number; readonly changed: () => void },
  ) {
    this.#path = path;
    this.#seen = stampOf(path) ?? "";
    this.#timer = setInterval(() => this.#look(changed), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(changed: () => void): void {
    const stamp = stampOf(this.#path);
    // While it is replaced it may be away for a moment; what is there then counts.
    if (stamp === null || stamp === this.#seen) return;
    this.#seen = stamp;
    changed();
  }
}

/** What is different after a change; `null` while there is no file. */
function stampOf(path: string): string | null {
  try {
    const { mtime, size, ino } = Deno.statSync(path);
    return `${mtime?.getTime()} ${size} ${ino}`;
  } catch (error) {
    // Whoever reads it because of the change tells what is wrong.
    return error instanceof Deno.errors.NotFound ? null : "unreadable";
  }
}
