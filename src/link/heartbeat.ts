/**
 * Finds peers that are gone without a word, and those that take nothing of what they are sent. One timer serves all connections: a peer that was silent for
 * `intervalMs` is asked for a sign of life, one that was silent for `timeoutMs` is given up. Nobody is given up who
 * was not asked and had his time to answer, not even when the whole process stood still for a while.
 */
import type { Clock } from "../core/ports.ts";

/** A peer whose life is watched. */
export interface HeartbeatPeer {
  /** When the peer last showed that it lives, in milliseconds of the monitor's clock. */
  readonly lastHeardMs: number;
  /** Asks for a sign of life. */
  ask(): void;
  /** The peer is gone: ends its connection. */
  expire(): void;
  /** Whether this side reads nothing of the peer, so that no sign of life can be seen. @default it reads */
  readonly isHeld?: boolean;
  /** For how long the peer took nothing of what waits for it; 0 when nothing waits. @default nobody looks */
  stalledMs?(nowMs: number): number;
  /** The peer took nothing for `timeoutMs`, whatever it says: ends its connection. */
  stalled?(): void;
}

/** How often to ask and when to give up. */
export interface HeartbeatOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** A check that comes so many ticks late means that the process stood still. */
const STALL_TICKS = 5;

/** Watches all connections of one hub. */
export class HeartbeatMonitor {
  readonly #options: HeartbeatOptions;
  readonly #askedMs = new Map<HeartbeatPeer, number>();
  #checkedMs: number;
  /** Until then nobody is given up, because the process stood still and answers may wait unread. */
  #patientUntilMs = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#checkedMs = options.clock.now();
  }

  /** Starts the timer; checks ten times an interval, so that nobody waits much longer than it says. */
  start(): void {
    this.#checkedMs = this.#options.clock.now();
    this.#timer ??= setInterval(() => this.check(), this.#tickMs());
  }

  /** Stops the timer; nobody is watched any more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#askedMs.clear();
  }

  watch(peer: HeartbeatPeer): void {
    this.#askedMs.set(peer, -Infinity);
  }

  unwatch(peer: HeartbeatPeer): void {
    this.#askedMs.delete(peer);
  }

  /** Looks at every peer once. */
  check(): void {
    const { intervalMs, timeoutMs, clock } = this.#options;
    const now = clock.now();
    const answerMs = timeoutMs - intervalMs;
    if (now - this.#checkedMs > STALL_TICKS * this.#tickMs()) this.#patientUntilMs = now + answerMs;
    this.#checkedMs = now;
    for (const [peer, askedMs] of this.#askedMs) {
      if ((peer.stalledMs?.(now) ?? 0) >= timeoutMs && now >= this.#patientUntilMs) {
        this.#askedMs.delete(peer);
        peer.stalled?.();
        continue;
      }
      if (peer.isHeld === true) {
        // It is asked anew, and has its time to answer, when it is read again.
        this.#askedMs.set(peer, -Infinity);
        continue;
      }
      const silentMs = now - peer.lastHeardMs;
      const wasAsked = askedMs > peer.lastHeardMs;
      if (silentMs >= timeoutMs && wasAsked && now - askedMs >= answerMs && now >= this.#patientUntilMs) {
        this.#askedMs.delete(peer);
        peer.expire();
      } else if (silentMs >= intervalMs && !wasAsked) {
        this.#askedMs.set(peer, now);
        peer.ask();
      }
    }
  }

  #tickMs(): number {
    return Math.max(1, Math.min(this.#options.intervalMs / 10, 5000));
  }
}
