/**
 * The thread that writes: it opens the file of a store, writes the batches that it gets one after the other, and tells of
 * each what became of it. It waits for the disk, so that nobody else has to.
 */
import { messageOf } from "../core/errors.ts";
import type { JournalBatch } from "./journal_batch.ts";
import { StoreFile, type StoreFileOptions } from "./store_file.ts";

/** What the thread is asked for. */
export type WriterRequest =
  | { readonly kind: "open"; readonly path: string } & StoreFileOptions
  | { readonly kind: "write"; readonly batch: JournalBatch }
  | { readonly kind: "close" };

/** What it answers: `failure` is the reason why it could not be done. */
export interface WriterReply {
  readonly failure: string | null;
  /** Whether the file should be made smaller, which further batches do. */
  readonly hasSlack: boolean;
}

/** The scope of a worker, of which the types of a page know nothing. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<WriterRequest>) => void) | null;
  postMessage(reply: WriterReply): void;
}

const scope = globalThis as unknown as WorkerScope;
let file: StoreFile | null = null;

function answer(request: WriterRequest): WriterReply {
  try {
    if (request.kind === "open") file = new StoreFile(request.path, request);
    else if (request.kind === "write") file?.write(request.batch);
    else {
      file?.close();
      file = null;
    }
    return { failure: null, hasSlack: file?.hasSlack ?? false };
  } catch (error) {
    return { failure: messageOf(error), hasSlack: false };
  }
}

scope.onmessage = ({ data }) => scope.postMessage(answer(data));
