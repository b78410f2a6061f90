/**
 * One connection as the broker sees it: reads its messages, hands them to the router or to the system topics,
 * answers, and counts what it does against its limits. Whatever a peer sends is answered or counted, never thrown.
 */
import { CloseCode } from "../core/close_codes.ts";
import { isSystemTopic } from "../core/topic.ts";
import type { Connection, ConnectionUser } from "../hub/connection.ts";
import { retryWhenFull } from "../limits/connection_quota.ts";
import { FaultBudget } from "../limits/fault_budget.ts";
import type { MalformedMessage } from "../wire/malformed_message.ts";
import { parseTextMessage, type TextMessage } from "../wire/text_message.ts";
import type { KeptMessage } from "../store/message_store.ts";
import { AUTHENTICATE, Authentication, LOGIN_NEEDED } from "./authentication.ts";
import { type BrokerError, encodeError } from "./broker_error.ts";
import type { BrokerParts } from "./broker_parts.ts";
import { keepingError, keptAnswer, NOT_KEPT } from "./kept_answers.ts";
import { cutList } from "./listings.ts";
import type { MessageTaps } from "./message_taps.ts";
import { HubMessage } from "./outgoing.ts";
import { RightCache } from "./right_cache.ts";
import { MAX_OVER_RATE, rateLimited, SendRates } from "./send_rates.ts";
import type { Registrant, SystemResult } from "./system_handler.ts";
import { SLOW_REQUEST_COST } from "./system_topics.ts";
import type { Service, ServiceDescription } from "./service_registry.ts";
import type { KeepingPublisher, KeptResult } from "./tenant_archive.ts";
import type { TenantSpace } from "./tenant_space.ts";

/** How a message came, and where. */
interface Arrival {
  readonly connection: Connection;
  readonly space: TenantSpace;
  /** Whether its payload was found to be valid UTF-8 already. */
  readonly isKnownText: boolean;
}

/** What an answer needs to know of its message. */
type Answered = Pick<TextMessage, "topic" | "version" | "requestId">;

const SUCCESS = JSON.stringify({ status: "success" });
/** The major version of the system topics. */
const SYSTEM_MAJOR = 1;

