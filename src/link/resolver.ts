/**
 * Looks names up for many askers. The system answers each question on a thread of its own and cannot be told to stop, so
 * a look-up counts until it is really over, whoever still waits for it. So many run at a time, few of them of one asker,
 * so that whoever asks for names that nobody answers does not keep the others from theirs; what may wait is bounded.
 */
import { lookup } from "node:dns/promises";
import { Slots } from "../limits/slots.ts";
import { WorkQueue } from "../limits/work_queue.ts";

/** Gives all addresses of a name, in the order to try them; rejects where there are none. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** Looks up for one asker; whoever aborts has to stop waiting himself. Rejects where there are no addresses. */
export type Lookup = (name: string, signal: AbortSignal) => Promise<readonly string[] | "too_many">;

/** How much is looked up. */
export interface ResolverLimits {
  /** At a time. @default 32 */
  readonly concurrency?: number;
  /** At a time, for one asker. @default 8 */
  readonly concurrencyPerAsker?: number;
  /** At a time or later, for one asker. @default 128 */
  readonly maxPerAsker?: number;
  /** At a time or later, for all. @default 1024 */
  readonly max?: number;
}

/** The look-ups of one process for others. */
export class Resolver {
  readonly slots: Slots;
  readonly #resolve: Resolve;
  readonly #concurrencyPerAsker: number;
  readonly #all: WorkQueue;
  /** Of those who have a look-up in progress. */
  readonly #askers = new Map<string, WorkQueue>();

  constructor(
    { concurrency = 32, concurrencyPerAsker = 8, maxPerAsker = 128, max = 1024 }: ResolverLimits = {},
    resolve: Resolve = askSystem,
  ) {
    this.slots = new Slots({ perKey: maxPerAsker, total: max });
    this.#resolve = resolve;
    this.#concurrencyPerAsker = concurrencyPerAsker;
    this.#all = unbounded(concurrency);
  }

  /** The look-ups of one asker. */
  of(asker: string): Lookup {
    return async (name, signal) => {
      if (!this.slots.enter(asker)) return "too_many";
      return await this.#lookUp(name, { asker, signal });
    };
  }

  #lookUp(
    name: string,
    { asker, signal }: { asker: string; signal: AbortSignal },
  ): Promise<readonly string[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    const queue = this.#askers.get(asker) ?? unbounded(this.#concurrencyPerAsker);
    this.#askers.set(asker, queue);
    const ask = async () => {
      if (signal.aborted) resolve([]);
      else await this.#resolve(name).then(resolve, reject);
    };
    const run = async () => {
      await inTurn(this.#all, ask);
      if (this.slots.leave(asker) === 0) this.#askers.delete(asker);
    };
    queue.offer({ bytes: 0, run });
    return promise;
  }
}

/** What may wait is bounded by slots. */
function unbounded(concurrency: number): WorkQueue {
  return new WorkQueue({ concurrency, maxWaiting: Infinity, maxWaitingBytes: Infinity });
}

/** Resolves once the job was done in its turn. */
async function inTurn(queue: WorkQueue, job: () => Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  queue.offer({ bytes: 0, run: () => job().finally(resolve) });
  await promise;
}

async function askSystem(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}
