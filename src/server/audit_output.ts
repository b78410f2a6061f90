/**
 * Where audit lines go. Lines wait in memory until the system took those before them, so that a slow or failing disk
 * never holds up the hub; what waits is bounded in bytes. Lines that are lost are counted, reported once in the log,
 * and told by a line of their own as soon as lines can be written again.
 */
import { auditLine, type AuditSink } from "../auth/audit_trail.ts";
import { concat } from "../core/concat.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/ports.ts";

/** What lines are written to. */
export interface AuditWriter {
  /** Gives how many of the bytes were taken. */
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** What an output works with. */
export interface AuditOutputOptions {
  /** Opens what is written to. @throws {TrunklineError} when it cannot be written */
  readonly open: () => AuditWriter;
  readonly logger: Logger;
  /** Bytes that may wait. @default 1 MiB */
  readonly maxBytes?: number;
  /** How long closing waits for what is not written yet. @default 2000 */
  readonly closeTimeoutMs?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly wallNow?: () => number;
}

/** One output, open from its creation on. */
export class AuditOutput implements AuditSink {
  readonly #open: () => AuditWriter;
  readonly #logger: Logger;
  readonly #maxBytes: number;
  readonly #closeTimeoutMs: number;
  readonly #wallNow: () => number;
  readonly #encoder = new TextEncoder();
  #writer: AuditWriter;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | null = null;
  #isReopening = false;
  #isClosed = false;
  /** Whether a line was cut off, so that the next one needs a line end before it. */
  #isTorn = false;
  #linesLost = 0;
  /** Those that no line tells of yet. */
  #untold = 0;

  constructor(options: AuditOutputOptions) {
    this.#open = options.open;
    this.#logger = options.logger;
    this.#maxBytes = options.maxBytes ?? 1024 * 1024;
    this.#closeTimeoutMs = options.closeTimeoutMs ?? 2000;
    this.#wallNow = options.wallNow ?? Date.now;
    this.#writer = this.#open();
  }

  /** How many lines were lost. */
  get linesLost(): number {
    return this.#linesLost;
  }

  write(line: string): void {
    const bytes = this.#encoder.encode(line);
    if (this.#isClosed || this.#waitingBytes + bytes.length > this.#maxBytes) {
      this.#lose(1, this.#isClosed ? "the hub has stopped" : "too much waits to be written");
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#writing ??= this.#writeWaiting();
  }

  /** Opens the file anew when what was written before is out: its name may mean another file now. */
  reopen(): void {
    this.#isReopening = true;
    this.#writing ??= this.#writeWaiting();
  }

  /** Ends it when all is written, or after the time-out. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#lose(this.#waiting.length, "the hub has stopped");
      this.#waiting = [];
      resolve();
    }, this.#closeTimeoutMs);
    await Promise.race([this.#writing, promise]);
    clearTimeout(timer);
    this.#writer.close();
  }

  async #writeWaiting(): Promise<void> {
    // Lines of the same moment are written together.
    await Promise.resolve();
    while (this.#waiting.length > 0 || this.#isReopening) {
      if (this.#isReopening) this.#openAgain();
      const lines = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      if (lines.length > 0) await this.#writeLines(lines);
    }
    this.#writing = null;
  }

  #openAgain(): void {
    this.#isReopening = false;
    try {
      const writer = this.#open();
      this.#writer.close();
      this.#writer = writer;
      this.#isTorn = false;
    } catch (error) {
      // Lines go on to the old file: that is better than none.
      this.#logger.error("Cannot open the audit log anew", { error: messageOf(error) });
    }
  }

  async #writeLines(lines: readonly Uint8Array[]): Promise<void> {
    const told = this.#untold;
    const notice = told === 0 ? [] : [this.#encoder.encode(this.#lossLine(told))];
    const bytes = concat([...(this.#isTorn ? [new Uint8Array([0x0a])] : []), ...notice, ...lines]);
    let written = 0;
    try {
      while (written < bytes.length) {
        const count = await this.#writer.write(bytes.subarray(written));
        if (count === 0) throw new Error("nothing was taken");
        written += count;
      }
      this.#untold -= told;
      this.#isTorn = false;
    } catch (error) {
      if (written > 0) this.#isTorn = bytes[written - 1] !== 0x0a;
      // Which of the lines are whole is not worth finding out: none of them counts as written.
      this.#lose(lines.length, messageOf(error));
    }
  }

  #lose(lines: number, cause: string): void {
    if (lines > 0 && this.#untold === 0) {
      this.#logger.error("Audit lines are lost", { setting: "logging.audit", error: cause });
    }
    this.#linesLost += lines;
    this.#untold += lines;
  }

  #lossLine(lines: number): string {
    return auditLine({ kind: "lines_lost", lines }, this.#wallNow());
  }
}
