/**
 * One load test from the first connection to the last: opens the loads, lets them send, ends them when all is sent,
 * the time is over, a person wants it, the hub is silent or gone, and waits for what is still on its way.
 */
import type { TrunklineError } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";
import type { Load, LoadContext, LoadFigures, LoadState } from "./bench_load.ts";
import type { BenchPlan } from "./bench_plan.ts";
import { PublishLoad } from "./bench_publish.ts";
import { RequestLoad } from "./bench_request.ts";
import type { HubTarget } from "./hub_target.ts";

/** What a test needs. */
export interface BenchRunOptions {
  readonly target: HubTarget;
  readonly clock: Clock;
  /** Tells a person something beside the result. */
  readonly warn: (line: string) => void;
  /** Resolves when a person wants the end. */
  readonly stopped: Promise<unknown>;
  /** Told every now and then how far it is. */
  readonly onProgress: (progress: BenchProgressState) => void;
}

/** How far a test is. */
export interface BenchProgressState {
  readonly sent: number;
  readonly received: number;
  readonly elapsedMs: number;
  /** How much of it is done, 0 to 1. */
  readonly part: number;
}

/** Why a test ended. */
export type BenchEnd = "finished" | "stopped" | "silent" | "lost";

/** What came of a test. */
export interface BenchResult {
  readonly end: BenchEnd;
  /** What ended it, where it was `lost`. */
  readonly error: TrunklineError | null;
  readonly loads: readonly LoadFigures[];
}

/** How often is looked at what no event tells. */
const TICK_MS = 100;
/** How long is waited for what is on its way after a person wanted the end, at most. */
const STOP_WAIT_MS = 1000;
/** The hub tells of a time-out by itself, so that is waited for longer. */
const GRACE_MS = 2000;

/** Runs one test. */
export class BenchRun {
  readonly #plan: BenchPlan;
  readonly #options: BenchRunOptions;
  readonly #loads: readonly Load[];
  readonly #over = Promise.withResolvers<void>();
  #end: BenchEnd = "finished";
  #error: TrunklineError | null = null;
  #startMs = 0;
  /** When something came last, and how much there was then. */
  #movedMs = 0;
  #moved = -1;
  #hasBegun = false;
  #mustEnd = false;

  constructor(plan: BenchPlan, options: BenchRunOptions) {
    this.#plan = plan;
    this.#options = options;
    const warned = new Set<string>();
    const context: LoadContext = {
      target: options.target,
      clock: options.clock,
      sizeBytes: (plan.publish ?? plan.request)?.sizeBytes ?? 0,
      // All connections have the same to say.
      warn: (line) => {
        if (!warned.has(line)) options.warn(line);
        warned.add(line);
      },
      onFatal: (error) => this.#fail(error),
      onSettled: () => this.#settle(),
    };
    const { publish, request } = plan;
    this.#loads = [
      ...(publish === null ? [] : [new PublishLoad(publish, context)]),
      ...(request === null ? [] : [new RequestLoad(request, context)]),
    ];
  }

  /** Runs to the end. Throws a `TrunklineError` when it cannot begin; `null` when a person ended it before that. */
  async run(): Promise<BenchResult | null> {
    let isStopped = false;
    void this.#options.stopped.then(() => {
      isStopped = true;
      this.#stop("stopped");
    });
    try {
      // What is being opened is closed when it is open, whatever became of the others.
      const opened = await Promise.allSettled(this.#loads.map((load) => load.open()));
      for (const load of opened) if (load.status === "rejected") throw load.reason;
      if (isStopped) return null;
      if (this.#error !== null) throw this.#error;
      await this.#measure();
      const loads = this.#loads.map((load) => load.figures());
      return { end: this.#end, error: this.#error, loads };
    } finally {
      await Promise.all(this.#loads.map((load) => load.close()));
    }
  }

  async #measure(): Promise<void> {
    this.#hasBegun = true;
    this.#startMs = this.#options.clock.now();
    this.#movedMs = this.#startMs;
    for (const load of this.#loads) load.start();
    const ticks = setInterval(() => this.#tick(), TICK_MS);
    this.#settle();
    await this.#over.promise;
    clearInterval(ticks);
  }

  #tick(): void {
    const nowMs = this.#options.clock.now();
    const state = this.#state();
    const { durationMs } = this.#plan;
    if (state.received !== this.#moved || state.outstanding === 0) {
      this.#moved = state.received;
      this.#movedMs = nowMs;
    }
    if (durationMs !== null && nowMs - this.#startMs >= durationMs) this.#stopSending();
    if (nowMs - this.#movedMs >= this.#patienceMs()) {
      this.#stop("silent");
      this.#over.resolve();
    }
    this.#settle();
    this.#options.onProgress(this.#progressOf(state, nowMs));
  }

  #patienceMs(): number {
    const { timeoutMs, request } = this.#plan;
    const patienceMs = request === null ? timeoutMs : timeoutMs + GRACE_MS;
    return this.#mustEnd ? Math.min(patienceMs, STOP_WAIT_MS) : patienceMs;
  }

  #progressOf({ sent, received }: LoadState, nowMs: number): BenchProgressState {
    const { durationMs } = this.#plan;
    const all = this.#loads.length *
      (this.#plan.publish?.messages ?? this.#plan.request?.messages ?? Infinity);
    const elapsedMs = nowMs - this.#startMs;
    const part = Math.max(sent / all, durationMs === null ? 0 : elapsedMs / durationMs);
    return { sent, received, elapsedMs, part: Math.min(1, part) };
  }

  #state(): LoadState {
    const sum = { sent: 0, received: 0, outstanding: 0 };
    for (const { state } of this.#loads) {
      sum.sent += state.sent;
      sum.received += state.received;
      sum.outstanding += state.outstanding;
    }
    return sum;
  }

  /** Whether everything is sent and nothing is on its way any more. */
  #settle(): void {
    if (!this.#hasBegun || this.#loads.some((load) => load.isSending)) return;
    if (this.#state().outstanding === 0) this.#over.resolve();
  }

  #fail(error: TrunklineError): void {
    this.#error ??= error;
    this.#stop("lost");
  }

  #stop(end: BenchEnd): void {
    if (this.#end === "finished") this.#end = end;
    this.#mustEnd = true;
    this.#stopSending();
    this.#settle();
  }

  #stopSending(): void {
    for (const load of this.#loads) load.stop();
  }
}
