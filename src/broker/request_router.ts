/**
 * Requests and their answers in one tenant: each request goes to one service, and whoever asked gets exactly one
 * answer, whatever becomes of the two: the service's, or an error of the hub.
 */
import type { Clock } from "../core/ports.ts";
import type { TextMessage } from "../wire/text_message.ts";
import { type BrokerError, encodeError } from "./broker_error.ts";
import type { BrokerStats } from "./broker_stats.ts";
import { FailurePace } from "./failure_pace.ts";
import type { MessageTaps } from "./message_taps.ts";
import { ExchangedMessage, HubMessage } from "./outgoing.ts";
import { type Call, type PendingRequest, PendingRequests, type RequestContent } from "./pending_requests.ts";
import type { Subscriber } from "./subscription.ts";
import type { Responder, SubscriptionManager } from "./subscription_manager.ts";

/** What a router of requests works with. */
export interface RequestRouterOptions {
  readonly subscriptions: SubscriptionManager;
  readonly stats: BrokerStats;
  readonly clock: Clock;
  /** How long an answer may take when the request does not say. */
  readonly timeoutMs: number;
  /** Whether a request is tried once more when the service that has it goes away. */
  readonly failover: boolean;
  readonly maxOutstanding: number;
  /** Told how long an answer took, in seconds. */
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
  readonly #pace = new FailurePace();
  /** Who left. A message to somebody may end others, so that they leave in the middle of everything here. */
  readonly #gone = new WeakSet<Subscriber>();
  /** Requests whose service is gone and that were not seen to yet. */
  readonly #orphans: PendingRequest[] = [];
  #isSeeingToOrphans = false;
  #isDraining = false;
  /** When each service was given its last request, counted in requests. */
  readonly #lastTurns = new WeakMap<Subscriber, number>();
  #turn = 0;

