/**
 * Keeps messages in memory, from where they are read, and writes all that happens there to a file, from which the memory
 * is made again after a restart. What was told to be safe is in the file. A disk that is full, or gone, is tried
 * again and again; what could not be written waits, up to a bound.
 */
import { TrunklineError } from "../core/errors.ts";
import { JournalQueue } from "./journal_queue.ts";
import type { TenantRow } from "./journal_batch.ts";
import { JournalWriter } from "./journal_writer.ts";
import { KnownIds } from "./known_ids.ts";
import { loadStore } from "./load_store.ts";
import type { MessageStore, StoreFigures } from "./message_store.ts";
import { StoreFile } from "./store_file.ts";
import { StoreFolder } from "./store_folder.ts";
import { damaged } from "./store_schema.ts";
import { StoreTally } from "./store_tally.ts";
import { type StoreLimits, TenantMemory } from "./tenant_memory.ts";
import { TrimRounds } from "./trim_rounds.ts";

/** How long messages are gathered for a batch when nothing is being written. */
const GATHER_MS = 2;

/** What a store on disk is made with. */
export interface SqliteStoreOptions {
  /** The folder; made when it is missing. */
  readonly path: string;
  readonly limits: StoreLimits;
  /** Most bytes of messages that wait to be written, with what each costs beside its payload. @default 67108864 */
  readonly maxUnsafeBytes?: number;
  /** How large the file may become, in bytes; `null`: as there is room. @default null */
  readonly maxFileBytes?: number | null;
  /**
   * How long what was told to be safe may wait for the disk, in milliseconds: a loss of power takes it, nothing else
   * does. 0: it is told when the disk has it. @default 100
   */
  readonly syncMs?: number;
  /** Of a tenant that is new, ids below this one are not known; `null`: those below the first that it keeps. @default null */
  readonly knownFromId?: string | null;
  /** Told when writing begins to fail, with the reason, and with `null` when all is written again. */
  readonly onFailure?: (failure: string | null) => void;
  /** How long after a failure the disk is tried again. @default 1000 */
  readonly retryMs?: number;
  /** The time of messages, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

const CLOSED = "Cannot keep messages: the store is closed";

type Told = (failure: string | null) => void;

/** The store. */
export class SqliteStore implements MessageStore {
  readonly #options: Required<SqliteStoreOptions>;
  readonly #tenants = new Map<string, TenantMemory>();
  readonly #tally = new StoreTally();
  readonly #rounds = new TrimRounds(this.#tenants);
  readonly #queue: JournalQueue;
  #limits: StoreLimits;
  #folder: StoreFolder | null = null;
  #writer: JournalWriter | null = null;
  #nextTenant = 1;
  /** Whoever waits for what is not on its way yet, and for what is. */
  #waiting: Told[] = [];
  #waitingForSent: Told[] = [];
  #writing: Promise<void> | null = null;
  /** Whether what became of the batch that is on its way is still to be told. */
  #isSending = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;
  #lostSeen = 0;
  /** Why the last batch could not be written. */
  #failure: string | null = null;
  #isClosing = false;

