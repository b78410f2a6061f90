/**
 * Of which ids a tenant's store knows what became of the messages: from one on, but for gaps. A gap is what stands
 * between the last id on disk and the first one after a crash: ids in it may have been given to messages that
 * never got there.
 */

/** Gaps that are told apart; before the oldest of more nothing is known. */
const MAX_GAPS = 32;

interface Gap {
  readonly after: string;
  /** The first id behind it; `null`: none was kept yet. */
  before: string | null;
}

/** What a store knows from its beginning on. */
export interface KnownFrom {
  /** Messages of this id and above; `null`: from the first on that comes. */
  readonly id: string | null;
  /** Messages of this time and later, in milliseconds since 1970. */
  readonly atMs: number;
}

/** The ids. */
export class KnownIds {
  readonly fromMs: number;
  #fromId: string | null;
  readonly #gaps: Gap[];

  /** `gaps` is what {@link gapText} gave. */
  constructor({ id, atMs }: KnownFrom, gaps = "[]") {
    this.#fromId = id;
    this.fromMs = atMs;
    this.#gaps = readGaps(gaps);
  }

  get fromId(): string | null {
    return this.#fromId;
  }

  /** The gaps as text. */
  get gapText(): string {
    return JSON.stringify(this.#gaps.map(({ after, before }) => [after, before]));
  }

  /** Whether it is known what came behind an id. */
  includes(id: string): boolean {
    if (this.#fromId === null || id < this.#fromId) return false;
    return !this.#gaps.some(({ after, before }) => id > after && (before === null || id < before));
  }

  /** A message is kept under this id. */
  add(id: string): void {
    this.#fromId ??= id;
    const last = this.#gaps.at(-1);
    if (last !== undefined) last.before ??= id;
  }

  /** Ids above this one may have been given before now. */
  openGap(after: string): void {
    if (this.#gaps.at(-1)?.before === null) return;
    this.#gaps.push({ after, before: null });
    if (this.#gaps.length <= MAX_GAPS) return;
    const before = this.#gaps.shift()?.before;
    if (before !== undefined && before !== null) this.#fromId = before;
  }
}

function readGaps(text: string): Gap[] {
  const gaps: unknown = JSON.parse(text);
  if (!Array.isArray(gaps)) return [];
  return gaps.filter(Array.isArray).map(([after, before]: unknown[]) => ({
    after: String(after),
    before: typeof before === "string" ? before : null,
  }));
}
