/**
 * Registers at the hub what a client wants, again at each new connection, and hands what comes to whom it is for.
 * Handlers wait in bounded queues: a publish that does not fit is dropped and told, a request is refused.
 */
import { messageOf, TrunklineError } from "../core/errors.ts";
import { isTopicPattern } from "../core/topic.ts";
import { keptOf } from "../core/views.ts";
import { Backoff } from "../limits/backoff.ts";
import { WorkQueue } from "../limits/work_queue.ts";
import { readJsonObject } from "../wire/error_payload.ts";
import type { TextMessage } from "../wire/text_message.ts";
import { stoppedError } from "./message_errors.ts";
import type { MessageSender } from "./message_sender.ts";
import type { MessageHandler, ServeOptions, SubscribeOptions, Subscription } from "./messages.ts";
import { type Registration, Registrations } from "./registrations.ts";
import { type Answering, refuse, type Service } from "./service.ts";

/** What subscriptions need of their client. */
export interface SubscriptionPorts {
  /** Asks the hub itself. */
  readonly ask: (topic: string, content: Readonly<Record<string, unknown>>) => Promise<Uint8Array>;
  readonly whenRoom: () => Promise<void>;
  /** Whether this connection is the one that is there. */
  readonly isUp: (sender: MessageSender) => boolean;
  readonly onProblem: (error: TrunklineError) => void;
}

/** What one subscription lets wait for its handler. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** What a message that waits holds beside its topic and its payload. */
const WAITING_OVERHEAD_BYTES = 512;
const CONCURRENCY = 16;
const GAP_TOPIC = "system.topic.gap";

/** What a published message is handled by. */
interface Handling {
  readonly handler: MessageHandler;
  readonly queue: WorkQueue;
  readonly onLost: (topic: string, messages: number) => void;
}

/** The attempts to register something on one connection. */
interface Attempts {
  readonly sender: MessageSender;
  readonly backoff: Backoff;
}

/** All of one client. */
export class Subscriptions {
  readonly #ports: SubscriptionPorts;
  readonly #registrations = new Registrations();
  readonly #services = new Map<Registration, Service>();
  /** Registrations that the hub did not take, until they are tried again. */
  readonly #retries = new Map<Registration, ReturnType<typeof setTimeout>>();
  #sender: MessageSender | null = null;
  #isStopped = false;

  constructor(ports: SubscriptionPorts) {
    this.#ports = ports;
  }

