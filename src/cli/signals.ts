/**
 * What the operating system asks of a long-running command: the first signal asks for a clean end, the second
 * for an end at once.
 */

/** SIGTERM does not exist on Windows; Ctrl-C and Ctrl-Break do everywhere they are known. */
const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** What asks for the configuration to be read again; on Windows it would mean that a window was closed. */
const RELOAD_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? [] : ["SIGHUP"];

/** Signals that end a command, until {@link StopSignals.dispose}. */
export interface StopSignals {
  /** Resolves with the name of the first signal. */
  readonly first: Promise<Deno.Signal>;
  dispose(): void;
}

/** Listens for signals; the second one calls `endAtOnce`. */
export function listenForStop(endAtOnce: () => void): StopSignals {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  let seen = false;
  const handlers = STOP_SIGNALS.map((signal) => ({
    signal,
    handle: () => {
      if (seen) endAtOnce();
      seen = true;
      resolve(signal);
    },
  }));
  for (const { signal, handle } of handlers) Deno.addSignalListener(signal, handle);
  return {
    first: promise,
    dispose: () => handlers.forEach(({ signal, handle }) => Deno.removeSignalListener(signal, handle)),
  };
}

/** Calls `reload` at each signal that asks for it, until what is returned is called. */
export function listenForReload(reload: () => void): () => void {
  for (const signal of RELOAD_SIGNALS) Deno.addSignalListener(signal, reload);
  return () => RELOAD_SIGNALS.forEach((signal) => Deno.removeSignalListener(signal, reload));
}
