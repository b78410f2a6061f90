/**
 * A thin client of a hub: calls that are answered or time out, messages and requests that were subscribed to, and
 * signs of life when the hub asks. Calls never throw: what came of one is a value.
 */
import { CloseCode } from "../core/close_codes.ts";
import { TrunklineError } from "../core/errors.ts";
import { formatDuration } from "../config/units.ts";
import type { MalformedMessage } from "../wire/malformed_message.ts";
import { parseTextMessage, type TextHeader, type TextMessage } from "../wire/text_message.ts";
import { isJsonObject, type JsonObject, readJsonObject, retryAfterOf } from "../wire/error_payload.ts";
import { dial } from "./dial.ts";
import { lockedOutError } from "./dial_error.ts";
import {
  type Answer,
  type AnswerError,
  expectSuccess,
  nextStepOf,
  readAnswer,
  readAnswerError,
  type Shown,
} from "./hub_answer.ts";
import type { HubTarget } from "./hub_target.ts";
import type { LinkEnd, MessageLink } from "./message_link.ts";
import { printable } from "../core/printable.ts";

/** What a client needs. */
export interface HubClientOptions {
  /** Tells a person something beside the result. */
  readonly warn: (line: string) => void;
  /** How long the hub may take to answer a call. @default 10_000 */
  readonly answerTimeoutMs?: number;
  /** Gives the connection to talk over. @default dials the hub */
  readonly open?: () => Promise<MessageLink>;
  /** Gets what was subscribed to, and notices such as `system.topic.gap`. */
  readonly onPublish?: (message: TextMessage) => void;
  /** Gets the requests of others, each with what answers it. */
  readonly onRequest?: (message: TextMessage, answering: Answering) => void;
  /** Told when the hub did not take the answer to a request of others. */
  readonly onAnswerRefused?: (refusal: AnswerError) => void;
}

/** The way back of a request. */
export interface Answering {
  /** The longest payload that the hub takes, in bytes; `null` if it has not said. */
  readonly maxPayloadBytes: number | null;
  /** Sends the payload that answers; nothing happens where the request has no id. */
  send(payload: Uint8Array): void;
}

/** A message that the hub has to answer; it gets an id of its own unless it has one. */
export interface Call {
  readonly action: "publish" | "request";
  readonly topic: string;
  readonly requestId?: string;
  /** Tells the hub, and whoever answers, how long that may take, in milliseconds. */
  readonly timeoutMs?: number;
  readonly payload: Uint8Array;
}

/** What came back for a message, unread. */
export type RawAnswer =
  | { readonly kind: "payload"; readonly payload: Uint8Array }
  | Extract<Answer, { kind: "none" }>;

/** How long an answer may take when nothing else is said. */
export const ANSWER_TIMEOUT_MS = 10_000;

const encoder = new TextEncoder();
const ALIVE = encoder.encode(JSON.stringify({ status: "success" }));
/** How much longer than the hub is waited for an answer that has a time-out of its own: the hub tells of it. */
const TIMEOUT_GRACE_MS = 2000;
/** The longest delay that a timer takes. */
const MAX_TIMER_MS = 0x7fff_ffff;

interface Waiting {
  readonly timer: ReturnType<typeof setTimeout>;
  readonly resolve: (answer: RawAnswer) => void;
}

/** One connection to a hub. */
export class HubClient {
  /** Resolves with an error that tells how the connection ended, once it did. */
  readonly ended: Promise<TrunklineError>;
  readonly #target: HubTarget;
  readonly #link: MessageLink;
  readonly #options: HubClientOptions;
  readonly #waiting = new Map<string, Waiting>();
  #lastWords: LinkEnd | null = null;
  #heardAnything = false;
  #maxPayloadBytes: number | null = null;
  #endError: TrunklineError | null = null;

