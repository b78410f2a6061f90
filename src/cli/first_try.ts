/**
 * Whether a command for one purpose got through to its hub: whoever types it wants to know at once what is wrong, and
 * only later that it comes back by itself.
 */
import type { Agent } from "../agent/agent.ts";
import { TrunklineError } from "../core/errors.ts";

/** Watches the first attempt. */
export class FirstTry {
  /** Rejects with why the first attempt failed; never resolves. */
  readonly failed: Promise<never>;
  readonly #reject: (error: TrunklineError) => void;
  readonly #succeeded: () => void;
  #isOver = false;

  /** `succeeded` is called once, when all is as it was wanted. */
  constructor(succeeded: () => void) {
    this.#succeeded = succeeded;
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    // Whoever does not wait for it any more is not told.
    promise.catch(() => {});
    this.#reject = reject;
  }

  /** Something may have changed. */
  changed({ link }: Agent): void {
    if (this.#isOver) return;
    const { state, tunnels: { statuses } } = link;
    if (state.kind === "waiting") {
      const { text, cause } = state.failure;
      this.#fail(new TrunklineError(cause === "refused" ? "refused" : "unreachable", text));
    }
    for (const { state, wanted } of statuses) {
      if (state.kind !== "refused") continue;
      this.#fail(
        new TrunklineError("refused", `The hub refuses the tunnel ${wanted.name}: ${state.message}`),
      );
    }
    if (state.kind !== "up" || !statuses.every(({ state }) => state.kind === "up")) return;
    this.#isOver = true;
    this.#succeeded();
  }

  #fail(error: TrunklineError): void {
    this.#isOver = true;
    this.#reject(error);
  }
}
