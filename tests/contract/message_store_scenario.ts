/** Random lives of a store, beside a model of it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { KeptMessage, ReplayFrom, TenantStore } from "../../src/store/message_store.ts";
import type { StoreLimits } from "../../src/store/tenant_memory.ts";
import { idOf, message, NOW, numbers, type OpenStore } from "./message_store_parts.ts";
import { TenantModel } from "./message_store_model.ts";

const TOPICS = ["a", "A.b", "a.b.c", "a.c", "b", "b.c", "system.a"];
const PATTERNS = ["a", "a.b", "a.#", "a.+", "+", "+.+", "#", "+.#", "b.#", "system.#", "nothing"];

/** Something that happens. */
export type Step =
  | {
    readonly kind: "keep";
    readonly topic: string;
    readonly payload: string;
    readonly retain: boolean;
    readonly size: number | null;
    readonly passedMs: number;
  }
  | { readonly kind: "trim" | "reopen"; readonly passedMs: number }
  | {
    readonly kind: "read";
    readonly pattern: string;
    readonly max: number;
    readonly from: ReplayFrom["kind"];
    readonly share: number;
  };

/** A life: the limits, the age at which messages go, and what happens. */
export interface Scenario {
  readonly limits: StoreLimits;
  readonly ttlMs: number;
  readonly steps: readonly Step[];
}

/** All lives. */
export function scenarios(): fc.Arbitrary<Scenario> {
  const keep = fc.record({
    kind: fc.constant("keep" as const),
    topic: fc.constantFrom(...TOPICS),
    payload: fc.string({ maxLength: 40, size: "max" }),
    retain: fc.boolean(),
    size: fc.option(fc.integer({ min: 1, max: 6 })),
    // Sometimes the clock goes back.
    passedMs: fc.integer({ min: -5, max: 20 }),
  });
  const other = fc.record({
    kind: fc.constantFrom("trim" as const, "reopen" as const),
    passedMs: fc.nat(40),
  });
  const read = fc.record({
    kind: fc.constant("read" as const),
    pattern: fc.constantFrom(...PATTERNS),
    max: fc.integer({ min: 1, max: 7 }),
    from: fc.constantFrom("after" as const, "since" as const, "last" as const),
    share: fc.double({ min: -0.1, max: 1.1, noNaN: true }),
  });
  const steps = fc.array(
    fc.oneof({ arbitrary: keep, weight: 6 }, { arbitrary: read, weight: 4 }, { arbitrary: other, weight: 1 }),
    { maxLength: 120, size: "max" },
  );
  // What is too old counts until it is taken away, so that ages and a limit of bytes together have no single outcome.
  return fc.oneof(
    fc.record({ limits: limitsOf({ tight: true }), ttlMs: fc.constant(1_000_000), steps }),
    fc.record({ limits: limitsOf({ tight: false }), ttlMs: fc.integer({ min: 0, max: 200 }), steps }),
  );
}

function limitsOf({ tight }: { tight: boolean }): fc.Arbitrary<StoreLimits> {
  return fc.record({
    retained: fc.record({ maxCount: fc.nat(6), maxBytes: fc.integer({ min: 0, max: 8_000 }) }),
    history: fc.record({ maxBytes: tight ? fc.integer({ min: 500, max: 12_000 }) : fc.constant(1_000_000) }),
  });
}

/** Lives a life, and compares all that can be read on the way. */
export async function runScenario({ limits, ttlMs, steps }: Scenario, open: OpenStore): Promise<void> {
  await using opened = await open({ limits, nowMs: NOW });
  const models = [new TenantModel(limits, NOW), new TenantModel(limits, NOW)];
  const names = ["one", "two"];
  let [number, clockMs, latestMs] = [0, NOW, NOW];
  for (const [at, step] of steps.entries()) {
    const which = at % 5 === 0 ? 1 : 0;
    const model = models[which] ?? assert.fail();
    const tenant = opened.store.tenant(names[which] ?? "");
    if (step.kind === "read") {
      compareRead({ tenant, model }, step, { number, latestMs });
      continue;
    }
    clockMs += step.passedMs;
    latestMs = Math.max(latestMs, clockMs);
    if (step.kind === "keep") {
      const { topic, payload, retain, size } = step;
      const one = message(++number, { topic, payload, atMs: clockMs });
      const rules = { retain, history: size === null ? null : { size, ttlMs } };
      assert.equal(tenant.keep(one, rules), model.keep(one, rules));
    } else if (step.kind === "trim") opened.store.trim(latestMs);
    else await opened.reopen?.();
    const current = opened.store.tenant(names[which] ?? "");
    compareAll({ tenant: current, model }, latestMs);
  }
}

interface Pair {
  readonly tenant: TenantStore;
  readonly model: TenantModel;
}

function compareAll({ tenant, model }: Pair, nowMs: number): void {
  assert.equal(tenant.lastId, model.lastId);
  assert.deepEqual(tenant.retained("#"), model.retained("#"));
  for (const topic of TOPICS) {
    const key = topic.toLowerCase();
    assert.deepEqual(tenant.history(key, nowMs), model.shown(key, nowMs));
  }
}

function compareRead(
  { tenant, model }: Pair,
  { pattern, max, from: kind, share }: Extract<Step, { kind: "read" }>,
  { number, latestMs }: { number: number; latestMs: number },
): void {
  assert.deepEqual(numbers(tenant.retained(pattern)), numbers(model.retained(pattern)));
  const from = fromOf(kind, { share, number, latestMs });
  const wanted = model.replay(pattern, from, latestMs);
  const { afterId: start, isComplete } = tenant.start(pattern, from, latestMs);
  const found: KeptMessage[] = [];
  for (let afterId = start;;) {
    const page = tenant.page(pattern, { afterId, max, nowMs: latestMs });
    found.push(...page);
    const last = page.at(-1);
    if (last === undefined) break;
    afterId = last.id;
  }
  assert.deepEqual(numbers(found), numbers(wanted.messages));
  assert.equal(isComplete, wanted.isComplete);
}

function fromOf(
  kind: ReplayFrom["kind"],
  { share, number, latestMs }: { share: number; number: number; latestMs: number },
): ReplayFrom {
  const part = Math.max(Math.round(share * number), 0);
  if (kind === "after") return { kind, id: idOf(part) };
  if (kind === "since") return { kind, atMs: NOW + Math.round(share * (latestMs - NOW)) };
  return { kind, count: part };
}
