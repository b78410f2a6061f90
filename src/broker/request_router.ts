/**
 * Requests and their answers in one tenant: each request goes to one service, and whoever asked gets exactly one
 * answer, whatever becomes of the two: the service's, or an error of the hub.
 */
import type { Clock } from "../core/ports.ts";
import { Slab } from "../wire/slab.ts";
import type { TextMessage } from "../wire/text_message.ts";
import { type BrokerError, encodeError } from "./broker_error.ts";
import type { BrokerStats } from "./broker_stats.ts";
import { DuePace, FailurePace } from "./failure_pace.ts";
import type { MessageTaps } from "./message_taps.ts";
import { ForwardedRequest, ForwardedResponse, HubMessage, type RequestContent } from "./outgoing.ts";
import { type Call, type Failure, PendingRequest, PendingRequests } from "./pending_requests.ts";
import { RequestIds } from "./request_ids.ts";
import { RequestParties, type RequestParty } from "./request_party.ts";
import type { Subscriber } from "./subscription.ts";
import type { Responder, SubscriptionManager } from "./subscription_manager.ts";

/** What a router of requests works with. */
export interface RequestRouterOptions {
  readonly subscriptions: SubscriptionManager;
  readonly stats: BrokerStats;
  readonly clock: Clock;
  /** Time for measuring, which may lag behind by a turn of the event loop. */
  readonly cachedClock: Clock;
  /** How long an answer may take when the request does not say. */
  readonly timeoutMs: number;
  /** Whether a request is tried once more when the service that has it goes away. */
  readonly failover: boolean;
  readonly maxOutstanding: number;
  /** Told how long an answer took, in seconds, of the first one at each time of the cached clock. */
  readonly onAnswered: (seconds: number) => void;
  /** Shown what is sent on, while somebody taps. */
  readonly taps?: MessageTaps;
}

/** The most bytes of payloads that a tenant's requests keep for another try; those beyond it have none. */
export const MAX_KEPT_BYTES = 32 * 1024 * 1024;

/** Routes the requests of one tenant. */
export class RequestRouter {
  readonly #options: RequestRouterOptions;
  readonly #pending: PendingRequests;
  readonly #parties: RequestParties;
  readonly #ids = new RequestIds();
  readonly #slab = new Slab();
  readonly #pace = new FailurePace();
  readonly #duePace = new DuePace();
  /** Requests whose service is gone and that were not seen to yet. */
  readonly #orphans: PendingRequest[] = [];
  #isSeeingToOrphans = false;
  #isDraining = false;
  /** Of the id that was minted last. */
  #number = 0;
  #turn = 0;
  /** When the last answer was measured. */
  #measuredMs = -Infinity;

