/**
 * Streams that are opened for what one before was opened for, as all of one visitor to a tunnel are: told once with a
 * ref, and by the ref alone from then on. Both ends keep as many refs as there can be, and no more; a ref that is given
 * again means the newer one.
 */
import { MAX_REFS, type OpenStream, SharedOpen } from "../wire/frame_payloads.ts";

/** What this end opens. */
export class OpenWriter {
  /** By what is opened. */
  readonly #refs = new Map<SharedOpen, number>();
  /** By ref. */
  readonly #opens: SharedOpen[] = [];
  #next = 0;
  #isAllowed = false;

  /** The other end knows refs. */
  allowRefs(): void {
    this.#isAllowed = true;
  }

  /** The ref by which something can be opened now; `undefined`: it has to be told. */
  refOf(open: OpenStream | SharedOpen): number | undefined {
    return open instanceof SharedOpen ? this.#refs.get(open) : undefined;
  }

  /** What has to be told, with the ref by which it can be opened from then on. */
  told(open: OpenStream | SharedOpen): OpenStream {
    if (!(open instanceof SharedOpen)) return open;
    return this.#isAllowed ? { ...open.open, ref: this.#give(open) } : open.open;
  }

  #give(open: SharedOpen): number {
    const ref = this.#next;
    this.#next = (ref + 1) % MAX_REFS;
    const before = this.#opens[ref];
    if (before !== undefined) this.#refs.delete(before);
    this.#opens[ref] = open;
    this.#refs.set(open, ref);
    return ref;
  }
}

/** What the other end opens. */
export class OpenReader {
  readonly #opens: OpenStream[] = [];

  /** Keeps what a ref was given to. */
  keep(open: OpenStream): void {
    if ("ref" in open && open.ref !== undefined) this.#opens[open.ref] = open;
  }

  /** What a ref was given to last; `undefined`: it was not. */
  get(ref: number): OpenStream | undefined {
    return this.#opens[ref];
  }
}
