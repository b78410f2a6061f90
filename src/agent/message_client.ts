/**
 * Messages over whichever connection is up: publishes, questions, subscriptions and services that are registered again
 * after each new connection. What waits for an answer when a connection ends fails once and is never sent again; a
 * handler runs once for a message. Everything that waits is bounded. It knows nothing of connections but that they
 * send and receive text messages.
 */
import { TrunklineError } from "../core/errors.ts";
import { isTopic } from "../core/topic.ts";
import {
  encodeTextMessage,
  parseTextMessage,
  type TextHeader,
  type TextMessage,
} from "../wire/text_message.ts";
import type {
  MessageHandler,
  Messages,
  Payload,
  PublishResult,
  RequestHandler,
  ServeOptions,
  SubscribeOptions,
  Subscription,
} from "./messages.ts";
import { answerError, lateError, lostError, offlineError, stoppedError } from "./message_errors.ts";
import type { MessageSender, SendLane } from "./message_sender.ts";
import { PendingAnswers } from "./pending_answers.ts";
import { Room } from "./room.ts";
import { Service } from "./service.ts";
import { Subscriptions } from "./subscriptions.ts";

/** How the client presents itself to the hub. */
export interface ServiceDescription {
  readonly name: string;
  readonly description: string;
}

/** What a client is made of. */
export interface MessageClientOptions {
  /** Registers as a service at each connection. @default it does not */
  readonly registerAs?: ServiceDescription;
  /** Questions that may be open at a time. @default 1000 */
  readonly maxOutstanding?: number;
  /** How long the hub may take to answer what has no time of its own, in milliseconds. @default 10_000 */
  readonly answerTimeoutMs?: number;
  /** Told of what nobody else is told of: a handler that failed, a message that was dropped, a refusal. */
  readonly onProblem: (error: TrunklineError) => void;
  /** Nothing is asked and nothing is answered any more. */
  readonly onIdle?: () => void;
}

const MAX_OUTSTANDING = 1000;
const ANSWER_TIMEOUT_MS = 10_000;
/** How much longer than the hub is waited for an answer that has a time of its own: the hub tells of it. */
const TIMEOUT_GRACE_MS = 2000;
/** The longest delay that a timer takes. */
const MAX_TIMER_MS = 0x7fff_ffff;
/** Answers that may wait for room: a hub that asks and does not read gets no more of this process than that. */
const MAX_WAITING_ANSWERS = 1000;
const MAX_WAITING_ANSWER_BYTES = 64 * 1024 * 1024;
const ALIVE = JSON.stringify({ status: "success" });

/** What goes back to whoever asked. */
interface Answer {
  readonly header: TextHeader;
  readonly payload: Payload;
  /** Whether somebody worked for it. */
  readonly isOwed: boolean;
}

/** The messages of one program. */
export class MessageClient implements Messages {
  readonly #options: MessageClientOptions;
  readonly #pending = new PendingAnswers();
  readonly #room = new Room();
  readonly #subscriptions: Subscriptions;
  /** Requests of others that are being answered. */
  #answering = 0;
  /** Answers that wait for room. */
  readonly #waiting = { answers: 0, bytes: 0 };
  #sender: MessageSender | null = null;
  #isStopped = false;