  constructor(options: RequestRouterOptions) {
    this.#options = options;
    this.#parties = new RequestParties(options.stats.services.other);
    this.#pending = new PendingRequests(options.clock, (request) => {
      if (request.failure !== null) return this.#failDue(request, request.failure);
      if (request.target !== null) request.target.counters.timeouts++;
      const seconds = Math.round(request.deadlineMs - request.startedMs) / 1000;
      const message = `No answer to ${request.destination.topic} within ${seconds} s`;
      this.#fail(request, { code: "TIMEOUT", message });
    });
  }

  /** How many requests wait for their answer. */
  get outstanding(): number {
    return this.#pending.size;
  }

  /** Whether somebody waits for an answer or owes one. */
  isBusy(party: Subscriber): boolean {
    return this.#parties.of(party).isBusy;
  }

  /** Sends a request on; gives what its sender is to be told if that cannot be done. */
  request(from: Subscriber, message: TextMessage, isKnownText: boolean): BrokerError | null {
    const { subscriptions, maxOutstanding, clock, stats } = this.#options;
    if (this.#isDraining) return unavailable("The hub stops and takes no new requests");
    const { destination, requestId: originId, payload, timeoutMs } = message;
    const { responders } = subscriptions.route(destination.topicKey);
    if (responders.length === 0) {
      return { code: "NO_ROUTE_FOUND", message: `Nobody answers requests to ${destination.topic}` };
    }
    if (originId === null) return this.#deliver(responders, message, { from, isKnownText });
    const origin = this.#parties.of(from);
    if (origin.asked.has(originId)) {
      const text = `Cannot send request ${originId}: another one of this id waits for its answer`;
      return { code: "INVALID_REQUEST", message: text, details: { field: "requestId" } };
    }
    if (this.#pending.size >= maxOutstanding) {
      return unavailable(`Cannot take a request: ${maxOutstanding} wait for their answers already`);
    }
    const content = { destination, payload, timeoutMs, isKnownText };
    const startedMs = clock.now();
    const call = { origin, originId, destination, startedMs };
    const pending = new PendingRequest(call, startedMs + (timeoutMs ?? this.#options.timeoutMs));
    pending.again = this.#keep(content);
    if (!this.#try(pending, content, responders)) return noneTakes(destination.topic);
    stats.requests++;
    return null;
  }

  /** Sends a response back; gives what its sender is to be told if nobody waits for it. */
  response(from: Subscriber, message: TextMessage, isKnownText: boolean): BrokerError | null {
    const { requestIdAt } = message;
    const number = requestIdAt < 0 ? -1 : this.#ids.read(message.bytes, requestIdAt);
    const match = number < 0 ? "unknown" : this.#pending.answer(this.#parties.of(from), number);
    if (match === "late") {
      this.#options.stats.lateResponses++;
      return null;
    }
    if (match === "unknown") {
      const text = `Cannot route a response to ${message.topic}: no request of this id waits for one of you`;
      return { code: "INVALID_REQUEST_ID", message: text };
    }
    const { payload } = message;
    const answer = new ForwardedResponse(match, { payload, isKnownText }, this.#slab);
    if (match.origin.subscriber.send(answer, "request") === "queued") this.#options.stats.responses++;
    this.#measure(match);
    if (this.#options.taps?.isActive === true) this.#showResponse(match, from, payload);
    return null;
  }

  /**
   * Somebody is gone, with his subscriptions: who waits for his answers is told, or the request is tried elsewhere.
   * Whoever is told may be too slow for it and leave too; all of them are seen to here, one after the other.
   */
  leave(party: Subscriber): void {
    const leaving = this.#parties.of(party);
    leaving.isGone = true;
    const owed = this.#pending.leave(leaving);
    leaving.counters.lost += owed.length;
    this.#countAs(leaving, null);
    for (const request of owed) this.#orphans.push(request);
    if (this.#isSeeingToOrphans) return;
    this.#isSeeingToOrphans = true;
    try {
      // What is added meanwhile is seen to as well.
      for (const request of this.#orphans) {
        if (this.#tryAgain(request)) continue;
        this.#fail(
          request,
          unavailable(`The service that had the request to ${request.destination.topic} is gone`),
        );
      }
    } finally {
      this.#orphans.length = 0;
      this.#isSeeingToOrphans = false;
    }
  }

  /** Somebody registered as a service of this name: what he does is counted there. */
  registered(party: Subscriber, name: string): void {
    this.#countAs(this.#parties.of(party), name);
  }

  /** Takes no new requests from now on. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Delivers a request that nobody wants an answer to. */
  #deliver(
    responders: readonly Responder[],
    { destination, payload }: TextMessage,
    { from, isKnownText }: { from: Subscriber; isKnownText: boolean },
  ): BrokerError | null {
    const sent = new ForwardedRequest(
      { destination, payload, isKnownText, timeoutMs: null },
      null,
      this.#slab,
    );
    const target = this.#offer(responders, sent, null);
    if (target === null) return noneTakes(destination.topic);
    const { stats, taps } = this.#options;
    stats.requests++;
    if (taps?.isActive === true) {
      const { topic, version } = destination;
      taps.show({ action: "request", topic, version, from: from.id, to: target.id, payload });
    }
    return null;
  }

  /** Sends a request to the best service that takes it; whether there was one, or nobody waits any more. */
  #try(request: PendingRequest, content: RequestContent, responders: readonly Responder[]): boolean {
    const { origin, originId } = request;
    const number = ++this.#number;
    const sent = new ForwardedRequest(content, { ids: this.#ids, number, originId }, this.#slab);
    const target = this.#offer(responders, sent, origin);
    if (origin.isGone) return true;
    if (target === null) return false;
    request.number = number;
    request.target = target;
    this.#pending.add(request);
    if (this.#options.taps?.isActive === true) this.#showRequest(request, target, content);
    return true;
  }

  #showRequest(
    { number, origin, originId }: PendingRequest,
    target: RequestParty,
    { destination: { topic, version }, payload, timeoutMs }: RequestContent,
  ): void {
    const ids = { requestId: originId, targetId: this.#ids.text(number), from: origin.id, to: target.id };
    this.#options.taps?.show({ action: "request", topic, version, ...ids, timeoutMs, payload });
  }

  #showResponse(
    { number, origin, originId, destination: { topic, version } }: PendingRequest,
    from: Subscriber,
    payload: Uint8Array,
  ): void {
    const ids = { requestId: originId, targetId: this.#ids.text(number), from: from.id, to: origin.id };
    this.#options.taps?.show({ action: "response", topic, version, ...ids, payload });
  }

  /** Nobody else is put to work for a request whose time is over. */
  #tryAgain(request: PendingRequest): boolean {
    const { clock, subscriptions } = this.#options;
    const { again, deadlineMs } = request;
    if (again === null || this.#isDraining || deadlineMs <= clock.now()) return false;
    const { responders } = subscriptions.route(again.destination.topicKey);
    return this.#try(new PendingRequest(request, deadlineMs), again, responders);
  }

  /** What is kept of a request for another try. Of bytes that came, a part may hold on to much more. */
  #keep(content: RequestContent): RequestContent | null {
    const { payload } = content;
    if (!this.#options.failover || this.#pending.keptBytes + payload.length > MAX_KEPT_BYTES) return null;
    return { ...content, payload: payload.slice() };
  }

  /**
   * Offers a request to one after the other, the best first; gives who took it. Whoever does not take it may end
   * others: nobody is asked any more for an origin that is gone.
   */
  #offer(
    responders: readonly Responder[],
    sent: ForwardedRequest,
    origin: RequestParty | null,
  ): RequestParty | null {
    // The first one nearly always takes it.
    let tried: Set<RequestParty> | null = null;
    while (origin === null || !origin.isGone) {
      const target = this.#choose(responders, tried);
      if (target === null) return null;
      target.lastTurn = ++this.#turn;
      if (target.subscriber.send(sent, "request") === "queued") return target;
      tried ??= new Set();
      tried.add(target);
    }
    return null;
  }

  /** Of the highest priority that is left, the one who owes the fewest answers; equals take turns. */
  #choose(responders: readonly Responder[], tried: ReadonlySet<RequestParty> | null): RequestParty | null {
    let best: RequestParty | null = null;
    let highest = 0;
    for (const { subscriber, priority } of responders) {
      if (best !== null && priority < highest) continue;
      const one = this.#parties.of(subscriber);
      if (tried !== null && tried.has(one)) continue;
      const isBetter = best === null || priority > highest || one.owed < best.owed ||
        one.owed === best.owed && one.lastTurn < best.lastTurn;
      if (!isBetter) continue;
      best = one;
      highest = priority;
    }
    return best;
  }

  #countAs(party: RequestParty, name: string | null): void {
    const { services } = this.#options.stats;
    if (party.isRegistered) services.leave(party.counters);
    party.isRegistered = name !== null;
    party.counters = name === null ? services.other : services.enter(name);
  }

  /** Answers that come in one turn are measured once: under load that is a sample, otherwise all of them. */
  #measure({ startedMs, target }: PendingRequest): void {
    const { cachedClock, clock, onAnswered } = this.#options;
    const turnMs = cachedClock.now();
    if (target !== null) {
      target.counters.answers++;
      target.counters.answerMs += Math.max(0, turnMs - startedMs);
    }
    if (turnMs === this.#measuredMs) return;
    this.#measuredMs = turnMs;
    onAnswered((clock.now() - startedMs) / 1000);
  }

  /** There will be no answer: tells who asked, at once or when it is his turn. */
  #fail(request: PendingRequest, failure: Failure): void {
    if (request.origin.isGone) return;
    request.failedMs = this.#options.clock.now();
    const waitMs = this.#pace.take(request.origin.subscriber, request.failedMs);
    this.#failIn(waitMs, request, failure);
  }

  /** After a stall many are due in the same moment, and who asked may be behind with reading. */
  #failDue(request: PendingRequest, failure: Failure): void {
    const { origin: { subscriber }, failedMs } = request;
    this.#failIn(this.#duePace.take(subscriber, this.#options.clock.now(), failedMs), request, failure);
  }

  #failIn(waitMs: number, request: PendingRequest, failure: Failure): void {
    if (waitMs === 0) return this.#tell(request, failure);
    // Under its old number, which nobody can answer: it has no target.
    const failed = new PendingRequest(request, this.#options.clock.now() + waitMs);
    failed.number = request.number;
    failed.failure = failure;
    failed.failedMs = request.failedMs;
    this.#pending.add(failed);
  }

  #tell({ origin, originId, destination: { topic, version } }: Call, error: Failure): void {
    this.#options.stats.failedRequests[error.code]++;
    this.#options.stats.answered(error.code);
    const header = { action: "response", topic, version, requestId: originId } as const;
    origin.subscriber.send(new HubMessage(header, encodeError(error)), "request");
  }
}

function unavailable(message: string): Failure {
  return { code: "SERVICE_UNAVAILABLE", message };
}

function noneTakes(topic: string): Failure {
  return unavailable(`Nobody who answers requests to ${topic} can take one now`);
}
