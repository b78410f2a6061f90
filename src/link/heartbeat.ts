/**
 * Finds peers that are gone without a word. One timer serves all connections: a peer that was silent for
 * `intervalMs` is asked for a sign of life, one that was silent for `timeoutMs` is given up.
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
}

/** How often to ask and when to give up. */
export interface HeartbeatOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Watches all connections of one hub. */
export class HeartbeatMonitor {
  readonly #options: HeartbeatOptions;
  readonly #askedMs = new Map<HeartbeatPeer, number>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Starts the timer; checks ten times an interval, so that nobody waits much longer than it says. */
  start(): void {
    const everyMs = Math.max(1, Math.min(this.#options.intervalMs / 10, 5000));
    this.#timer ??= setInterval(() => this.check(), everyMs);
  }

  /** Stops the timer; nobody is watched any more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#askedMs.clear();
  }

  watch(peer: HeartbeatPeer): void {
    this.#askedMs.set(peer, this.#options.clock.now());
  }

  unwatch(peer: HeartbeatPeer): void {
    this.#askedMs.delete(peer);
  }

  /** Looks at every peer once. */
  check(): void {
    const { intervalMs, timeoutMs, clock } = this.#options;
    const now = clock.now();
    for (const [peer, askedMs] of this.#askedMs) {
      const silentMs = now - peer.lastHeardMs;
      if (silentMs >= timeoutMs) {
        this.#askedMs.delete(peer);
        peer.expire();
      } else if (silentMs >= intervalMs && now - askedMs >= intervalMs) {
        this.#askedMs.set(peer, now);
        peer.ask();
      }
    }
  }
}
