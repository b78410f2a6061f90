/** Services and callers of a router of requests, without a wire: what each was sent is a list. */
import assert from "node:assert/strict";
import { BrokerStats } from "../../src/broker/broker_stats.ts";
import { RequestRouter, type RequestRouterOptions } from "../../src/broker/request_router.ts";
import { SubscriptionManager } from "../../src/broker/subscription_manager.ts";
import type { PushResult } from "../../src/core/delivery.ts";
import type { OutgoingMessage } from "../../src/core/transport.ts";
import { encodeTextMessage, parseTextMessage, type TextHeader } from "../../src/wire/text_message.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { FakeSubscriber, settingsOf } from "./fakes.ts";

/** A message as somebody got it. */
export interface Got {
  readonly header: string;
  readonly payload: string;
  /** The fields of the header. */
  readonly fields: readonly string[];
}

/** Somebody who asks, answers, or both. */
export class Party extends FakeSubscriber {
  /** What it was sent and was not taken yet. */
  readonly inbox: Got[] = [];
  /** Told of everything it is sent. */
  onGot: (got: Got) => void = () => {};
  /** Its outbox is full: the next message ends it, as a connection is ended. */
  isFull = false;
  /** It takes messages and does not read them. */
  isDeaf = false;
  #isGone = false;
  readonly #setup: Setup;

  constructor(id: string, setup: Setup) {
    super(id, "text");
    this.#setup = setup;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  override send(message: OutgoingMessage, lane: "control" | "request"): PushResult {
    assert.equal(lane, "request");
    if (this.#isGone) return "closed";
    this.offered++;
    if (this.isFull) {
      this.leave();
      return "full";
    }
    if (this.result !== "queued") return this.result;
    if (this.isDeaf) return "queued";
    const got = read(message);
    this.inbox.push(got);
    this.onGot(got);
    return "queued";
  }

  /** The next message that was not taken yet. */
  take(): Got {
    const got = this.inbox.shift();
    assert.ok(got, `${this.id} got nothing`);
    return got;
  }

  /** The id under which it got the next request. */
  takeTargetId(): string {
    const { fields } = this.take();
    assert.equal(fields[0], "request");
    return fields[3] ?? "";
  }

  /** The code of the error that it got next. */
  takeError(): string {
    return JSON.parse(this.take().payload).error.code;
  }

  /** Its connection ends. */
  leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#setup.subscriptions.remove(this);
    this.#setup.router.leave(this);
  }
}

/** What a request says; the rest is `request:a:1.0.0` with the payload "x". */
export interface Asked extends Partial<TextHeader> {
  readonly payload?: Uint8Array | string;
}

/** A router with everything around it, and time that stands still. */
export class Setup implements Disposable {
  readonly time = new FakeTime();
  readonly stats = new BrokerStats();
  readonly subscriptions = new SubscriptionManager({ maxPerSubscriber: 1000, settingsOf });
  readonly router: RequestRouter;
  /** How long answers took, in seconds. */
  readonly answered: number[] = [];

  constructor(options: Partial<RequestRouterOptions> = {}) {
    this.router = new RequestRouter({
      subscriptions: this.subscriptions,
      stats: this.stats,
      clock: this.time,
      cachedClock: this.time,
      timeoutMs: 30_000,
      failover: false,
      maxOutstanding: 1000,
      onAnswered: (seconds) => this.answered.push(seconds),
      ...options,
    });
  }

  /** Somebody new, who answers what is asked there. */
  party(id: string, pattern: string | null = null, priority = 0): Party {
    const party = new Party(id, this);
    if (pattern !== null) this.serve(party, pattern, priority);
    return party;
  }

  /** So many who answer to `a`. */
  services(count: number, priority = 0): Party[] {
    return Array.from({ length: count }, (_, i) => this.party(`service-${priority}-${i}`, "a", priority));
  }

  serve(party: Party, pattern: string, priority = 0): void {
    this.subscriptions.subscribe(party, { pattern, action: "request", priority, group: null });
  }

  /** Asks; gives the code of the error that it is refused with. */
  ask(origin: Party, { payload = "x", ...header }: Asked = {}): string | null {
    const message = parsed({ action: "request", topic: "a", ...header }, payload);
    return this.router.request(origin, message, false)?.code ?? null;
  }

  /** Answers; gives the code of the error that it is refused with. */
  answer(party: Party, requestId: string | null, payload: Uint8Array | string = "y"): string | null {
    const message = parsed({ action: "response", topic: "whatever", requestId }, payload);
    return this.router.response(party, message, false)?.code ?? null;
  }

  /** Nothing waits, nothing runs. */
  assertAtRest(): void {
    assert.equal(this.router.outstanding, 0, "something waits");
    assert.equal(this.time.timers, 0, "a timer runs");
  }

  [Symbol.dispose](): void {
    this.time[Symbol.dispose]();
  }
}

const MAX_TIMEOUT_MS = 3_600_000;
const PREFIX_BYTES = 4;

function parsed(header: TextHeader, payload: Uint8Array | string) {
  const message = parseTextMessage(encodeTextMessage(header, payload), { maxTimeoutMs: MAX_TIMEOUT_MS });
  if (message.kind === "malformed") assert.fail(message.message);
  return message;
}

function read(message: OutgoingMessage): Got {
  const bytes = message.encodedFor("text").parts.flatMap((part) => [...part]).slice(PREFIX_BYTES);
  const text = new TextDecoder().decode(Uint8Array.from(bytes));
  const end = text.indexOf("\n");
  const header = text.slice(0, end);
  return { header, payload: text.slice(end + 1), fields: header.split(":") };
}
