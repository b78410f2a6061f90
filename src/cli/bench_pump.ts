/**
 * Who sends how much, and when: as much as is due, as long as it is not all, by those in turn who have room. One
 * timer at most runs; nothing is sent by a clock that is not there yet.
 */
import { setImmediate } from "node:timers";
import type { Clock } from "../core/ports.ts";
import type { Pace } from "./bench_pace.ts";

/** Somebody who sends. */
export interface Sender {
  /** How many messages it takes now; 0 when it has to wait. */
  readonly room: number;
  /** Sends so many, not more than there is room, and takes the times of them. */
  send(count: number, pace: Pace): void;
}

/** What to send. */
export interface PumpOptions {
  readonly senders: readonly Sender[];
  readonly pace: Pace;
  /** How many in all; `null` for no end. */
  readonly messages: number | null;
  readonly clock: Clock;
}

/** A timer may be late by that much: what is due sooner is waited for turn by turn. */
const TIMER_LATENESS_MS = 2;

/** Sends until it is stopped, or everything is sent. */
export class LoadPump {
  readonly #options: PumpOptions;
  #turn = 0;
  #sent = 0;
  #isStopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Never taken back: a turn comes soon anyway. */
  #isTurnAwaited = false;

  constructor(options: PumpOptions) {
    this.#options = options;
  }

  /** How many messages were sent. */
  get sent(): number {
    return this.#sent;
  }

  /** Whether nothing more will be sent. */
  get isOver(): boolean {
    return this.#isStopped || this.#sent === this.#options.messages;
  }

  /** Sends what is due; to be called whenever a sender may have got room. */
  pump(): void {
    const { senders, pace, clock } = this.#options;
    // One time for all: what becomes due meanwhile is what the next turn is for.
    const nowMs = clock.now();
    for (let waiting = 0; waiting < senders.length && !this.isOver;) {
      const count = Math.min(pace.due(nowMs), this.#left());
      if (count < 1) break;
      const sender = senders[this.#turn % senders.length];
      this.#turn = (this.#turn + 1) % senders.length;
      const taken = Math.min(count, sender?.room ?? 0);
      if (taken < 1) {
        waiting++;
        continue;
      }
      waiting = 0;
      this.#sent += taken;
      sender?.send(taken, pace);
    }
    this.#wait(nowMs);
  }

  /** Sends what one sender alone can, where there is no rate that all share; else as {@link pump}. */
  pumpOne(sender: Sender): void {
    const { pace, clock } = this.#options;
    if (pace.due(clock.now()) !== Infinity) return this.pump();
    const count = Math.min(this.#left(), this.isOver ? 0 : sender.room);
    if (count < 1) return;
    this.#sent += count;
    sender.send(count, pace);
  }

  /** Sends nothing any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #left(): number {
    return (this.#options.messages ?? Infinity) - this.#sent;
  }

  /** Who has no room is woken by whoever gives it room. */
  #wait(nowMs: number): void {
    clearTimeout(this.#timer);
    const { pace } = this.#options;
    if (this.isOver || pace.due(nowMs) > 0) return;
    const waitMs = pace.nextAtMs(nowMs) - nowMs;
    if (waitMs > TIMER_LATENESS_MS) this.#timer = setTimeout(() => this.pump(), waitMs - TIMER_LATENESS_MS);
    else if (!this.#isTurnAwaited) {
      this.#isTurnAwaited = true;
      setImmediate(() => this.#nextTurn());
    }
  }

  #nextTurn(): void {
    this.#isTurnAwaited = false;
    this.pump();
  }
}
