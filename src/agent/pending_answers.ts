/**
 * What was asked and not answered yet. Every question leaves exactly once: by its answer, by its time, or with the
 * connection on which it went.
 */
import { TrunklineError } from "../core/errors.ts";

interface Pending {
  readonly timer: ReturnType<typeof setTimeout>;
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: TrunklineError) => void;
}

/** Open questions of one client. */
export class PendingAnswers {
  readonly #pending = new Map<string, Pending>();

  /** How many there are. */
  get size(): number {
    return this.#pending.size;
  }

  /** Waits for the answer to `id`. Rejects with `late` after so long, and with what {@link failAll} is given. */
  wait(
    id: string,
    { timeoutMs, late }: { timeoutMs: number; late: () => TrunklineError },
  ): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const timer = setTimeout(() => this.#take(id)?.reject(late()), timeoutMs);
    this.#pending.set(id, { timer, resolve, reject });
    return promise;
  }

  /** An answer came; whether anybody waited for it. */
  answered(id: string, payload: Uint8Array): boolean {
    const pending = this.#take(id);
    pending?.resolve(payload);
    return pending !== undefined;
  }

  /** Nobody will be answered any more. */
  failAll(error: TrunklineError): void {
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
  }

  #take(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    return pending;
  }
}
