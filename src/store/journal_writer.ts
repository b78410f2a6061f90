/** The near end of the thread that writes: one request at a time, each answered. */
import type { JournalBatch } from "./journal_batch.ts";
import type { StoreFileOptions } from "./store_file.ts";
import type { WriterReply, WriterRequest } from "./sqlite_worker.ts";

/** The writer. */
export class JournalWriter {
  readonly #worker: Worker;
  /** Whoever waits for the answer to the request that runs. */
  #answered: ((reply: WriterReply) => void) | null = null;
  /** Why the thread is no more; `null` while it is. */
  #end: string | null = null;
  #hasSlack = false;

  constructor() {
    this.#worker = new Worker(new URL("./sqlite_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<WriterReply>) => this.#answer(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end = `the thread that writes to the disk has ended: ${event.message}`;
      this.#answer({ failure: this.#end, hasSlack: false });
    };
  }

  /** Whether the file has room that it does not need, which further batches give back. */
  get hasSlack(): boolean {
    return this.#hasSlack;
  }

  /** Opens the file; gives the reason when that cannot be. */
  open(path: string, { maxBytes, syncMs }: StoreFileOptions): Promise<string | null> {
    return this.#ask({ kind: "open", path, maxBytes, syncMs }, []);
  }

  /** Writes a batch; gives the reason when that cannot be. One at a time. */
  write(batch: JournalBatch): Promise<string | null> {
    return this.#ask({ kind: "write", batch }, [
      batch.messages.payloads.buffer,
      batch.messages.numbers.buffer,
    ]);
  }

  /** Closes the file and ends the thread. */
  async close(): Promise<void> {
    await this.#ask({ kind: "close" }, []);
    this.#worker.terminate();
  }

  #ask(request: WriterRequest, transfer: ArrayBuffer[]): Promise<string | null> {
    if (this.#end !== null) return Promise.resolve(this.#end);
    return new Promise((resolve) => {
      this.#answered = ({ failure, hasSlack }) => {
        this.#hasSlack = hasSlack;
        resolve(failure);
      };
      this.#worker.postMessage(request, transfer);
    });
  }

  #answer(reply: WriterReply): void {
    const answered = this.#answered;
    this.#answered = null;
    answered?.(reply);
  }
}