  constructor(options: SqliteStoreOptions) {
    this.#options = {
      maxUnsafeBytes: 67_108_864,
      maxFileBytes: null,
      syncMs: 100,
      knownFromId: null,
      onFailure: () => {},
      retryMs: 1000,
      now: Date.now,
      ...options,
    };
    this.#limits = options.limits;
    this.#queue = new JournalQueue({
      maxBytes: this.#options.maxUnsafeBytes,
      onWork: () => this.#schedule(GATHER_MS),
    });
  }

  /**
   * Reads the file.
   * @throws {TrunklineError} `permission_missing` or `start_failed`, naming the folder or the file; both stay as they are.
   */
  async open(): Promise<void> {
    const folder = await StoreFolder.open(this.#options.path);
    const { filePath } = folder;
    try {
      await this.#load(filePath);
      this.#writer = await openWriter(filePath, this.#options);
    } catch (error) {
      folder.close();
      throw damaged(filePath, error);
    }
    this.#folder = folder;
    // Says that the file is in use. Where that cannot be written it is tried again, as all that follows is.
    await this.#start(this.#writer);
  }

  /** Writes what waits, once, and closes. What cannot be written is told to whoever waits, and stays `unsafe`. */
  async close(): Promise<void> {
    const [writer, folder] = [this.#writer, this.#folder];
    if (writer === null || this.#isClosing) return;
    this.#isClosing = true;
    this.#stopTimer();
    await this.#writing;
    await this.#write(writer);
    this.#tell(CLOSED);
    await writer.close();
    this.#writer = null;
    folder?.close();
  }

  tenant(name: string): TenantMemory {
    return this.#tenants.get(name) ??
      this.#addTenant(name, {
        number: this.#nextTenant,
        known: new KnownIds({ id: this.#options.knownFromId, atMs: this.#options.now() }),
      });
  }

  whenSafe(done: Told): void {
    const hasLost = this.#hasLost();
    if (this.#isClosing) done(CLOSED);
    else if (hasLost && this.#failure !== null) {
      this.#waiting.push(done);
      this.#tell(this.#failure);
    } else if (hasLost) this.#waiting.push(() => done(this.#lossReason));
    else if (this.#queue.isDirty) this.#waiting.push(done);
    else if (this.#isSending) this.#waitingForSent.push(done);
    else done(null);
  }

  trim(nowMs: number): void {
    this.#rounds.trim(nowMs);
    // An empty batch: each makes the file a little smaller.
    if (this.#writer?.hasSlack === true) this.#schedule(GATHER_MS);
  }

  /** Other limits from now on; what is over them goes by and by, retained values stay. */
  change(limits: StoreLimits): void {
    this.#limits = limits;
    for (const tenant of this.#tenants.values()) tenant.change(limits);
  }

  get figures(): StoreFigures {
    return { ...this.#tally, unsafe: this.#queue.length, failures: this.#failures + this.#queue.lost };
  }

  async #load(path: string): Promise<void> {
    const file = new StoreFile(path, { maxBytes: null, syncMs: 0 });
    try {
      const { wasClosedWell } = file;
      const numbers = await loadStore(file, {
        tenantOf: (row) => this.#restoreTenant(row, wasClosedWell),
        nowMs: this.#options.now(),
      });
      this.#queue.skip(numbers);
    } finally {
      file.close();
    }
  }

  #restoreTenant(row: TenantRow, wasClosedWell: boolean): TenantMemory {
    const { name, number, lastId, knownFromId, knownFromMs, gaps } = row;
    const known = new KnownIds({ id: knownFromId, atMs: knownFromMs }, gaps);
    if (!wasClosedWell && lastId !== null) known.openGap(lastId);
    return this.#addTenant(name, { number, known });
  }

  #addTenant(name: string, { number, known }: { number: number; known: KnownIds }): TenantMemory {
    this.#nextTenant = Math.max(this.#nextTenant, number + 1);
    const notes = this.#queue.notes(number, name);
    const tenant = new TenantMemory({ limits: this.#limits, known, tally: this.#tally, journal: notes });
    notes.follow(tenant);
    if (known.fromId !== null) notes.advance();
    this.#tenants.set(name, tenant);
    return tenant;
  }

  /** Whether something that was kept since this was asked last is not going to be written. */
  #hasLost(): boolean {
    const { lost } = this.#queue;
    const hasLost = lost > this.#lostSeen;
    this.#lostSeen = lost;
    return hasLost;
  }

  get #lossReason(): string {
    return `Cannot write to ${this.#options.path}: too much waits to be written already`;
  }

  #schedule(delayMs: number): void {
    const writer = this.#writer;
    if (this.#timer !== null || this.#writing !== null || writer === null || this.#isClosing) return;
    const wait = this.#failure === null ? delayMs : this.#options.retryMs;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#start(writer);
    }, wait);
  }

  /** Writes what waits, and goes on with what came since. */
  #start(writer: JournalWriter): Promise<void> {
    return this.#writing = this.#write(writer).finally(() => {
      this.#writing = null;
      if (this.#queue.isDirty) this.#schedule(0);
    });
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #write(writer: JournalWriter): Promise<void> {
    [this.#waitingForSent, this.#waiting] = [this.#waiting, []];
    this.#isSending = true;
    const failure = await writer.write(this.#queue.take(this.#isClosing));
    const before = this.#failure;
    this.#failure = failure === null ? null : `Cannot write to ${this.#options.path}: ${failure}`;
    if ((before === null) !== (failure === null)) this.#options.onFailure(this.#failure);
    if (failure === null) this.#queue.done();
    else {
      this.#failures++;
      this.#queue.takeBack();
    }
    // Whoever asks while others are told comes after them, with the same answer.
    for (let at = 0; at < this.#waitingForSent.length; at++) this.#waitingForSent[at]?.(this.#failure);
    this.#waitingForSent = [];
    this.#isSending = false;
  }

  /** Tells whoever waits, in order, that it will not be. */
  #tell(failure: string): void {
    const told = [...this.#waitingForSent, ...this.#waiting];
    [this.#waitingForSent, this.#waiting] = [[], []];
    for (const done of told) done(failure);
  }
}

/** Starts the thread that writes to a file. */
async function openWriter(
  path: string,
  { maxFileBytes: maxBytes, syncMs }: Pick<Required<SqliteStoreOptions>, "maxFileBytes" | "syncMs">,
): Promise<JournalWriter> {
  const writer = new JournalWriter();
  const failure = await writer.open(path, { maxBytes, syncMs });
  if (failure === null) return writer;
  await writer.close();
  const details = { path, setting: "storage.path" };
  throw new TrunklineError("start_failed", `Cannot write to the store ${path}: ${failure}`, { details });
}