/** A connection that speaks text messages. */
export class BrokerSession implements ConnectionUser, Registrant, KeepingPublisher {
  readonly maxMessageBytes: number;
  /** Who publishes here, over all connections of the same login. */
  who = "";
  /** What it registered as; `null` while it did not. */
  #service: Service | null = null;
  readonly #parts: BrokerParts;
  #connection: Connection | null = null;
  #space: TenantSpace | null = null;
  #rights: RightCache | null = null;
  /** Made with the first login by message. */
  #authentication: Authentication | null = null;
  readonly #rates: SendRates;
  /** Made with the first malformed message. */
  #faults: FaultBudget | null = null;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.#rates = new SendRates(parts.limits, parts.cachedClock);
    this.maxMessageBytes = parts.limits.maxMessageBytes;
  }

  arrived(connection: Connection): void {
    this.#connection = connection;
    this.#tell("system.initialize", this.#parts.greeting(connection.id));
  }

  opened(connection: Connection): void {
    const { principal } = connection;
    if (principal === null) return;
    this.#rights = new RightCache(principal.rights);
    this.who = JSON.stringify([principal.account, principal.subject]);
    this.#space = this.#parts.spaces.enter(principal.tenant, connection);
  }

  /** What the new rights do not hold any more ends, and its subscriber is told. */
  renewed(connection: Connection): void {
    const { principal } = connection;
    if (principal === null || this.#space === null) return;
    const { permissions, logs } = this.#parts;
    this.#rights = new RightCache(principal.rights);
    if (!principal.rights.isAdmin) logs.unsubscribe(connection, this.#space.tenant);
    const ended = permissions.endForbidden(this.#space.subscriptions, connection, principal);
    if (ended.length === 0) return;
    const { kept, isCut } = cutList(ended);
    this.#tell("system.topic.revoked", { subscriptions: kept, ...(isCut ? { truncated: true } : {}) });
  }

  loginExpires(_connection: Connection, atMs: number): void {
    this.#tell("system.auth.expiring", { expiresAt: new Date(atMs).toISOString() });
  }

  /** Before its login somebody may log in and show that he lives. */
  receivedEarly(connection: Connection, data: Uint8Array): number {
    const message = parseTextMessage(data, this.#parts.limits);
    if (message.kind === "malformed") return this.#refuseMalformed(connection, message);
    const refusal = this.#checkForm(message);
    if (refusal !== null) return this.#refuse(message, refusal);
    const { action, topicKey } = message;
    if (action === "request" && topicKey === AUTHENTICATE) return this.#authenticate(connection, message);
    if (topicKey === "system.heartbeat" && action === "response") return 1;
    if (topicKey === "system.heartbeat" && action === "request") {
      return this.#finishRequest(message, { kind: "answer", answer: { status: "success" } });
    }
    return this.#refuse(message, LOGIN_NEEDED);
  }

  received(connection: Connection, data: Uint8Array, isBinary: boolean): number {
    const space = this.#space;
    if (space === null) return 0;
    if (this.#service !== null) space.services.heard(this.#service, this.#parts.cachedClock.now());
    const message = parseTextMessage(data, this.#parts.reading);
    if (message.kind === "malformed") return this.#refuseMalformed(connection, message);
    const fault = this.#checkForm(message);
    if (fault !== null) connection.quota?.chargeMessage();
    const refusal = fault ?? this.#checkPlace(message, connection);
    if (refusal !== null) return this.#refuse(message, refusal);
    switch (message.action) {
      case "publish":
        return this.#publish(message, space, !isBinary);
      case "request":
        return this.#request(message, { connection, space, isKnownText: !isBinary });
      case "response":
        return this.#response(message, { connection, space, isKnownText: !isBinary });
    }
  }

  closing(connection: Connection): void {
    if (this.#space !== null) this.#parts.logs.unsubscribe(connection, this.#space.tenant);
    this.#space?.subscriptions.remove(connection);
    this.#space?.requests.leave(connection);
    this.#space?.leave(connection);
    if (this.#service !== null) this.#space?.services.leave(this.#service, this.#parts.cachedClock.now());
    this.#service = null;
    this.#space = null;
    this.#connection = null;
    this.#rights = null;
  }

  register(description: ServiceDescription): void {
    if (this.#connection === null || this.#space === null) return;
    const nowMs = this.#parts.cachedClock.now();
    const nameBefore = this.#service?.description.name;
    this.#service = this.#space.services.register(this.#connection, description, nowMs);
    this.#space.requests.registered(this.#connection, description.name);
    const { events } = this.#parts;
    if (description.name !== nameBefore) {
      events.record({ kind: "service_registered", ...this.#connection.origin, name: description.name });
    }
  }

  /** Why a message is not handled, whoever sends it. */
  #checkForm(message: TextMessage): BrokerError | null {
    const { limits } = this.#parts;
    if (message.payload.length > limits.maxPayloadBytes) {
      const bytes = message.payload.length;
      const text = `The payload has ${bytes} bytes, at most ${limits.maxPayloadBytes} are allowed`;
      return { code: "PAYLOAD_TOO_LARGE", message: text, details: { limit: limits.maxPayloadBytes, bytes } };
    }
    if (message.action !== "request" || !isSystemTopic(message.topicKey)) return null;
    if (Number.parseInt(message.version) === SYSTEM_MAJOR) return null;
    const text = `Cannot answer version ${message.version} of ${message.topic}: version 1 is spoken here`;
    return { code: "VERSION_NOT_SUPPORTED", message: text, details: { supported: ["1.0.0"] } };
  }

  /** Why somebody who is logged in may not send a message there, or not now. What is forbidden is paid for too. */
  #checkPlace(message: TextMessage, connection: Connection): BrokerError | null {
    if (!isSystemTopic(message.topicKey)) {
      return this.#rates.check(message.action, connection) ?? this.#checkRight(message);
    }
    if (message.action !== "publish") return this.#checkSystemRate(message, connection);
    const text = `Cannot publish to ${message.topic}: topics under system are the hub's own`;
    return this.#rates.check("publish", connection) ?? { code: "FORBIDDEN", message: text };
  }

  /** Whether it may be sent there. Answers need no right: who was asked may answer. */
  #checkRight({ action, topic, topicKey }: TextMessage): BrokerError | null {
    if (action === "response" || this.#rights?.allows(action, topicKey) === true) return null;
    const connection = this.#connection;
    const principal = connection?.principal ?? null;
    if (connection === null || principal === null) return LOGIN_NEEDED;
    return this.#parts.permissions.denySend(topic, action, { connection, principal });
  }

  /** Signs of life and logins are always taken, and so is what an administrator asks of the hub. */
  #checkSystemRate({ topicKey }: TextMessage, { quota, principal }: Connection): BrokerError | null {
    const isFree = topicKey === "system.heartbeat" || topicKey === AUTHENTICATE ||
      principal?.rights.isAdmin === true;
    return quota === null || isFree ? null : this.#rates.checkQuota(quota);
  }

  /** What it costs to find who is subscribed is counted like deliveries: it may be as much. */
  #publish(message: TextMessage, space: TenantSpace, isKnownText: boolean): number {
    const { router, taps } = space;
    const before = space.spent;
    const tapped = taps.isActive ? router.nextId : null;
    const outcome = router.publish(message, isKnownText, this);
    if (tapped !== null && (outcome.kind === "routed" || outcome.kind === "kept")) {
      this.#tap(message, taps, tapped);
    }
    const cost = space.spent - before;
    if (outcome.kind === "rate_limited") {
      return cost + this.#refuse(message, rateLimited(`topic ${message.topic}`, outcome.retryAfterMs));
    }
    if (outcome.kind === "duplicate") return cost + 1;
    if (outcome.kind === "not_kept") return cost + this.#refuse(message, NOT_KEPT);
    const routed = cost + outcome.cost;
    if (outcome.kind === "kept") return routed + 1;
    if (outcome.receivers === 0) {
      const text = `Nobody is subscribed to ${message.topic}`;
      return routed + this.#refuseWithId(message, { code: "NO_ROUTE_FOUND", message: text });
    }
    if (message.requestId === null) return routed;
    this.#answer(message, SUCCESS);
    return routed + 1;
  }

  /** A message that is kept is answered when that is as safe as it gets. */
  kept(message: KeptMessage, result: KeptResult): void {
    const error = keepingError(message.topic, result);
    if (error !== null) this.#parts.stats.answered(error.code);
    this.#answer(message, error === null ? keptAnswer(message, result) : encodeError(error));
  }

  #request(message: TextMessage, arrival: Arrival): number {
    if (isSystemTopic(message.topicKey)) return this.#systemRequest(message, arrival);
    const { connection, space, isKnownText } = arrival;
    const before = space.spent;
    const error = space.requests.request(connection, message, isKnownText);
    const cost = space.spent - before + 1;
    return error === null ? cost : cost + this.#refuseWithId(message, error);
  }

  #systemRequest(message: TextMessage, { connection, space }: Arrival): number {
    if (message.topicKey === AUTHENTICATE) return this.#authenticate(connection, message);
    const { principal } = connection;
    if (principal === null) return 0;
    const before = space.spent;
    const result = this.#parts.systemTopics.handle(message, {
      registrant: this,
      connection,
      principal,
      space,
    });
    if (!(result instanceof Promise)) return this.#finishRequest(message, result) + space.spent - before;
    return this.#finishLater(message, result);
  }

  #authenticate(connection: Connection, message: TextMessage): number {
    this.#authentication ??= new Authentication(this.#parts.logins);
    return this.#finishLater(message, this.#authentication.handle(message.payload, connection));
  }

  /** Whatever fails meanwhile is answered and logged: nothing that a peer sends may end the hub. */
  #finishLater(message: TextMessage, result: Promise<SystemResult>): number {
    result.then((later) => this.#finishRequest(message, later)).catch((error) => {
      this.#finishRequest(message, this.#parts.systemTopics.failed(message, error));
    });
    return SLOW_REQUEST_COST;
  }

  #finishRequest(message: TextMessage, result: SystemResult): number {
    if (result.kind === "error") return this.#refuse(message, result.error);
    if (result.kind === "in_order") {
      return result.begin(
        message.requestId === null ? null : answerTo(message, JSON.stringify(result.answer)),
      );
    }
    if (message.requestId !== null) this.#answer(message, JSON.stringify(result.answer));
    result.after?.();
    return result.cost ?? 1;
  }

  #tap({ action, topic, version, payload, requestId }: TextMessage, taps: MessageTaps, id: string): void {
    taps.show({ action, topic, version, id, requestId, from: this.#connection?.id ?? "", payload });
  }

  /** The hub itself asks for nothing but signs of life, and any message is one. */
  #response(message: TextMessage, { connection, space, isKnownText }: Arrival): number {
    if (message.topicKey === "system.heartbeat") return 1;
    const before = space.spent;
    const error = space.requests.response(connection, message, isKnownText);
    return space.spent - before + (error === null ? 1 : this.#refuse(message, error));
  }

  /** Publishes to this connection alone. */
  #tell(topic: string, content: Readonly<Record<string, unknown>>): void {
    const header = { action: "publish", topic, requestId: crypto.randomUUID() } as const;
    this.#connection?.send(new HubMessage(header, JSON.stringify(content)), "control");
  }

  #answer(message: Answered, payload: string): void {
    this.#connection?.send(answerTo(message, payload), "request");
  }

  /** Answers with an error; gives what that costs. */
  #refuse(message: TextMessage, error: BrokerError): number {
    this.#parts.stats.answered(error.code);
    if (error.code === "RATE_LIMITED") return this.#refuseRate(message, error);
    this.#answer(message, encodeError(error));
    return 1;
  }

  /** Counts an error that a healthy client can cause, and answers those who gave an id. */
  #refuseWithId(message: TextMessage, error: BrokerError): number {
    if (message.requestId !== null) return this.#refuse(message, error);
    this.#parts.stats.answered(error.code);
    return 1;
  }

  #refuseRate(message: TextMessage, error: BrokerError): number {
    if (message.requestId !== null || this.#rates.mayNotice()) this.#answer(message, encodeError(error));
    if (!this.#rates.isPatient()) {
      const retryAfterMs = retryWhenFull();
      const reason = `More than ${MAX_OVER_RATE} messages a minute over the rate`;
      this.#connection?.close(CloseCode.rateLimited, reason, { retryAfterMs });
    }
    return 1;
  }

  #refuseMalformed(connection: Connection, { field, message, requestId }: MalformedMessage): number {
    const { stats, limits, cachedClock } = this.#parts;
    stats.answered("MALFORMED_MESSAGE");
    const header = { action: "response", topic: "system.error", requestId } as const;
    const error = { code: "MALFORMED_MESSAGE", message, details: { field } } as const;
    connection.send(new HubMessage(header, encodeError(error)), "request");
    if (this.#faults?.maxFaults !== limits.maxMalformed) this.#faults = new FaultBudget(limits.maxMalformed);
    if (!this.#faults.spend(cachedClock.now())) {
      connection.close(CloseCode.policy, "Too many malformed messages");
    }
    return 1;
  }
}

function answerTo({ topic, version, requestId }: Answered, payload: string): HubMessage {
  return new HubMessage({ action: "response", topic, version, requestId }, payload);
}
