import assert from "node:assert/strict";
import { Resolver, type ResolverLimits } from "../../src/link/resolver.ts";

const WANTED = new AbortController().signal;

/** A resolver whose names are answered when a test says so. */
function manual(limits: ResolverLimits) {
  const asked: string[] = [];
  const answers = new Map<string, PromiseWithResolvers<readonly string[]>>();
  const answerOf = (name: string) => {
    const known = answers.get(name) ?? Promise.withResolvers<readonly string[]>();
    answers.set(name, known);
    return known;
  };
  const resolver = new Resolver(limits, (name) => {
    asked.push(name);
    return answerOf(name).promise;
  });
  const answer = (name: string) => answerOf(name).resolve(["192.0.2.1"]);
  const fail = (name: string) => answerOf(name).reject(new Error("no such name"));
  return { resolver, asked, answer, fail };
}

Deno.test("Resolver: one asker with names that nobody answers leaves room for others", async () => {
  const { resolver, asked, answer } = manual({ concurrency: 4, concurrencyPerAsker: 2 });
  const attacker = resolver.of("attacker");
  const slow = ["a", "b", "c", "d", "e"].map((name) => attacker(name, WANTED));
  const other = resolver.of("other")("db.lan", WANTED);
  assert.deepEqual(asked, ["a", "b", "db.lan"]);
  answer("db.lan");
  assert.deepEqual(await other, ["192.0.2.1"]);
  for (const name of ["a", "b", "c", "d", "e"]) {
    answer(name);
    await slow.shift();
  }
  assert.deepEqual(asked, ["a", "b", "db.lan", "c", "d", "e"]);
});

Deno.test("Resolver: so much of one asker is looked up or waits, and so much of all", async () => {
  const { resolver, answer } = manual({ concurrencyPerAsker: 1, maxPerAsker: 2, max: 3 });
  const [one, two] = [resolver.of("one"), resolver.of("two")];
  const taken = [one("a", WANTED), one("b", WANTED), two("c", WANTED)];
  assert.equal(await one("d", WANTED), "too_many");
  assert.equal(await two("d", WANTED), "too_many");
  assert.deepEqual([resolver.slots.size, resolver.slots.refused], [3, 2]);
  answer("a");
  await taken[0];
  for (const name of ["b", "c"]) answer(name);
  await Promise.all(taken);
});

Deno.test("Resolver: what nobody waits for is not asked, but counts as long as the system is busy with it", async () => {
  const { resolver, asked, answer } = manual({ concurrencyPerAsker: 1, maxPerAsker: 2 });
  const gone = new AbortController();
  const lookUp = resolver.of("one");
  const first = lookUp("a", gone.signal);
  const second = lookUp("b", gone.signal);
  gone.abort();
  assert.equal(await lookUp("c", WANTED), "too_many", "to go away and come back brings nothing");
  answer("a");
  assert.deepEqual([await first, await second], [["192.0.2.1"], []]);
  assert.deepEqual(asked, ["a"]);
});

Deno.test("Resolver: a name that is not there leaves nothing behind", async () => {
  const { resolver, fail, asked } = manual({ maxPerAsker: 1 });
  const lookUp = resolver.of("one");
  for (let times = 1; times <= 2; times++) {
    const failing = lookUp("a", WANTED);
    assert.equal(asked.length, times);
    fail("a");
    await assert.rejects(failing, /no such name/);
    // What was looked up gives its slot back behind its answer.
    while (resolver.slots.size > 0) await Promise.resolve();
  }
});
