/**
 * Leads streams of others to the destinations that they name, as far as the agent's list allows. How much is looked up
 * and dialled at a time is bounded, for each address that streams come from and for all.
 */
import { HostRules } from "../core/host_rules.ts";
import { CheckedDialer, TOO_MANY_DIALS } from "../link/checked_dialer.ts";
import { joinDialled } from "../link/dialled_stream.ts";
import type { Flusher } from "../link/flusher.ts";
import type { Resolve } from "../link/resolver.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { StreamRefusal } from "../link/stream_mux.ts";
import type { TargetOpen } from "../wire/frame_payloads.ts";
import { emptyStats } from "./local_stats.ts";

/** What leads them. */
export interface TargetStreamsOptions {
  readonly flusher: Flusher;
  /** Finds what others want to reach. @default the system is asked */
  readonly resolve?: Resolve | undefined;
  /** Somebody was not led where it wanted to go. */
  readonly onDenied: (target: TargetOpen["target"], detail: string) => void;
  /** One is over, after so many milliseconds. */
  readonly onDone: (result: { readonly ms: number; readonly isOk: boolean }) => void;
}

/** Dials in progress: of streams from one address, and of all. */
export const MAX_DIALS_PER_SOURCE = 64;
const MAX_DIALS = 256;

/** The streams to destinations of one agent. */
export class TargetStreams {
  readonly stats = emptyStats();
  readonly dialer: CheckedDialer;
  readonly #options: TargetStreamsOptions;
  #allowed = new HostRules();

  constructor(options: TargetStreamsOptions) {
    this.#options = options;
    const { resolve } = options;
    this.dialer = new CheckedDialer({ dials: { perKey: MAX_DIALS_PER_SOURCE, total: MAX_DIALS }, resolve });
  }

  /** These destinations are allowed from now on; streams that are there go on. */
  allow(destinations: HostRules): void {
    this.#allowed = destinations;
  }

  /** Who uses a stream, or why nobody does. */
  accept(stream: Stream, { target, src }: TargetOpen): StreamConsumer | StreamRefusal {
    const { flusher, onDone } = this.#options;
    const { stats, dialer } = this;
    const asker = src?.ip ?? "";
    stats.total++;
    if (!dialer.dials.enter(asker)) {
      this.#refused(target, TOO_MANY_DIALS.reason);
      return TOO_MANY_DIALS;
    }
    const startedMs = performance.now();
    const rules = this.#allowed;
    let isOk = false;
    stats.active++;
    return joinDialled(stream, {
      dial: async (signal) => {
        const outcome = await dialer.dial(target, { rules, dials: asker, lookups: asker, signal });
        isOk = !("code" in outcome);
        if ("code" in outcome && !signal.aborted) this.#refused(target, outcome.detail);
        return outcome;
      },
      flusher,
      meter: stats,
      onClosed: () => {
        stats.active--;
        onDone({ ms: performance.now() - startedMs, isOk });
      },
    });
  }

  #refused(target: TargetOpen["target"], detail: string): void {
    this.stats.failed++;
    this.#options.onDenied(target, detail);
  }
}
