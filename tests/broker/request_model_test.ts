/** However the parties of requests behave and end, in whatever order: each request has exactly one answer. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { LATE_MS } from "../../src/broker/pending_requests.ts";
import { SLOT_MS } from "../../src/limits/deadlines.ts";
import { newId } from "./broker_client.ts";
import { type Got, type Party, Setup } from "./request_parties.ts";

const PARTIES = 5;
const TOPICS = ["a", "b"];
const MAX_OUTSTANDING = 6;
const TIMEOUT_MS = 500;

/** A request that waits, as the model knows it. */
interface Open {
  readonly origin: Party;
  readonly startedMs: number;
  readonly timeoutMs: number;
  readonly topic: string;
  /** The ids under which it was delivered, the newest last. */
  readonly targetIds: string[];
}

/** What was delivered under an id, and what became of it. */
interface Delivery {
  readonly target: Party;
  readonly originId: string;
  state: "waiting" | "answered" | "ended";
  endedMs: number;
}

/** A router, its parties, and what has to be true of them. */
class Model {
  readonly setup: Setup;
  readonly parties: Party[];
  readonly #failover: boolean;
  readonly #open = new Map<string, Open>();
  readonly #deliveries = new Map<string, Delivery>();
  /** When the process stood still the last time. */
  #stalledMs = -Infinity;
  #isDraining = false;
  #late = 0;

  constructor(failover: boolean) {
    this.#failover = failover;
    this.setup = new Setup({ failover, maxOutstanding: MAX_OUTSTANDING, timeoutMs: TIMEOUT_MS });
    this.parties = Array.from({ length: PARTIES }, (_, i) => {
      const party = this.setup.party(String(i));
      party.onGot = (got) => this.#got(party, got);
      return party;
    });
  }