  constructor(options: RequestRouterOptions) {
    this.#options = options;
    this.#pending = new PendingRequests(options.clock, (request) => {
      if (request.failure !== null) return this.#tell(request, request.failure);
      const seconds = Math.round(request.deadlineMs - request.startedMs) / 1000;
      const message = `No answer to ${request.topic} within ${seconds} s`;
      this.#fail(request, { code: "TIMEOUT", message });
    });
  }

  /** How many requests wait for their answer. */
  get outstanding(): number {
    return this.#pending.size;
  }

  /** Whether somebody waits for an answer or owes one. */
  isBusy(party: Subscriber): boolean {
    return this.#pending.isBusy(party);
  }

  /** Sends a request on; gives what its sender is to be told if that cannot be done. */
  request(origin: Subscriber, message: TextMessage, isKnownText: boolean): BrokerError | null {
    const { subscriptions, maxOutstanding } = this.#options;
    if (this.#isDraining) return unavailable("The hub stops and takes no new requests");
    const { responders } = subscriptions.route(message.topicKey);
    if (responders.length === 0) {
      return { code: "NO_ROUTE_FOUND", message: `Nobody answers requests to ${message.topic}` };
    }
    const { requestId, topic } = message;
    if (requestId === null) return this.#deliver(responders, message, { origin, isKnownText });
    if (this.#pending.isWaiting(origin, requestId)) {
      const text = `Cannot send request ${requestId}: another one of this id waits for its answer`;
      return { code: "INVALID_REQUEST", message: text, details: { field: "requestId" } };
    }
    if (this.#pending.size >= maxOutstanding) {
      return unavailable(`Cannot take a request: ${maxOutstanding} wait for their answers already`);
    }
    const { topicKey, version, payload, timeoutMs } = message;
    const content = { topicKey, payload, timeoutMs, isKnownText };
    const startedMs = this.#options.clock.now();
    const deadlineMs = startedMs + (timeoutMs ?? this.#options.timeoutMs);
    const call = { origin, originId: requestId, topic, version, startedMs, deadlineMs };
    if (!this.#try(call, content, { again: this.#keep(content) })) return noneTakes(topic);
    this.#options.stats.requests++;
    return null;
  }

  /** Sends a response back; gives what its sender is to be told if nobody waits for it. */
  response(target: Subscriber, message: TextMessage, isKnownText: boolean): BrokerError | null {
    const { stats, clock, onAnswered, taps } = this.#options;
    const match = message.requestId === null
      ? { kind: "unknown" } as const
      : this.#pending.answer(target, message.requestId);
    switch (match.kind) {
      case "late":
        stats.lateResponses++;
        return null;
      case "unknown": {
        const text =
          `Cannot route a response to ${message.topic}: no request of this id waits for one of you`;
        return { code: "INVALID_REQUEST_ID", message: text };
      }
      case "pending": {
        const { request } = match;
        const { topic, version, originId } = request;
        const header = { action: "response", topic, version, requestId: originId } as const;
        const answer = new ExchangedMessage(header, message.payload, isKnownText);
        if (request.origin.send(answer, "request") === "queued") stats.responses++;
        onAnswered((clock.now() - request.startedMs) / 1000);
        if (taps?.isActive === true) {
          const ids = {
            requestId: originId,
            targetId: request.targetId,
            from: target.id,
            to: request.origin.id,
          };
          taps.show({ action: "response", topic, version, ...ids, payload: message.payload });
        }
        return null;
      }
    }
  }

  /**
   * Somebody is gone, with his subscriptions: who waits for his answers is told, or the request is tried elsewhere.
   * Whoever is told may be too slow for it and leave too; all of them are seen to here, one after the other.
   */
  leave(party: Subscriber): void {
    this.#gone.add(party);
    for (const request of this.#pending.leave(party)) this.#orphans.push(request);
    if (this.#isSeeingToOrphans) return;
    this.#isSeeingToOrphans = true;
    try {
      // What is added meanwhile is seen to as well.
      for (const request of this.#orphans) {
        if (this.#tryAgain(request)) continue;
        this.#fail(request, unavailable(`The service that had the request to ${request.topic} is gone`));
      }
    } finally {
      this.#orphans.length = 0;
      this.#isSeeingToOrphans = false;
    }
  }

  /** Takes no new requests from now on. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Delivers a request that nobody wants an answer to. */
  #deliver(
    responders: readonly Responder[],
    { topic, version, payload }: TextMessage,
    { origin, isKnownText }: { origin: Subscriber; isKnownText: boolean },
  ): BrokerError | null {
    const sent = new ExchangedMessage({ action: "request", topic, version }, payload, isKnownText);
    const target = this.#offer(responders, (one) => one.send(sent, "request") === "queued");
    if (target === null) return noneTakes(topic);
    const { stats, taps } = this.#options;
    stats.requests++;
    if (taps?.isActive === true) {
      taps.show({ action: "request", topic, version, from: origin.id, to: target.id, payload });
    }
    return null;
  }

  /** Sends a request to the best service that takes it; whether there was one, or nobody waits any more. */
  #try(call: Call, content: RequestContent, { again }: { again: RequestContent | null }): boolean {
    const { origin, originId, topic, version } = call;
    const { topicKey, payload, timeoutMs, isKnownText } = content;
    const { responders } = this.#options.subscriptions.route(topicKey);
    let targetId = "";
    const target = this.#offer(responders, (one) => {
      if (this.#gone.has(origin)) return true;
      targetId = crypto.randomUUID();
      const ids = { requestId: targetId, parentRequestId: originId, timeoutMs };
      const header = { action: "request", topic, version, ...ids } as const;
      return one.send(new ExchangedMessage(header, payload, isKnownText), "request") === "queued";
    });
    if (this.#gone.has(origin)) return true;
    if (target === null) return false;
    this.#pending.add({ ...call, targetId, target, again, failure: null });
    const { taps } = this.#options;
    if (taps?.isActive === true) {
      const ids = { requestId: originId, targetId, timeoutMs, from: origin.id, to: target.id };
      taps.show({ action: "request", topic, version, ...ids, payload });
    }
    return true;
  }

  /** Nobody else is put to work for a request whose time is over. */
  #tryAgain({ again, ...call }: PendingRequest): boolean {
    if (again === null || this.#isDraining || call.deadlineMs <= this.#options.clock.now()) return false;
    return this.#try(call, again, { again: null });
  }

  /** What is kept of a request for another try. Of bytes that came, a part may hold on to much more. */
  #keep(content: RequestContent): RequestContent | null {
    const { payload } = content;
    if (!this.#options.failover || this.#pending.keptBytes + payload.length > MAX_KEPT_BYTES) return null;
    return { ...content, payload: payload.slice() };
  }

  /** Offers a request to one after the other, the best first; gives who took it. */
  #offer(responders: readonly Responder[], take: (target: Subscriber) => boolean): Subscriber | null {
    const tried = new Set<Subscriber>();
    for (;;) {
      const target = this.#choose(responders, tried);
      if (target === null) return null;
      this.#lastTurns.set(target, ++this.#turn);
      if (take(target)) return target;
      tried.add(target);
    }
  }

  /** Of the highest priority that is left, the one who owes the fewest answers; equals take turns. */
  #choose(responders: readonly Responder[], tried: ReadonlySet<Subscriber>): Subscriber | null {
    let best: Responder | null = null;
    let fewest = 0;
    let longestAgo = 0;
    for (const one of responders) {
      if (best !== null && one.priority < best.priority || tried.has(one.subscriber)) continue;
      const owed = this.#pending.owedBy(one.subscriber);
      const lastTurn = this.#lastTurns.get(one.subscriber) ?? 0;
      const isBetter = best === null || one.priority > best.priority || owed < fewest ||
        owed === fewest && lastTurn < longestAgo;
      if (!isBetter) continue;
      best = one;
      fewest = owed;
      longestAgo = lastTurn;
    }
    return best?.subscriber ?? null;
  }

  /** There will be no answer: tells who asked, at once or when it is his turn. */
  #fail(request: PendingRequest, failure: BrokerError): void {
    if (this.#gone.has(request.origin)) return;
    const nowMs = this.#options.clock.now();
    const waitMs = this.#pace.take(request.origin, nowMs);
    if (waitMs === 0) this.#tell(request, failure);
    else this.#pending.add({ ...request, target: null, again: null, failure, deadlineMs: nowMs + waitMs });
  }

  #tell({ origin, originId, topic, version }: Call, error: BrokerError): void {
    this.#options.stats.answered(error.code);
    const header = { action: "response", topic, version, requestId: originId } as const;
    origin.send(new HubMessage(header, encodeError(error)), "request");
  }
}

function unavailable(message: string): BrokerError {
  return { code: "SERVICE_UNAVAILABLE", message };
}

function noneTakes(topic: string): BrokerError {
  return unavailable(`Nobody who answers requests to ${topic} can take one now`);
}