  private constructor(target: HubTarget, link: MessageLink, options: HubClientOptions) {
    this.#target = target;
    this.#link = link;
    this.#options = options;
    this.ended = link.closed.then((end) => this.#finish(this.#lastWords ?? end));
    link.start((bytes) => this.#receive(bytes));
  }

  /** Dials and logs in. Throws `unreachable`, `refused`, or what came of the login. */
  static async connect(target: HubTarget, options: HubClientOptions): Promise<HubClient> {
    const link = await (options.open?.() ?? dial(target, { warn: options.warn }));
    const client = new HubClient(target, link, options);
    try {
      await client.#logIn();
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** The longest payload that the hub takes, in bytes; `null` as long as it has not said. */
  get maxPayloadBytes(): number | null {
    return this.#maxPayloadBytes;
  }

  /** Sends a message with an id and waits for its answer, whatever that holds. */
  exchange({ requestId = crypto.randomUUID(), payload, ...header }: Call): Promise<RawAnswer> {
    if (this.#endError !== null) return Promise.resolve({ kind: "none", error: this.#endError });
    const { promise, resolve } = Promise.withResolvers<RawAnswer>();
    const waitMs = header.timeoutMs === undefined
      ? this.#options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS
      : Math.min(header.timeoutMs + TIMEOUT_GRACE_MS, MAX_TIMER_MS);
    const timer = setTimeout(() => {
      this.#settle(requestId, { kind: "none", error: this.#lateError(header.topic, waitMs) });
    }, waitMs);
    this.#waiting.set(requestId, { timer, resolve });
    this.#link.send({ ...header, requestId }, payload);
    return promise;
  }

  /** The same where the hub is to answer, which it does in JSON. */
  async call(call: Call): Promise<Answer> {
    const answer = await this.exchange(call);
    if (answer.kind === "none") return answer;
    const read = readAnswer(answer.payload);
    return read.kind === "error" ? { ...read, nextStep: this.nextStepOf(read.code) } : read;
  }

  /** What a person can do about an error with this code, to be put behind its message. */
  nextStepOf(code: string): string {
    return nextStepOf(code, shownTo(this.#target));
  }

  /** Asks the hub itself, in JSON. */
  request(topic: string, payload: JsonObject): Promise<Answer> {
    return this.call({ action: "request", topic, payload: encoder.encode(JSON.stringify(payload)) });
  }

  /** Says goodbye and waits for the end. */
  async close(): Promise<void> {
    await this.#link.close();
    await this.ended;
  }

  /** A WebSocket has shown the token in its handshake already. */
  async #logIn(): Promise<void> {
    const { token, transport, url } = this.#target;
    if (token === null || transport === "websocket") return;
    const answer = await this.request("system.authenticate", { token });
    // A hub without logins has no such topic, and lets in who shows a token on the other transports too.
    if (answer.kind === "error" && answer.code === "TOPIC_NOT_SUPPORTED") return;
    if (answer.kind === "error" && answer.code === "RATE_LIMITED") {
      throw lockedOutError(url, retryAfterOf(answer));
    }
    expectSuccess(answer, `log in at ${url}`);
  }

  #receive(bytes: Uint8Array): void {
    this.#heardAnything = true;
    const message = parseTextMessage(bytes, { maxTimeoutMs: Number.MAX_SAFE_INTEGER });
    if (message.kind === "malformed") return this.#giveUp(message);
    switch (message.action) {
      case "response":
        return this.#answered(message);
      case "request":
        return this.#asked(message);
      case "publish":
        return this.#published(message);
    }
  }

  /** Whoever sends such messages is no hub that could be talked to. */
  #giveUp({ message }: MalformedMessage): void {
    this.#lastWords ??= { code: CloseCode.protocolError, reason: message };
    void this.#link.close();
  }

  #answered({ requestId, topicKey, payload }: TextMessage): void {
    const answer = { kind: "payload", payload } as const;
    // The hub could not read which message it means, so it is whatever still waits.
    if (requestId === null && topicKey === "system.error") {
      for (const id of [...this.#waiting.keys()]) this.#settle(id, answer);
    }
    if (requestId === null || this.#settle(requestId, answer)) return;
    const refusal = readAnswerError(payload);
    if (refusal !== null) this.#options.onAnswerRefused?.(refusal);
  }

  #asked(message: TextMessage): void {
    const { topic, topicKey, version, requestId } = message;
    const header: TextHeader = { action: "response", topic, version, requestId };
    if (topicKey === "system.heartbeat") return this.#link.send(header, ALIVE);
    this.#options.onRequest?.(message, {
      maxPayloadBytes: this.#maxPayloadBytes,
      send: (payload) => {
        if (requestId !== null && this.#endError === null) this.#link.send(header, payload);
      },
    });
  }

  #published(message: TextMessage): void {
    switch (message.topicKey) {
      case "system.initialize":
        this.#maxPayloadBytes = readMaxPayload(message.payload);
        return;
      case "system.close":
        this.#lastWords = readLastWords(message.payload);
        return;
      case "system.auth.expiring":
        return;
      default:
        this.#options.onPublish?.(message);
    }
  }

  /** Whether anybody waited for it. */
  #settle(requestId: string, answer: RawAnswer): boolean {
    const waiting = this.#waiting.get(requestId);
    if (waiting === undefined) return false;
    this.#waiting.delete(requestId);
    clearTimeout(waiting.timer);
    waiting.resolve(answer);
    return true;
  }

  #finish(end: LinkEnd): TrunklineError {
    const error = this.#heardAnything || end.code !== null
      ? lostError(this.#target, end)
      : silentError(this.#target, end);
    this.#endError = error;
    for (const id of [...this.#waiting.keys()]) this.#settle(id, { kind: "none", error });
    return error;
  }

  #lateError(topic: string, waitedMs: number): TrunklineError {
    const after = formatDuration(waitedMs);
    const hint = this.#heardAnything ? "" : "; see that the broker answers there: its paths are / and /ws";
    const message =
      `Cannot wait any longer for the hub's answer on ${topic}: nothing came within ${after}${hint}`;
    return new TrunklineError("timed_out", message);
  }
}

function readMaxPayload(payload: Uint8Array): number | null {
  const limits = readJsonObject(payload)?.["limits"];
  const bytes = isJsonObject(limits) ? limits["maxPayloadBytes"] : null;
  return typeof bytes === "number" ? bytes : null;
}

function readLastWords(payload: Uint8Array): LinkEnd {
  const { code, reason } = readJsonObject(payload) ?? {};
  return {
    code: typeof code === "number" ? code : null,
    reason: typeof reason === "string" ? reason : "",
  };
}

function shownTo({ token, tls }: HubTarget): Shown {
  return { hasToken: token !== null, hasCertificate: (tls?.client ?? null) !== null };
}

function lostError(target: HubTarget, { code, reason }: LinkEnd): TrunklineError {
  const { url } = target;
  const details = { code, reason };
  const shown = [code === null ? "" : `code ${code}`, printable(reason)].filter((part) => part !== "").join(
    ", ",
  );
  const said = shown === "" ? "it was closed without a reason" : shown;
  if (code === CloseCode.unauthorized || code === CloseCode.forbidden) {
    const { hasToken, hasCertificate } = shownTo(target);
    const next = hasCertificate && !hasToken
      ? "it is the login of the certificate in --cert; give another one, or a token with --token"
      : "give a valid token with --token";
    const message = `Cannot stay at ${url}: the hub refused (${said}); ${next}`;
    return new TrunklineError("refused", message, { details });
  }
  if (code === CloseCode.tooBig) {
    const message = `Cannot send to ${url}: the message is longer than the hub reads (${said})`;
    return new TrunklineError("request_failed", message, { details });
  }
  const message = `Cannot go on: the connection to ${url} ended (${said}); run the command again`;
  return new TrunklineError("connection_lost", message, { details });
}

/** A connection over which not a single message came. */
function silentError({ url, tls, transport }: HubTarget, { reason }: LinkEnd): TrunklineError {
  const hint = transport === "websocket"
    ? ""
    : tls === null
    ? `; if it speaks TLS, dial ${url.replace(/^tcp:/, "tls:")}`
    : tls.client === null
    ? "; see whether it wants a client certificate (--cert, --key)"
    : "; see whether the hub takes the certificate of --cert";
  const said = reason === "" ? "the connection was closed before anything came" : printable(reason);
  const message = `Cannot talk to the hub at ${url}: ${said}${hint}`;
  return new TrunklineError("unreachable", message);
}
