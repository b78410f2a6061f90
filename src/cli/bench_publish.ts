/**
 * The load of publishers and subscribers: every message is followed to each subscriber. At most so many are on their
 * way as the plan says, so that neither side buffers without end.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { TrunklineError } from "../core/errors.ts";
import { encodeTextMessage, type TextMessage } from "../wire/text_message.ts";
import { readJsonObject } from "../wire/error_payload.ts";
import { closeAll, type LoadClient, openAll, openLoadClient } from "./bench_client.ts";
import { FrameBatch, FrameShape } from "./bench_framing.ts";
import { DeliveryLedger } from "./bench_ledger.ts";
import { type LoadEvents, type LoadLink, startsWith } from "./bench_link.ts";
import type { Load, LoadContext, LoadFigures, LoadState } from "./bench_load.ts";
import { LoadMeasure } from "./bench_measure.ts";
import { Pace } from "./bench_pace.ts";
import type { PublishPlan } from "./bench_plan.ts";
import { LoadPump, type Sender } from "./bench_pump.ts";
import { MAX_TAG, StampReader, StampWriter } from "./bench_stamp.ts";
import { count } from "./figures.ts";
import { answerError, isRefusal, readAnswerError } from "./hub_answer.ts";

const NEWLINE = 0x0a;
const FILLER = 0x2e;
const encoder = new TextEncoder();

/** One publisher. */
class Publisher implements Sender {
  readonly #link: LoadLink;
  readonly #shape: FrameShape;
  readonly #stamps: StampWriter;
  readonly #window: () => number;
  readonly #onSend: (count: number) => number;
  #sequence = 0;

  constructor(link: LoadLink, message: Uint8Array, options: PublisherOptions) {
    this.#link = link;
    this.#shape = new FrameShape(link.framing, message, { patchAt: message.indexOf(NEWLINE) + 1 });
    this.#stamps = options.stamps;
    this.#window = options.window;
    this.#onSend = options.onSend;
  }

  get room(): number {
    return this.#link.isBusy ? 0 : Math.min(this.#shape.maxBatch, this.#window());
  }

