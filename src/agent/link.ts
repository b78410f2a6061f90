/**
 * One connection to the hub that is made again for ever: dials, logs in, and after each end waits as long as the
 * backoff and the hub say. There is at most one session at a time, each failure is one log line, and after `stop`
 * nothing is left: what comes late is ended at once. One that is retired is not made again.
 */
import { TrunklineError } from "../core/errors.ts";
import type { Clock, Logger } from "../core/ports.ts";
import type { Backoff } from "../limits/backoff.ts";
import { failureOf, failureOfEnd, type LinkFailure, type SessionEnd } from "./link_failure.ts";
import type { LinkPath, LinkPaths } from "./link_paths.ts";

/** A connection on which the login succeeded. */
export interface LinkSession {
  /** Resolves once the connection is over, whoever ended it. */
  readonly closed: Promise<SessionEnd>;
  /** Ends the connection at once; nothing happens when it is over. */
  close(): void;
}

/** Who does what the link decides. */
export interface LinkPorts<D, S extends LinkSession> {
  /** Connects by this way. Rejects soon after the signal; the code `refused` waits long, `not_frames` tries the other way. */
  readonly dial: (path: LinkPath, signal: AbortSignal) => Promise<D>;
  /** Ends what was dialled and came too late. */
  readonly discard: (dialled: D) => void;
  /** Logs in; what was dialled belongs to it, and it ends it when it rejects. Codes as for `dial`. */
  readonly openSession: (dialled: D, signal: AbortSignal) => Promise<S>;
  /** The state is now this one. May call `stop`. */
  readonly stateChanged: (state: LinkState<S>) => void;
}

/** What a link is made of. */
export interface LinkOptions<D, S extends LinkSession> {
  readonly ports: LinkPorts<D, S>;
  readonly paths: LinkPaths;
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a login may take. */
  readonly authTimeoutMs: number;
}

/** Where a link stands. */
export type LinkState<S extends LinkSession> =
  | { readonly kind: "idle" }
  | { readonly kind: "dialling"; readonly path: LinkPath }
  | { readonly kind: "authenticating"; readonly path: LinkPath }
  | { readonly kind: "up"; readonly path: LinkPath; readonly session: S; readonly sinceMs: number }
  | { readonly kind: "waiting"; readonly delayMs: number; readonly failure: LinkFailure }
  | { readonly kind: "stopped" };

type Timer = ReturnType<typeof setTimeout>;

/** A state with what it has to let go of. */
type OwnState<S extends LinkSession> =
  | { readonly kind: "idle" }
  | { readonly kind: "dialling"; readonly path: LinkPath; readonly abort: AbortController }
  | {
    readonly kind: "authenticating";
    readonly path: LinkPath;
    readonly abort: AbortController;
    readonly timer: Timer;
  }
  | { readonly kind: "up"; readonly path: LinkPath; readonly session: S; readonly sinceMs: number }
  | {
    readonly kind: "waiting";
    readonly delayMs: number;
    readonly failure: LinkFailure;
    readonly timer: Timer;
  }
  | { readonly kind: "stopped" };

/** Keeps one connection. */
export class Link<D, S extends LinkSession> {
  readonly #options: LinkOptions<D, S>;
  #state: OwnState<S> = { kind: "idle" };
  /** How many attempts there were since the last good connection. */
  #attempts = 0;
  /** Whether the connection that is up is the last one. */
  #isRetired = false;
  /** Whether what a login shows is another one than at the last one: then a refusal is no reason to wait for long. */
  #hasNewCredentials = false;

  constructor(options: LinkOptions<D, S>) {
    this.#options = options;
  }

  /** Where it stands. */
  get state(): LinkState<S> {
    return this.#state;
  }

