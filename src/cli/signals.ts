/**
 * What the operating system asks of a long-running command: the first signal asks for a clean end, the second
 * for an end at once. One key press that reaches the process twice counts once.
 */
import { type Clock, systemClock } from "../core/ports.ts";

/** SIGTERM does not exist on Windows; Ctrl-C and Ctrl-Break do everywhere they are known. */
const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** What asks for the configuration to be read again; on Windows it would mean that a window was closed. */
const RELOAD_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? [] : ["SIGHUP"];

/**
 * How long after the first signal the same one is an echo of it. On Ctrl-C a terminal signals the whole group of
 * processes, and a parent such as `deno task` passes on what it got itself.
 */
const ECHO_MS = 500;

/** What is to be done about a signal. */
export type StopStep = "stop" | "end_at_once" | "ignore";

/** Tells the first signal, its echoes and what was meant as a second one apart. */
export class StopSequence {
  readonly #clock: Clock;
  #first: { readonly signal: Deno.Signal; readonly atMs: number } | null = null;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Whether the first signal came. */
  get hasBegun(): boolean {
    return this.#first !== null;
  }

  /** What a signal that came now asks for. */
  next(signal: Deno.Signal): StopStep {
    const nowMs = this.#clock.now();
    if (this.#first === null) {
      this.#first = { signal, atMs: nowMs };
      return "stop";
    }
    const isEcho = signal === this.#first.signal && nowMs - this.#first.atMs < ECHO_MS;
    return isEcho ? "ignore" : "end_at_once";
  }
}

/** Signals that end a command, until {@link StopSignals.dispose}. */
export interface StopSignals {
  /** Resolves with the name of the first signal. */
  readonly first: Promise<Deno.Signal>;
  /** Listens no more. After a first signal it goes on until the process ends, which an echo would fail else. */
  dispose(): void;
}

/** Listens for signals; the second one calls `endAtOnce`, unless it is the echo of the first. */
export function listenForStop(endAtOnce: () => void): StopSignals {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  const sequence = new StopSequence();
  const handlers = STOP_SIGNALS.map((signal) => ({
    signal,
    handle: () => {
      const step = sequence.next(signal);
      if (step === "stop") resolve(signal);
      if (step === "end_at_once") endAtOnce();
    },
  }));
  for (const { signal, handle } of handlers) Deno.addSignalListener(signal, handle);
  return {
    first: promise,
    dispose: () => {
      if (sequence.hasBegun) return;
      for (const { signal, handle } of handlers) Deno.removeSignalListener(signal, handle);
    },
  };
}

/** Calls `reload` at each signal that asks for it, until what is returned is called. */
export function listenForReload(reload: () => void): () => void {
  for (const signal of RELOAD_SIGNALS) Deno.addSignalListener(signal, reload);
  return () => RELOAD_SIGNALS.forEach((signal) => Deno.removeSignalListener(signal, reload));
}
