/**
 * The load of clients that ask: every request is followed to its one answer. Each client has so many requests on
 * their way as the plan says; with a rate, one that has to wait for that is late, and counted so.
 */
import type { TrunklineError } from "../core/errors.ts";
import { closeAll, type LoadClient, openAll, openLoadClient } from "./bench_client.ts";
import type { Load, LoadContext, LoadFigures, LoadState } from "./bench_load.ts";
import { LoadMeasure } from "./bench_measure.ts";
import { Pace } from "./bench_pace.ts";
import type { RequestPlan } from "./bench_plan.ts";
import { LoadPump } from "./bench_pump.ts";
import { Requester, type RequesterEvents } from "./bench_requester.ts";
import { EchoService } from "./bench_service.ts";
import { count } from "./figures.ts";
import { type AnswerError, answerError, isRefusal } from "./hub_answer.ts";

/** Clients and the services that answer them. */
export class RequestLoad implements Load {
  readonly #plan: RequestPlan;
  readonly #context: LoadContext;
  readonly #measure: LoadMeasure;
  #services: LoadClient[] = [];
  #clients: LoadClient[] = [];
  readonly #requesters: Requester[] = [];
  #pump: LoadPump | null = null;
  #failed = 0;
  #twice = 0;
  #isClosing = false;

  constructor(plan: RequestPlan, context: LoadContext) {
    this.#plan = plan;
    this.#context = context;
    this.#measure = new LoadMeasure(context.clock);
  }

  get isSending(): boolean {
    return this.#pump !== null && !this.#pump.isOver;
  }

  get state(): LoadState {
    let outstanding = 0;
    for (const requester of this.#requesters) outstanding += requester.outstanding;
    return {
      sent: this.#pump?.sent ?? 0,
      received: this.#measure.received + this.#failed,
      outstanding,
    };
  }

  async open(): Promise<void> {
    const { services, clients } = this.#plan;
    this.#services = await openAll(services, () => this.#openService());
    this.#clients = await openAll(clients, async (index) => {
      const requester = new Requester(this.#plan, { index, events: this.#eventsOf(index) });
      this.#requesters[index] = requester;
      const client = await openLoadClient(this.#context, {
        events: requester,
        onRefused: ({ code }) => this.#measure.errors.add(code),
      });
      requester.attach(client.link);
      return client;
    });
    for (const { hub } of [...this.#services, ...this.#clients]) {
      void hub.ended.then((error) => this.#lost(error));
    }
    this.#clients.forEach(({ hub }, index) => void hub.ended.then(() => this.#leave(index)));
  }

  start(): void {
    const { ratePerSecond, messages } = this.#plan;
    this.#measure.begin();
    const pace = new Pace({ ratePerSecond, startMs: this.#measure.startMs });
    const { clock } = this.#context;
    this.#pump = new LoadPump({ senders: this.#requesters, pace, messages, clock });
    this.#pump.pump();
  }

  stop(): void {
    this.#pump?.stop();
  }

  figures(): LoadFigures {
    const { clients, services, sizeBytes, inFlight, ratePerSecond } = this.#plan;
    const { elapsedMs, received, receivedBytes, latency, errors } = this.#measure;
    const sent = this.#pump?.sent ?? 0;
    const answerers = services === 0 ? "a service that is there" : count(services, "service");
    return {
      kind: "request",
      parties: `${count(clients, "client")}, ${answerers}`,
      ...{ sizeBytes, inFlight, ratePerSecond, elapsedMs, received, receivedBytes, latency, errors },
      sent,
      expected: sent,
      failed: this.#failed,
      missing: sent - received - this.#failed,
      dropped: 0,
      outOfOrder: 0,
      twice: this.#twice,
      closedAsTooSlow: 0,
    };
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.stop();
    await closeAll([...this.#clients, ...this.#services]);
  }

  async #openService(): Promise<LoadClient> {
    const { topic } = this.#plan;
    const events = new EchoService(topic);
    const subscribe = { topic, action: "request" } as const;
    const onRefused = ({ code }: AnswerError) => this.#measure.errors.add(code);
    const client = await openLoadClient(this.#context, { events, subscribe, onRefused });
    events.attach(client.link);
    return client;
  }

  #eventsOf(index: number): RequesterEvents {
    return {
      sending: () => this.#measure.sending(),
      answered: (payloadBytes, sentMs) => this.#measure.receive(payloadBytes, sentMs),
      failed: (error) => this.#fail(error),
      again: () => this.#twice++,
      turned: () => {
        this.#measure.endTurn();
        const requester = this.#requesters[index];
        if (requester !== undefined) this.#pump?.pumpOne(requester);
        this.#context.onSettled();
      },
    };
  }

  #fail(error: AnswerError): void {
    this.#failed++;
    this.#measure.errors.add(error.code);
    if (isRefusal(error.code)) this.#context.onFatal(answerError(error, `ask ${this.#plan.topic}`));
  }

  #lost(error: TrunklineError): void {
    if (!this.#isClosing) this.#context.onFatal(error);
  }

  #leave(index: number): void {
    this.#requesters[index]?.leave();
    this.#context.onSettled();
  }
}