  /** Gets what is published; see `Messages`. */
  async subscribe(
    pattern: string,
    handler: MessageHandler,
    options: SubscribeOptions,
  ): Promise<Subscription> {
    const { group = null, onLost = () => {} } = options;
    const queue = queueOf(1);
    return await this.#add({
      action: "publish",
      ...patternOf(pattern),
      group,
      priority: 0,
      queue,
      handle: (message) => this.#handle(message, { handler, queue, onLost }),
      lost: onLost,
      settled: null,
    }, null);
  }

  /** Answers requests; see `Messages`. */
  async serve(pattern: string, service: Service, options: ServeOptions): Promise<Subscription> {
    const { group = null, priority = 0, concurrency = CONCURRENCY } = options;
    return await this.#add({
      action: "request",
      ...patternOf(pattern),
      group,
      priority,
      queue: queueOf(concurrency),
      handle: () => {},
      lost: () => {},
      settled: null,
    }, service);
  }

  /** Registers everything on a new connection. */
  connected(sender: MessageSender): void {
    this.#sender = sender;
    for (const registration of this.#registrations) void this.#register(registration, newAttempts(sender));
  }

  /** The connection is over: nothing is registered on it any more. */
  disconnected(): void {
    for (const timer of this.#retries.values()) clearTimeout(timer);
    this.#retries.clear();
  }

  /** Something was published. */
  published(message: TextMessage): void {
    if (message.topicKey === GAP_TOPIC) this.#lost(message);
    for (const { handle } of this.#registrations.of("publish", message.topicKey)) handle(message);
  }

  /** Somebody asks. */
  asked(message: TextMessage, answering: Answering): void {
    const found = this.#registrations.of("request", message.topicKey);
    let best = found[0];
    for (const one of found) if (best !== undefined && one.priority > best.priority) best = one;
    const service = best === undefined ? undefined : this.#services.get(best);
    // It was served until a moment ago.
    if (best === undefined || service === undefined) return refuse(answering, "Nobody answers this any more");
    const { topic, parentRequestId: id, timeoutMs } = message;
    const payload = payloadFor(best.queue, message);
    const { maxPayloadBytes } = answering;
    const asked = { topic, id, payload, timeoutMs, maxPayloadBytes };
    const job = service.job(asked, { bytes: heldBytesOf(message), answering });
    if (best.queue.offer(job)) return;
    job.giveUp();
    refuse(answering, "The service is busy");
  }

  /** Nothing is wanted any more. */
  stop(): void {
    this.#isStopped = true;
    for (const registration of this.#registrations) registration.settled?.(stoppedError());
    this.#registrations.clear();
    this.#services.clear();
  }

  async #add(registration: Registration, service: Service | null): Promise<Subscription> {
    const { action, topic } = registration;
    if (this.#isStopped) throw stoppedError();
    if (!this.#registrations.add(registration)) {
      const what = action === "publish" ? "subscribe to" : "serve";
      throw new TrunklineError("usage", `Cannot ${what} ${topic} twice; end the first one before`);
    }
    if (service !== null) this.#services.set(registration, service);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    registration.settled = (error) => error === null ? resolve() : reject(error);
    const sender = this.#sender;
    if (sender !== null && this.#ports.isUp(sender)) {
      void this.#register(registration, newAttempts(sender));
    }
    await promise;
    return { topic, unsubscribe: () => this.#remove(registration) };
  }

  async #remove(registration: Registration): Promise<void> {
    const sender = this.#sender;
    if (!this.#forget(registration)) return;
    const { action, topic } = registration;
    // A hub that has no connection to us has no subscription of ours; one that was made again meanwhile stays.
    while (sender !== null && this.#ports.isUp(sender) && !this.#registrations.hasLike(registration)) {
      try {
        return void await this.#ports.ask("system.topic.unsubscribe", { action, topic });
      } catch (error) {
        if (isLost(error)) return;
        if (!isFull(error)) throw error;
      }
      await this.#ports.whenRoom();
    }
  }

  async #register(registration: Registration, attempts: Attempts): Promise<void> {
    const { sender } = attempts;
    const { action, topic, group, priority } = registration;
    const content = {
      action,
      topic,
      ...(group === null ? {} : { group }),
      ...(priority === 0 ? {} : { priority }),
    };
    while (this.#ports.isUp(sender) && this.#registrations.has(registration)) {
      try {
        await this.#ports.ask("system.topic.subscribe", content);
        registration.settled?.(null);
        registration.settled = null;
        return;
      } catch (error) {
        if (isLost(error)) return;
        if (!isFull(error)) return this.#failed(registration, attempts, error);
      }
      await this.#ports.whenRoom();
    }
  }

  /**
   * Who was never let in is told so; who was once is let in again perhaps in a while, or at the next connection where
   * the hub says no for good.
   */
  #failed(registration: Registration, attempts: Attempts, error: unknown): void {
    const { settled, topic } = registration;
    if (settled !== null) {
      this.#forget(registration);
      return settled(error instanceof Error ? error : new Error(String(error)));
    }
    const { sender, backoff } = attempts;
    if (!this.#ports.isUp(sender) || !this.#registrations.has(registration)) return;
    const message = `Cannot subscribe to ${topic} again: ${messageOf(error)}`;
    this.#ports.onProblem(new TrunklineError("request_failed", message, { cause: error }));
    if (isFinal(error)) return;
    const timer = setTimeout(() => {
      this.#retries.delete(registration);
      void this.#register(registration, attempts);
    }, backoff.next("transient", retryAfterOf(error)));
    this.#retries.set(registration, timer);
  }

  #forget(registration: Registration): boolean {
    this.#services.delete(registration);
    clearTimeout(this.#retries.get(registration));
    this.#retries.delete(registration);
    return this.#registrations.delete(registration);
  }

  #handle(message: TextMessage, { handler, queue, onLost }: Handling): void {
    const { topic, requestId: id } = message;
    const payload = payloadFor(queue, message);
    const run = async () => {
      try {
        await handler({ topic, id, payload });
      } catch (thrown) {
        const text = `Cannot handle a message of ${topic}: ${messageOf(thrown)}`;
        this.#ports.onProblem(new TrunklineError("request_failed", text, { cause: thrown }));
      }
    };
    if (queue.offer({ bytes: heldBytesOf(message), run })) return;
    onLost(topic, 1);
    const text = `Cannot keep a message of ${topic}: too many wait for its handler`;
    this.#ports.onProblem(new TrunklineError("request_failed", text));
  }

  #lost({ payload }: TextMessage): void {
    const { topic, dropped } = readJsonObject(payload) ?? {};
    if (typeof topic !== "string" || typeof dropped !== "number") return;
    for (const { lost } of this.#registrations.of("publish", topic.toLowerCase())) lost(topic, dropped);
  }
}

function patternOf(topic: string): { topic: string; topicKey: string } {
  if (isTopicPattern(topic)) return { topic, topicKey: topic.toLowerCase() };
  throw new TrunklineError(
    "usage",
    `Cannot subscribe to ${JSON.stringify(topic)}: it is no pattern of topics`,
  );
}

function queueOf(concurrency: number): WorkQueue {
  return new WorkQueue({ concurrency, maxWaiting: MAX_WAITING, maxWaitingBytes: MAX_WAITING_BYTES });
}

/** What a handler gets: a copy where it has to wait, which keeps nothing alive of all else that was read with it. */
function payloadFor(queue: WorkQueue, { payload }: TextMessage): Uint8Array {
  return queue.isBusy ? keptOf(payload) : payload;
}

function heldBytesOf({ topic, payload }: TextMessage): number {
  return topic.length + payload.length + WAITING_OVERHEAD_BYTES;
}

function isLost(error: unknown): boolean {
  return error instanceof TrunklineError && error.code === "connection_lost";
}

function newAttempts(sender: MessageSender): Attempts {
  return { sender, backoff: new Backoff({ random: Math.random }) };
}

/** Whether the hub would say the same again. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof TrunklineError)) return false;
  const { code } = error.details;
  return error.code === "refused" || (typeof code === "string" && code.startsWith("INVALID_"));
}

/** When the hub wants to be asked again, in milliseconds from now. */
function retryAfterOf(error: unknown): number {
  const retryAfterMs = error instanceof TrunklineError ? error.details["retryAfterMs"] : null;
  return typeof retryAfterMs === "number" ? retryAfterMs : 0;
}

/** Whether there was no room to ask. */
function isFull(error: unknown): boolean {
  return error instanceof TrunklineError && error.details["code"] === "FULL";
}
