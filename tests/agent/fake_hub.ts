/** What a link dials in tests: every attempt waits until the test says how it goes. */
import { Link, type LinkPorts, type LinkSession, type LinkState } from "../../src/agent/link.ts";
import type { SessionEnd } from "../../src/agent/link_failure.ts";
import { type LinkPath, LinkPaths } from "../../src/agent/link_paths.ts";
import { Backoff } from "../../src/limits/backoff.ts";
import type { FakeTime } from "../helpers/fake_time.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";

/** One connection that was dialled. */
export interface FakeDialled {
  isOpen: boolean;
}

/** One session. */
export class FakeSession implements LinkSession {
  readonly closed: Promise<SessionEnd>;
  readonly #end: (end: SessionEnd) => void;
  isOpen = true;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<SessionEnd>();
    this.closed = promise;
    this.#end = resolve;
  }

  close(): void {
    this.end({});
  }

  /** The hub ends it. */
  end({ code = null, reason = "", retryAfterMs = null }: Partial<SessionEnd>): void {
    this.isOpen = false;
    this.#end({ code, reason, retryAfterMs });
  }
}

/** An attempt that waits for its outcome. */
export interface Attempt<T> {
  readonly path: LinkPath | null;
  readonly signal: AbortSignal;
  /** Gives what it made; an attempt that is over makes nothing. */
  readonly succeed: () => T | null;
  readonly fail: (error: unknown) => void;
}

/** Everything about one link under test. */
export class FakeHub {
  readonly logger = new MemoryLogger();
  readonly link: Link<FakeDialled, FakeSession>;
  readonly states: LinkState<FakeSession>[] = [];
  readonly dials: Attempt<FakeDialled>[] = [];
  readonly logins: Attempt<FakeSession>[] = [];
  readonly dialled: FakeDialled[] = [];
  readonly sessions: FakeSession[] = [];
  /** Runs at every change of the state. */
  onState: (state: LinkState<FakeSession>) => void = () => {};

  constructor(time: FakeTime, { first = "stream" as LinkPath, random = () => 0.5 } = {}) {
    this.link = new Link({
      ports: this.#ports(),
      paths: new LinkPaths(first),
      backoff: new Backoff({ random }),
      clock: time,
      logger: this.logger,
      authTimeoutMs: 10_000,
    });
  }

  /** The last session that began. */
  get session(): FakeSession {
    const session = this.sessions.at(-1);
    if (session === undefined) throw new Error("there was no session yet");
    return session;
  }

  /** Where the link stands. A call, because the compiler believes that a property stays as it was. */
  state(): LinkState<FakeSession> {
    return this.link.state;
  }

  kind(): string {
    return this.link.state.kind;
  }

  /** The dialling that runs succeeds. */
  async reach(): Promise<void> {
    this.dials.shift()?.succeed();
    await turn();
  }

  /** The login that runs succeeds. */
  async letIn(): Promise<void> {
    this.logins.shift()?.succeed();
    await turn();
  }

  /** What is open of what the link holds. */
  get open(): { dialled: number; sessions: number } {
    return {
      dialled: this.dialled.filter(({ isOpen }) => isOpen).length,
      sessions: this.sessions.filter(({ isOpen }) => isOpen).length,
    };
  }

  #ports(): LinkPorts<FakeDialled, FakeSession> {
    return {
      dial: (path, signal) =>
        this.#attempt(this.dials, { path, signal }, () => {
          const dialled = { isOpen: true };
          this.dialled.push(dialled);
          return dialled;
        }),
      discard: (dialled) => dialled.isOpen = false,
      openSession: (dialled, signal) => {
        // The login owns it from here on.
        dialled.isOpen = false;
        return this.#attempt(this.logins, { path: null, signal }, () => {
          const session = new FakeSession();
          this.sessions.push(session);
          return session;
        });
      },
      stateChanged: (state) => {
        this.states.push(state);
        this.onState(state);
      },
    };
  }

  #attempt<T>(
    attempts: Attempt<T>[],
    { path, signal }: { path: LinkPath | null; signal: AbortSignal },
    make: () => T,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let isOver = false;
    const succeed = () => {
      if (isOver) return null;
      isOver = true;
      const made = make();
      resolve(made);
      return made;
    };
    const fail = (error: unknown) => {
      isOver = true;
      reject(error);
    };
    attempts.push({ path, signal, succeed, fail });
    return promise;
  }
}

/** Lets everything go on that waits for nothing but its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
