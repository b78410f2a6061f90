/**
 * Requests that wait for an answer. Each leaves here exactly once: by its answer, its time-out, the end of whom it
 * was sent to, or the end of whom it came from. What is to be done then is the router's; nothing here sends.
 */
import type { Clock } from "../core/ports.ts";
import { Deadlines } from "../limits/deadlines.ts";
import type { BrokerError } from "./broker_error.ts";
import type { Subscriber } from "./subscription.ts";

/** What a service gets of a request. */
export interface RequestContent {
  /** The topic in lower case. */
  readonly topicKey: string;
  readonly payload: Uint8Array;
  /** As the origin gave it. */
  readonly timeoutMs: number | null;
  /** Whether the payload was found to be valid UTF-8 already. */
  readonly isKnownText: boolean;
}

/** What somebody waits for, wherever the request is. */
export interface Call {
  readonly origin: Subscriber;
  readonly originId: string;
  /** Topic and version as the origin wrote them. */
  readonly topic: string;
  readonly version: string;
  readonly startedMs: number;
  readonly deadlineMs: number;
}

/** A request on its way, or one that failed and whose origin was not told yet. */
export interface PendingRequest extends Call {
  /** The id under which it was sent on, minted by the hub. */
  readonly targetId: string;
  /** `null` when it failed. */
  readonly target: Subscriber | null;
  /** What its origin is told at the deadline; `null` while it can be answered. */
  readonly failure: BrokerError | null;
  /** For one more try elsewhere; `null` when there is none. Its payload is a copy. */
  readonly again: RequestContent | null;
}

/** What a response is for. */
export type ResponseMatch =
  | { readonly kind: "pending"; readonly request: PendingRequest }
  /** It came too late: nobody waits any more. */
  | { readonly kind: "late" }
  /** No request of this id was ever sent to this party, or it was answered, or it ended long ago. */
  | { readonly kind: "unknown" };

/** How long, and of how many requests, it is known that they ended without an answer. */
export const LATE_MS = 60_000;
export const MAX_LATE = 10_000;

/** The pending requests of one tenant. */
export class PendingRequests {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines<PendingRequest>;
  readonly #byTargetId = new Map<string, PendingRequest>();
  readonly #byOrigin = new Map<Subscriber, Map<string, PendingRequest>>();
  readonly #byTarget = new Map<Subscriber, Set<PendingRequest>>();
  #keptBytes = 0;
  /** Ids that are over without an answer, the oldest first. */
  readonly #late = new Map<string, { readonly target: string; readonly sinceMs: number }>();

  /** `onTimeout` gets each request whose deadline has come; it is gone already. */
  constructor(clock: Clock, onTimeout: (request: PendingRequest) => void) {
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock, (request) => {
      this.#forget(request);
      this.#remember(request);
      onTimeout(request);
    });
  }

  /** How many there are. */
  get size(): number {
    return this.#byTargetId.size;
  }

  /** Bytes of the payloads that are kept for another try. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Whether somebody waits for the answer to a request of this id. */
  isWaiting(origin: Subscriber, originId: string): boolean {
    return this.#byOrigin.get(origin)?.has(originId) === true;
  }

  /** How many answers somebody owes. */
  owedBy(target: Subscriber): number {
    return this.#byTarget.get(target)?.size ?? 0;
  }

  /** Whether somebody waits for an answer or owes one. */
  isBusy(party: Subscriber): boolean {
    return this.#byOrigin.has(party) || this.#byTarget.has(party);
  }

  /** Adds one whose id its origin does not wait for. */
  add(request: PendingRequest): void {
    const { targetId, origin, originId, target, again } = request;
    this.#byTargetId.set(targetId, request);
    this.#keptBytes += again?.payload.length ?? 0;
    const ofOrigin = this.#byOrigin.get(origin);
    if (ofOrigin === undefined) this.#byOrigin.set(origin, new Map([[originId, request]]));
    else ofOrigin.set(originId, request);
    this.#deadlines.add(request);
    if (target === null) return;
    const ofTarget = this.#byTarget.get(target);
    if (ofTarget === undefined) this.#byTarget.set(target, new Set([request]));
    else ofTarget.add(request);
  }

  /** Finds what a response is for; a request that it answers is gone with that. */
  answer(target: Subscriber, targetId: string): ResponseMatch {
    const request = this.#byTargetId.get(targetId);
    if (request?.target === target) {
      this.#remove(request);
      return { kind: "pending", request };
    }
    const late = this.#late.get(targetId);
    const isLate = late?.target === target.id && this.#clock.now() - late.sinceMs < LATE_MS;
    return { kind: isLate ? "late" : "unknown" };
  }

  /** Somebody is gone: gives the requests that he will not answer; those that he made are forgotten. */
  leave(party: Subscriber): readonly PendingRequest[] {
    for (const request of [...this.#byOrigin.get(party)?.values() ?? []]) {
      this.#remove(request);
      this.#remember(request);
    }
    const owed = [...this.#byTarget.get(party) ?? []];
    for (const request of owed) this.#remove(request);
    return owed;
  }

  #remove(request: PendingRequest): void {
    this.#deadlines.delete(request);
    this.#forget(request);
  }

  #forget(request: PendingRequest): void {
    const { targetId, origin, originId, target, again } = request;
    this.#byTargetId.delete(targetId);
    this.#keptBytes -= again?.payload.length ?? 0;
    const ofOrigin = this.#byOrigin.get(origin);
    if (ofOrigin?.delete(originId) === true && ofOrigin.size === 0) this.#byOrigin.delete(origin);
    if (target === null) return;
    const ofTarget = this.#byTarget.get(target);
    if (ofTarget?.delete(request) === true && ofTarget.size === 0) this.#byTarget.delete(target);
  }

  #remember({ targetId, target }: PendingRequest): void {
    if (target === null) return;
    const nowMs = this.#clock.now();
    this.#late.set(targetId, { target: target.id, sinceMs: nowMs });
    for (const [id, { sinceMs }] of this.#late) {
      if (this.#late.size <= MAX_LATE && nowMs - sinceMs < LATE_MS) return;
      this.#late.delete(id);
    }
  }
}