  constructor(options: MessageClientOptions) {
    this.#options = options;
    this.#subscriptions = new Subscriptions({
      ask: (topic, content) => this.#askHub(topic, content),
      whenRoom: () => this.#room.wait(),
      isUp: (sender) => this.#sender === sender,
      onProblem: options.onProblem,
    });
  }

  /** Whether something is asked or answered at the moment. */
  get isBusy(): boolean {
    return this.#pending.size > 0 || this.#answering > 0;
  }

  /** A connection is there: everything that is wanted is registered on it. */
  connected(sender: MessageSender): void {
    if (this.#isStopped) return;
    this.#sender = sender;
    this.#room.open();
    const { registerAs } = this.#options;
    if (registerAs !== undefined) this.#register(registerAs);
    this.#subscriptions.connected(sender);
  }

  /** The connection is over; another one may come. */
  disconnected(): void {
    if (this.#sender === null) return;
    this.#sender = null;
    this.#subscriptions.disconnected();
    this.#pending.failAll(lostError());
    // Who waits for room on this connection waits in vain.
    this.#room.open();
  }

  /** There may be room again. */
  drained(): void {
    this.#room.open();
  }

  /** Ends everything; there will be no connection any more. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.disconnected();
    this.#subscriptions.stop();
    this.#room.close();
  }

  /** Takes a message of the hub. */
  received(bytes: Uint8Array): void {
    const message = parseTextMessage(bytes, { maxTimeoutMs: Number.MAX_SAFE_INTEGER });
    if (message.kind === "malformed") {
      return this.#problem("request_failed", `Cannot read a message of the hub: ${message.message}`);
    }
    switch (message.action) {
      case "publish":
        return this.#subscriptions.published(message);
      case "request":
        return this.#asked(message);
      case "response":
        return this.#answered(message);
    }
  }

  publish(topic: string, payload: Payload): PublishResult {
    checkTopic(topic);
    const sender = this.#sender;
    if (sender === null) return "offline";
    this.#checkSize(topic, payload);
    return send(sender, { action: "publish", topic }, { payload, lane: "publish" }) ? "queued" : "full";
  }

  async room(): Promise<void> {
    await this.#room.wait();
    if (this.#isStopped) throw stoppedError();
  }

  async deliver(topic: string, payload: Payload): Promise<void> {
    await this.#ask({ action: "publish", topic }, payload);
  }

  async request(
    topic: string,
    payload: Payload,
    { timeoutMs }: { timeoutMs?: number } = {},
  ): Promise<Uint8Array> {
    const header = { action: "request", topic, ...(timeoutMs === undefined ? {} : { timeoutMs }) } as const;
    return await this.#ask(header, payload);
  }

  subscribe(pattern: string, handler: MessageHandler, options: SubscribeOptions = {}): Promise<Subscription> {
    return this.#subscriptions.subscribe(pattern, handler, options);
  }

  serve(pattern: string, handler: RequestHandler, options: ServeOptions = {}): Promise<Subscription> {
    const service = new Service(handler, {
      onProblem: this.#options.onProblem,
      begin: () => this.#beginAnswer(),
      end: () => this.#endAnswer(),
    });
    return this.#subscriptions.serve(pattern, service, options);
  }

  /** Asks whoever answers; within the bound of what may be open. */
  async #ask(header: Omit<TextHeader, "requestId">, payload: Payload): Promise<Uint8Array> {
    checkTopic(header.topic);
    this.#checkSize(header.topic, payload);
    const { maxOutstanding = MAX_OUTSTANDING } = this.#options;
    if (this.#pending.size >= maxOutstanding) {
      throw new TrunklineError(
        "request_failed",
        `Cannot ask ${header.topic}: ${maxOutstanding} answers are open`,
        {
          details: { code: "LIMIT_REACHED" },
        },
      );
    }
    return await this.#exchange(header, payload);
  }

  #askHub(topic: string, content: Readonly<Record<string, unknown>>): Promise<Uint8Array> {
    return this.#exchange({ action: "request", topic }, JSON.stringify(content));
  }

  async #exchange(header: Omit<TextHeader, "requestId">, payload: Payload): Promise<Uint8Array> {
    const sender = this.#sender;
    const { topic, timeoutMs = null } = header;
    if (sender === null) throw this.#isStopped ? stoppedError() : offlineError(topic);
    const requestId = crypto.randomUUID();
    if (!send(sender, { ...header, requestId }, { payload, lane: "request" })) {
      throw new TrunklineError("request_failed", `Cannot ask ${topic}: the connection takes no more now`, {
        details: { code: "FULL" },
      });
    }
    const waitMs = timeoutMs === null
      ? this.#options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS
      : Math.min(timeoutMs + TIMEOUT_GRACE_MS, MAX_TIMER_MS);
    try {
      const late = () => lateError(topic, waitMs);
      const answer = await this.#pending.wait(requestId, { timeoutMs: waitMs, late });
      const error = answerError(topic, answer);
      if (error !== null) throw error;
      return answer;
    } finally {
      this.#tellIfIdle();
    }
  }

  #answered({ requestId, topic, payload }: TextMessage): void {
    if (requestId !== null && this.#pending.answered(requestId, payload)) return;
    // A notice about something that has no id, or an answer that comes too late; only an error is worth a word.
    const error = answerError(topic, payload);
    if (error !== null) this.#options.onProblem(error);
  }

  #asked(message: TextMessage): void {
    const sender = this.#sender;
    if (sender === null) return;
    const { topic, topicKey, version, requestId } = message;
    const header: TextHeader = { action: "response", topic, version, requestId };
    const respond = (payload: Payload, isOwed: boolean) => this.#respond(sender, { header, payload, isOwed });
    const answer = (payload: Payload) => respond(payload, true);
    const refuse = (payload: Payload) => respond(payload, false);
    if (topicKey === "system.heartbeat") return void refuse(ALIVE);
    const isUp = () => this.#sender === sender;
    this.#subscriptions.asked(message, { answer, refuse, isUp, maxPayloadBytes: sender.maxPayloadBytes });
  }

  /**
   * Waits for room, as long as whoever asked can be reached. Where too much waits, what is not owed is dropped, and
   * with what is owed the hub is too slow.
   */
  async #respond(sender: MessageSender, { header, payload, isOwed }: Answer): Promise<void> {
    if (header.requestId === null || this.#sender !== sender) return;
    const bytes = encodeTextMessage(header, payload);
    const options = { lane: "request", isText: typeof payload === "string" } as const;
    if (sender.send(bytes, options)) return;
    const waiting = this.#waiting;
    if (waiting.answers >= MAX_WAITING_ANSWERS || waiting.bytes + bytes.length > MAX_WAITING_ANSWER_BYTES) {
      return isOwed ? sender.overflow() : undefined;
    }
    waiting.answers++;
    waiting.bytes += bytes.length;
    do await this.#room.wait(); while (this.#sender === sender && !sender.send(bytes, options));
    waiting.answers--;
    waiting.bytes -= bytes.length;
  }

  #register({ name, description }: ServiceDescription): void {
    this.#askHub("system.service.register", { name, description }).catch((error: TrunklineError) => {
      if (error.code !== "connection_lost") this.#options.onProblem(error);
    });
  }

  #beginAnswer(): void {
    this.#answering++;
  }

  #endAnswer(): void {
    this.#answering--;
    this.#tellIfIdle();
  }

  #tellIfIdle(): void {
    if (!this.isBusy) this.#options.onIdle?.();
  }

  #checkSize(topic: string, payload: Payload): void {
    const most = this.#sender?.maxPayloadBytes ?? null;
    if (most === null || payload.length * 3 <= most) return;
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload).length : payload.length;
    if (bytes <= most) return;
    const message = `Cannot send to ${topic}: the payload has ${bytes} bytes, the hub takes ${most}`;
    throw new TrunklineError("request_failed", message, { details: { code: "PAYLOAD_TOO_LARGE" } });
  }

  #problem(code: TrunklineError["code"], message: string): void {
    this.#options.onProblem(new TrunklineError(code, message));
  }
}

function send(
  sender: MessageSender,
  header: TextHeader,
  { payload, lane }: { payload: Payload; lane: SendLane },
): boolean {
  return sender.send(encodeTextMessage(header, payload), { lane, isText: typeof payload === "string" });
}

function checkTopic(topic: string): void {
  if (isTopic(topic)) return;
  throw new TrunklineError("usage", `Cannot send to ${JSON.stringify(topic)}: it is no topic`);
}