  /** Begins; of no effect later. */
  start(): void {
    if (this.#state.kind === "idle") this.#dial();
  }

  /** Ends the connection, or the attempt, at once and for good. */
  stop(): void {
    const state = this.#state;
    if (state.kind === "stopped") return;
    this.#enter({ kind: "stopped" });
    if (state.kind === "dialling" || state.kind === "authenticating") state.abort.abort(stopped());
    if (state.kind === "up") state.session.close();
  }

  /** A login shows something else from now on: who was refused tries at once. */
  credentialsChanged(): void {
    this.#hasNewCredentials = true;
    const state = this.#state;
    if (state.kind === "waiting" && state.failure.cause === "refused") this.#dial();
  }

  /** Makes no further connection: the one that is up goes on until it ends, an attempt ends at once. */
  retire(): void {
    this.#isRetired = true;
    if (this.#state.kind !== "up") this.stop();
  }

  /** The one place where the state changes; the timer of the state before goes with it. */
  #enter(state: OwnState<S>): void {
    const before = this.#state;
    if (before.kind === "waiting" || before.kind === "authenticating") clearTimeout(before.timer);
    this.#state = state;
    this.#options.ports.stateChanged(state);
  }

  #dial(): void {
    const { ports, paths } = this.#options;
    const abort = new AbortController();
    const state = { kind: "dialling", path: paths.current, abort } as const;
    this.#attempts++;
    this.#enter(state);
    if (this.#state !== state) return;
    settle(() => ports.dial(state.path, abort.signal), {
      onValue: (dialled) => {
        if (this.#state === state) this.#logIn(dialled, state);
        else ports.discard(dialled);
      },
      onError: (error) => {
        if (this.#state === state) this.#failed(failureOf(error));
      },
    });
  }

  #logIn(dialled: D, { path, abort }: OwnState<S> & { kind: "dialling" }): void {
    const { ports, authTimeoutMs } = this.#options;
    const timer = setTimeout(() => this.#silent(), authTimeoutMs);
    const state = { kind: "authenticating", path, abort, timer } as const;
    this.#hasNewCredentials = false;
    this.#enter(state);
    if (this.#state !== state) return ports.discard(dialled);
    settle(() => ports.openSession(dialled, abort.signal), {
      onValue: (session) => {
        if (this.#state === state) this.#up(session, path);
        else session.close();
      },
      onError: (error) => {
        if (this.#state === state) this.#failed(failureOf(error));
      },
    });
  }

  /** Something took the connection and does not answer: frames may not get through to whoever it is. */
  #silent(): void {
    const state = this.#state;
    if (state.kind !== "authenticating") return;
    const error = new TrunklineError("not_frames", "Cannot log in at the hub: it did not answer in time");
    this.#failed(failureOf(error));
    state.abort.abort(error);
  }

  #up(session: S, path: LinkPath): void {
    const { clock, logger } = this.#options;
    const state = { kind: "up", path, session, sinceMs: clock.now() } as const;
    logger.info("Connected to the hub", { path, attempt: this.#attempts });
    this.#enter(state);
    settle(() => session.closed, {
      onValue: (end) => this.#ended(state, failureOfEnd(end)),
      onError: (error) => this.#ended(state, failureOf(error)),
    });
  }

  #ended(state: OwnState<S> & { kind: "up" }, failure: LinkFailure): void {
    if (this.#state !== state) return;
    if (this.#isRetired) return this.#enter({ kind: "stopped" });
    const { backoff, clock } = this.#options;
    if (backoff.lived(clock.now() - state.sinceMs)) this.#attempts = 0;
    this.#wait(failure);
  }

  #failed(failure: LinkFailure): void {
    const { paths } = this.#options;
    if (failure.isBlocked && paths.blocked()) {
      this.#log(failure, 0);
      return this.#dial();
    }
    // Who refuses was reached.
    if (failure.cause !== "refused") paths.failed();
    this.#wait(failure);
  }

  #wait(failure: LinkFailure): void {
    const cause = this.#hasNewCredentials ? "transient" : failure.cause;
    const delayMs = this.#options.backoff.next(cause, failure.askedMs);
    this.#log(failure, delayMs);
    const timer = setTimeout(() => this.#dial(), delayMs);
    this.#enter({ kind: "waiting", delayMs, failure, timer });
  }

  #log({ text }: LinkFailure, delayMs: number): void {
    this.#options.logger.warning("No connection to the hub; trying again", {
      attempt: this.#attempts,
      delayMs,
      path: this.#options.paths.current,
      cause: text,
    });
  }
}

interface Outcomes<T> {
  readonly onValue: (value: T) => void;
  readonly onError: (error: unknown) => void;
}

/** Tells how it went; what `run` throws at once counts too. */
function settle<T>(run: () => Promise<T>, { onValue, onError }: Outcomes<T>): void {
  new Promise<T>((resolve) => resolve(run())).then(onValue, onError);
}

function stopped(): TrunklineError {
  return new TrunklineError("connection_lost", "Cannot go on: the link was stopped");
}
