/**
 * Somebody who asks, answers, or both, as the router of requests knows him: one record, so that a request looks him up
 * once. It lives as long as whom it stands for.
 */
import type { PendingRequest } from "./pending_requests.ts";
import type { ServiceCounters } from "./service_stats.ts";
import type { Subscriber } from "./subscription.ts";

/** What is known of one subscriber. */
export class RequestParty {
  readonly id: string;
  readonly subscriber: Subscriber;
  /** The requests whose answers he waits for, by his own ids. */
  readonly asked = new Map<string, PendingRequest>();
  /** He left. A message to somebody may end others, so that they leave in the middle of everything. */
  isGone = false;
  /** When he was given his last request, counted in requests. */
  lastTurn = 0;
  isRegistered = false;
  /** Where what he does as a service is counted. */
  counters: ServiceCounters;
  #owed = 0;
  #firstOwed: PendingRequest | null = null;
  #lastOwed: PendingRequest | null = null;

  constructor(subscriber: Subscriber, counters: ServiceCounters) {
    this.id = subscriber.id;
    this.subscriber = subscriber;
    this.counters = counters;
  }

  /** How many answers he owes. */
  get owed(): number {
    return this.#owed;
  }

  /** The oldest request that he has. */
  get firstOwed(): PendingRequest | null {
    return this.#firstOwed;
  }

  /** Whether he waits for an answer or owes one. */
  get isBusy(): boolean {
    return this.#owed > 0 || this.asked.size > 0;
  }

  /** He was sent a request. */
  owe(request: PendingRequest): void {
    const last = this.#lastOwed;
    request.previousOwed = last;
    if (last === null) this.#firstOwed = request;
    else last.nextOwed = request;
    this.#lastOwed = request;
    this.#owed++;
  }

  /** He owes it no more. Of effect once, for a request that he has. */
  settle(request: PendingRequest): void {
    const { previousOwed: previous, nextOwed: next } = request;
    if (previous === null) this.#firstOwed = next;
    else previous.nextOwed = next;
    if (next === null) this.#lastOwed = previous;
    else next.previousOwed = previous;
    request.previousOwed = null;
    request.nextOwed = null;
    this.#owed--;
  }
}

/** The parties of one tenant. They are held by those whom they stand for. */
export class RequestParties {
  readonly #bySubscriber = new WeakMap<Subscriber, RequestParty>();
  readonly #unnamed: ServiceCounters;

  /** `unnamed`: where those are counted who did not register. */
  constructor(unnamed: ServiceCounters) {
    this.#unnamed = unnamed;
  }

  /** The record of somebody; it comes with the first look. */
  of(subscriber: Subscriber): RequestParty {
    const known = this.#bySubscriber.get(subscriber);
    if (known !== undefined) return known;
    const party = new RequestParty(subscriber, this.#unnamed);
    this.#bySubscriber.set(subscriber, party);
    return party;
  }
}
