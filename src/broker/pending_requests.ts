/**
 * Requests that wait for an answer. Each leaves here exactly once: by its answer, its time-out, the end of whom it
 * was sent to, or the end of whom it came from. What is to be done then is the router's; nothing here sends.
 */
import type { Clock } from "../core/ports.ts";
import { Deadlines, Expiring } from "../limits/deadlines.ts";
import type { Destination } from "../wire/destination.ts";
import type { BrokerError } from "./broker_error.ts";
import type { RequestFailure } from "./broker_stats.ts";
import type { RequestContent } from "./outgoing.ts";
import type { RequestParty } from "./request_party.ts";

/** What somebody waits for, wherever the request is. */
export interface Call {
  readonly origin: RequestParty;
  readonly originId: string;
  /** As the origin wrote it. */
  readonly destination: Destination;
  readonly startedMs: number;
}

/** Why there is no answer, as its origin is told. */
export interface Failure extends BrokerError {
  readonly code: RequestFailure;
}

/** A request on its way, or one that failed and whose origin was not told yet. */
export class PendingRequest extends Expiring<PendingRequest> implements Call {
  readonly origin: RequestParty;
  readonly originId: string;
  readonly destination: Destination;
  readonly startedMs: number;
  /** Of the id under which it was sent on. */
  number = 0;
  /** Whom it was sent to; `null` before that and when it failed. */
  target: RequestParty | null = null;
  /** What its origin is told at the deadline; `null` while it can be answered. */
  failure: Failure | null = null;
  /** When it failed. */
  failedMs = 0;
  /** For one more try elsewhere; `null` when there is none. Its payload is a copy. */
  again: RequestContent | null = null;
  /** Its neighbours among those that its target owes. */
  previousOwed: PendingRequest | null = null;
  nextOwed: PendingRequest | null = null;

  constructor({ origin, originId, destination, startedMs }: Call, deadlineMs: number) {
    super(deadlineMs);
    this.origin = origin;
    this.originId = originId;
    this.destination = destination;
    this.startedMs = startedMs;
  }
}

/**
 * What a response is for. `late`: it came too late, nobody waits any more. `unknown`: no request of this id was ever
 * sent to this party, or it was answered, or it ended long ago.
 */
export type ResponseMatch = PendingRequest | "late" | "unknown";

/** How long, and of how many requests, it is known that they ended without an answer. */
export const LATE_MS = 60_000;
export const MAX_LATE = 10_000;

/** The pending requests of one tenant. */
export class PendingRequests {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines<PendingRequest>;
  readonly #byNumber = new Map<number, PendingRequest>();
  #keptBytes = 0;
  /** Numbers that are over without an answer, the oldest first. */
  readonly #late = new Map<number, { readonly target: string; readonly sinceMs: number }>();

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
    return this.#byNumber.size;
  }

  /** Bytes of the payloads that are kept for another try. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Adds one whose id its origin does not wait for. */
  add(request: PendingRequest): void {
    this.#byNumber.set(request.number, request);
    if (request.again !== null) this.#keptBytes += request.again.payload.length;
    request.origin.asked.set(request.originId, request);
    request.target?.owe(request);
    this.#deadlines.add(request);
  }

  /** Finds what a response is for; a request that it answers is gone with that. */
  answer(target: RequestParty, number: number): ResponseMatch {
    const request = this.#byNumber.get(number);
    if (request !== undefined && request.target === target) {
      this.#remove(request);
      return request;
    }
    const late = this.#late.get(number);
    const isLate = late?.target === target.id && this.#clock.now() - late.sinceMs < LATE_MS;
    return isLate ? "late" : "unknown";
  }

  /** Somebody is gone: gives the requests that he will not answer; those that he made are forgotten. */
  leave(party: RequestParty): readonly PendingRequest[] {
    for (const request of [...party.asked.values()]) {
      this.#remove(request);
      this.#remember(request);
    }
    const owed: PendingRequest[] = [];
    for (let request = party.firstOwed; request !== null; request = request.nextOwed) owed.push(request);
    for (const request of owed) this.#remove(request);
    return owed;
  }

  #remove(request: PendingRequest): void {
    this.#deadlines.delete(request);
    this.#forget(request);
  }

  #forget(request: PendingRequest): void {
    this.#byNumber.delete(request.number);
    if (request.again !== null) this.#keptBytes -= request.again.payload.length;
    request.origin.asked.delete(request.originId);
    request.target?.settle(request);
  }

  #remember({ number, target }: PendingRequest): void {
    if (target === null) return;
    const nowMs = this.#clock.now();
    this.#late.set(number, { target: target.id, sinceMs: nowMs });
    for (const [known, { sinceMs }] of this.#late) {
      if (this.#late.size <= MAX_LATE && nowMs - sinceMs < LATE_MS) return;
      this.#late.delete(known);
    }
  }
}