  send(count: number, pace: Pace): void {
    const nowMs = this.#onSend(count);
    const batch = new FrameBatch(this.#shape, count);
    for (let i = 0; i < count; i++) {
      batch.add(this.#stamps.next(this.#sequence++, Math.round(pace.take(nowMs) * 1000)));
    }
    this.#link.write(batch.bytes);
  }
}

interface PublisherOptions {
  readonly stamps: StampWriter;
  /** How many messages may be sent. */
  readonly window: () => number;
  /** Told before so many are sent; gives the time. */
  readonly onSend: (count: number) => number;
}

/** Publishers and subscribers of one topic. */
export class PublishLoad implements Load {
  readonly #plan: PublishPlan;
  readonly #context: LoadContext;
  readonly #ledger: DeliveryLedger;
  readonly #measure: LoadMeasure;
  readonly #tag = Math.floor(Math.random() * MAX_TAG);
  readonly #stamp = new StampReader(this.#tag);
  readonly #prefix: Uint8Array;
  readonly #refusalPrefix: Uint8Array;
  #subscribers: LoadClient[] = [];
  #publishers: LoadClient[] = [];
  #pump: LoadPump | null = null;
  #closedAsTooSlow = 0;
  #isClosing = false;

  constructor(plan: PublishPlan, context: LoadContext) {
    this.#plan = plan;
    this.#context = context;
    this.#ledger = new DeliveryLedger(plan);
    this.#measure = new LoadMeasure(context.clock);
    this.#prefix = encoder.encode(`publish:${plan.topic}:`);
    this.#refusalPrefix = encoder.encode(`response:${plan.topic}:`);
  }

  get isSending(): boolean {
    return this.#pump !== null && !this.#pump.isOver;
  }

  get state(): LoadState {
    return {
      sent: this.#pump?.sent ?? 0,
      received: this.#measure.received,
      outstanding: this.#ledger.outstanding,
    };
  }

  async open(): Promise<void> {
    const { publishers, subscribers, topic } = this.#plan;
    this.#subscribers = await openAll(subscribers, (subscriber) =>
      openLoadClient(this.#context, {
        events: this.#receiving(subscriber),
        subscribe: { topic, action: "publish" },
        onPublish: (message) => this.#noticed(subscriber, message),
      }));
    this.#subscribers.forEach(({ hub }, subscriber) =>
      void hub.ended.then((error) => this.#lostSubscriber(subscriber, error))
    );
    const events: LoadEvents = {
      take: (message) => this.#takeRefusal(message),
      onWritten: () => this.#pump?.pump(),
    };
    this.#publishers = await openAll(publishers, () => openLoadClient(this.#context, { events }));
    for (const { hub } of this.#publishers) void hub.ended.then((error) => this.#lost(error));
  }

  start(): void {
    const { ratePerSecond, messages } = this.#plan;
    this.#measure.begin();
    const senders = this.#publishers.map(({ link }, publisher) => this.#publisher(link, publisher));
    const pace = new Pace({ ratePerSecond, startMs: this.#measure.startMs });
    this.#pump = new LoadPump({ senders, pace, messages, clock: this.#context.clock });
    if (this.#ledger.here === 0) this.stop();
    this.#pump.pump();
  }

  stop(): void {
    this.#pump?.stop();
  }

  figures(): LoadFigures {
    const { publishers, subscribers, ...plan } = this.#plan;
    const { published, ...totals } = this.#ledger.totals();
    const { elapsedMs, receivedBytes, latency, errors } = this.#measure;
    return {
      kind: "publish",
      parties: `${count(publishers, "publisher")}, ${count(subscribers, "subscriber")}`,
      sizeBytes: plan.sizeBytes,
      inFlight: plan.inFlight,
      ratePerSecond: plan.ratePerSecond,
      ...{ elapsedMs, receivedBytes, latency, errors },
      ...totals,
      sent: published,
      failed: 0,
      closedAsTooSlow: this.#closedAsTooSlow,
    };
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.stop();
    await closeAll([...this.#publishers, ...this.#subscribers]);
  }

  #publisher(link: LoadLink, publisher: number): Sender {
    const { topic, sizeBytes } = this.#plan;
    const payload = new Uint8Array(sizeBytes).fill(FILLER);
    return new Publisher(link, encodeTextMessage({ action: "publish", topic }, payload), {
      stamps: new StampWriter(this.#tag, publisher),
      window: () => this.#window(),
      onSend: (sent) => {
        this.#ledger.publish(publisher, sent);
        return this.#measure.sending();
      },
    });
  }

  /** How many messages one publisher may send now: not all that all may. */
  #window(): number {
    const { inFlight, publishers } = this.#plan;
    const { here, outstanding } = this.#ledger;
    if (inFlight === 0 || here === 0) return here === 0 ? 0 : Infinity;
    return Math.min(inFlight, Math.floor((inFlight * publishers * here - outstanding) / here));
  }

  #receiving(subscriber: number): LoadEvents {
    return {
      take: (message) => this.#take(subscriber, message),
      onTurn: () => {
        this.#measure.endTurn();
        this.#pump?.pump();
        this.#context.onSettled();
      },
    };
  }

  #take(subscriber: number, message: Uint8Array): boolean {
    if (!startsWith(message, this.#prefix)) return false;
    const payloadAt = message.indexOf(NEWLINE, this.#prefix.length) + 1;
    // Others may publish to the topic too.
    if (payloadAt === 0 || !this.#stamp.read(message, payloadAt)) return true;
    const { sender: publisher, sequence, sentUs } = this.#stamp;
    if (this.#ledger.receive(subscriber, { publisher, sequence })) {
      this.#measure.receive(message.length - payloadAt, sentUs / 1000);
    }
    return true;
  }

  /** Nobody waits for an answer to what is published, so the hub says only what it did not take. */
  #takeRefusal(message: Uint8Array): boolean {
    if (!startsWith(message, this.#refusalPrefix)) return false;
    const payloadAt = message.indexOf(NEWLINE, this.#refusalPrefix.length) + 1;
    const error = payloadAt === 0 ? null : readAnswerError(message.subarray(payloadAt));
    if (error === null) return true;
    this.#measure.errors.add(error.code);
    if (isRefusal(error.code)) this.#context.onFatal(answerError(error, `publish to ${this.#plan.topic}`));
    return true;
  }

  #noticed(subscriber: number, { topicKey, payload }: TextMessage): void {
    if (topicKey !== "system.topic.gap") return;
    const dropped = readJsonObject(payload)?.["dropped"];
    if (typeof dropped === "number" && dropped > 0) this.#ledger.drop(subscriber, Math.floor(dropped));
  }

  /** The others go on without one that is too slow. */
  #lostSubscriber(subscriber: number, error: TrunklineError): void {
    if (this.#isClosing) return;
    this.#ledger.leave(subscriber);
    if (error.details["code"] === CloseCode.slowConsumer) {
      this.#closedAsTooSlow++;
      if (this.#ledger.here === 0) this.stop();
      this.#pump?.pump();
    } else this.#context.onFatal(error);
    this.#context.onSettled();
  }

  #lost(error: TrunklineError): void {
    if (!this.#isClosing) this.#context.onFatal(error);
  }
}