  /** `slot` tells the ids of one origin apart, so that some are in use. */
  request(
    origin: Party,
    { topic, slot, timeoutMs }: { topic: string; slot: number; timeoutMs: number | null },
  ) {
    if (origin.isGone) return;
    const requestId = `00000000-0000-4000-8000-${origin.id.padStart(6, "0")}${String(slot).padStart(6, "0")}`;
    const isUsed = this.#open.has(requestId);
    const startedMs = this.setup.time.now();
    const open = { origin, startedMs, timeoutMs: timeoutMs ?? TIMEOUT_MS, topic, targetIds: [] };
    if (!isUsed) this.#open.set(requestId, open);
    const refusal = this.setup.ask(origin, { topic, requestId, timeoutMs });
    if (refusal === null) {
      assert.ok(!isUsed && !this.#isDraining, "it had to be refused");
      return;
    }
    // The error is the answer.
    if (!isUsed) assert.ok(this.#open.delete(requestId), "answered twice");
    else assert.ok(["INVALID_REQUEST", "NO_ROUTE_FOUND", "SERVICE_UNAVAILABLE"].includes(refusal));
  }

  /** Answers what was delivered to somebody; `isForeign`: by somebody else. */
  respond(which: number, by: Party | null): void {
    const all = [...this.#deliveries];
    const [targetId, delivery] = all[which % Math.max(all.length, 1)] ?? [];
    if (targetId === undefined || delivery === undefined) return;
    const party = by ?? delivery.target;
    if (party.isGone) return;
    const { target, originId, state, endedMs } = delivery;
    if (state === "waiting" && !target.isGone) assert.ok(this.#open.has(originId));
    const result = this.setup.answer(party, targetId, "answer");
    const isLate = state === "ended" && this.setup.time.now() - endedMs < LATE_MS;
    const isTaken = party === target && (state === "waiting" || isLate);
    assert.equal(result, isTaken ? null : "INVALID_REQUEST_ID");
    if (party !== target) return;
    if (state === "waiting") this.#answered(originId, delivery);
    else if (isLate) this.#late++;
  }

  respondAtRandom(party: Party): void {
    if (!party.isGone) assert.equal(this.setup.answer(party, newId()), "INVALID_REQUEST_ID");
  }

  leave(party: Party): void {
    party.leave();
  }

  tick(ms: number): void {
    this.setup.time.tick(ms);
  }

  stall(ms: number): void {
    this.setup.time.stall(ms);
    this.#stalledMs = this.setup.time.now();
  }

  drain(): void {
    this.#isDraining = true;
    this.setup.router.drain();
  }

  check(): void {
    const nowMs = this.setup.time.now();
    for (const party of this.parties) if (party.isGone) this.#forget(party);
    assert.equal(this.setup.router.outstanding, this.#open.size);
    assert.equal(this.setup.time.timers, this.#open.size === 0 ? 0 : 1);
    assert.equal(this.setup.stats.lateResponses, this.#late);
    for (const { origin, startedMs, timeoutMs, targetIds } of this.#open.values()) {
      assert.ok(nowMs <= Math.max(startedMs + timeoutMs, this.#stalledMs) + SLOT_MS, "it did not time out");
      const last = this.#deliveries.get(targetIds.at(-1) ?? "");
      assert.ok(last !== undefined && !last.target.isGone, "nobody is left to answer");
      for (const party of [origin, last.target]) assert.ok(this.setup.router.isBusy(party));
    }
    const busy = new Set([...this.#open.values()].flatMap(({ origin, targetIds }) => [
      origin,
      this.#deliveries.get(targetIds.at(-1) ?? "")?.target,
    ]));
    for (const party of this.parties) assert.equal(this.setup.router.isBusy(party), busy.has(party));
  }

  /** Nobody waits, in whichever way it came to that. */
  end(how: "leave" | "wait"): void {
    if (how === "leave") { for (const party of this.parties) party.leave(); }
    else this.tick(TIMEOUT_MS + 2 * SLOT_MS);
    this.check();
    assert.equal(this.#open.size, 0);
    this.setup.assertAtRest();
  }

  #got(party: Party, { fields, payload }: Got): void {
    const [action, topic = "", , id = "", originId = ""] = fields;
    if (action === "request") return this.#delivered(party, { topic, targetId: id, originId });
    const open = this.#open.get(id);
    assert.ok(open !== undefined, "answered twice");
    assert.deepEqual([open.origin, open.topic], [party, topic]);
    this.#open.delete(id);
    if (payload === "answer") this.#settle(open, "answered");
    else if (JSON.parse(payload).error.code === "TIMEOUT") {
      assert.ok(this.setup.time.now() >= open.startedMs + open.timeoutMs, "too early");
      this.#settle(open, "ended");
    } else {
      assert.equal(JSON.parse(payload).error.code, "SERVICE_UNAVAILABLE");
      const last = this.#deliveries.get(open.targetIds.at(-1) ?? "");
      assert.ok(last?.target.isGone, "its service was there");
    }
  }

  #delivered(
    target: Party,
    { topic, targetId, originId }: { topic: string; targetId: string; originId: string },
  ): void {
    const open = this.#open.get(originId);
    assert.ok(open !== undefined, "nobody waits for it");
    assert.equal(open.topic, topic);
    assert.ok(!open.origin.isGone, "its origin is gone");
    const previous = this.#deliveries.get(open.targetIds.at(-1) ?? "");
    assert.ok(previous === undefined || previous.target.isGone, "two have it");
    open.targetIds.push(targetId);
    assert.ok(open.targetIds.length <= (this.#failover ? 2 : 1), "tried too often");
    this.#deliveries.set(targetId, { target, originId, state: "waiting", endedMs: 0 });
  }

  /** An origin that was too slow for its answer left instead. */
  #answered(originId: string, delivery: Delivery): void {
    const open = this.#open.get(originId);
    assert.ok(open === undefined || open.origin.isGone, "the origin had no answer");
    this.#open.delete(originId);
    delivery.state = "answered";
  }

  #settle({ targetIds }: Open, state: "answered" | "ended"): void {
    const last = this.#deliveries.get(targetIds.at(-1) ?? "");
    if (last === undefined) return;
    last.state = state;
    last.endedMs = this.setup.time.now();
  }

  /** The requests of somebody who left have no answer. */
  #forget(origin: Party): void {
    for (const [id, open] of this.#open) {
      if (open.origin !== origin) continue;
      this.#open.delete(id);
      this.#settle(open, "ended");
    }
  }
}

const who = fc.nat(PARTIES - 1);
const topic = fc.constantFrom(...TOPICS);
const steps = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constant("request" as const),
        who,
        topic,
        slot: fc.nat(3),
        timeoutMs: fc.option(fc.integer({ min: 1, max: TIMEOUT_MS })),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("respond" as const),
        which: fc.nat(60),
        by: fc.option(who, { freq: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("respondAtRandom" as const), who }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("serve" as const),
        who,
        topic: fc.constantFrom(...TOPICS, "#"),
        priority: fc.nat(2),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("stopServing" as const), who, topic }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("tick" as const), ms: fc.oneof(fc.nat(30), fc.nat(700)) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("stall" as const),
        ms: fc.oneof(fc.nat(30), fc.nat(700), fc.constant(LATE_MS)),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), who }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("fill" as const), who }) },
  ),
  { minLength: 10, maxLength: 80, size: "max" },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

function run(model: Model, step: Step): void {
  const party = "who" in step ? model.parties[step.who] as Party : null;
  if (step.do === "tick") return model.tick(step.ms);
  if (step.do === "stall") return model.stall(step.ms);
  if (step.do === "respond") {
    return model.respond(step.which, step.by === null ? null : model.parties[step.by] as Party);
  }
  if (party === null) return;
  if (step.do === "request") model.request(party, step);
  if (step.do === "respondAtRandom") model.respondAtRandom(party);
  if (step.do === "leave") model.leave(party);
  if (step.do === "fill") party.isFull = true;
  if (step.do === "serve" && !party.isGone) model.setup.serve(party, step.topic, step.priority);
  if (step.do === "stopServing") {
    model.setup.subscriptions.unsubscribe(party, { pattern: step.topic, action: "request" });
  }
}

for (const failover of [false, true]) {
  Deno.test(`Request router: whatever happens each request has one answer (failover: ${failover})`, () => {
    fc.assert(
      fc.property(
        steps,
        fc.option(fc.nat(80), { freq: 4 }),
        fc.constantFrom("leave" as const, "wait" as const),
        (steps, drainAt, how) => {
          const model = new Model(failover);
          using _ = model.setup;
          for (const [at, step] of steps.entries()) {
            if (at === drainAt) model.drain();
            run(model, step);
            model.check();
          }
          model.end(how);
        },
      ),
      { numRuns: 2000 },
    );
  });
}
