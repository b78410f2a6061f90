import assert from "node:assert/strict";
import fc from "fast-check";
import type { SubscriptionAction } from "../../src/broker/subscription.ts";
import {
  type SubscribeOptions,
  SubscriptionManager,
  type TopicRoute,
} from "../../src/broker/subscription_manager.ts";
import { matchesTopic } from "../../src/core/topic.ts";
import { FakeSubscriber, settingsOf } from "./fakes.ts";

const UNLIMITED = 1_000_000;

function createManager(maxPerSubscriber = UNLIMITED): SubscriptionManager {
  return new SubscriptionManager({ maxPerSubscriber, settingsOf });
}

function wanted(pattern: string, rest: Partial<SubscribeOptions> = {}): SubscribeOptions {
  return { pattern, action: "publish", priority: 0, group: null, ...rest };
}

/** What a route says, in an order of its own. */
function shown({ subscribers, groups, groupsOverlap, responders }: TopicRoute) {
  const ids = (members: readonly { readonly id: string }[]) => members.map(({ id }) => id).sort();
  return {
    subscribers: ids(subscribers),
    groups: groups.map(({ members }) => ids(members).join(" ")).sort(),
    groupsOverlap,
    responders: responders.map(({ subscriber, priority }) => `${subscriber.id} ${priority}`).sort(),
  };
}

interface NaiveSubscription {
  publish: { readonly group: string | null } | null;
  request: { readonly priority: number } | null;
}

/** The same by looking at everything each time. */
class NaiveManager {
  readonly all = new Map<FakeSubscriber, Map<string, NaiveSubscription>>();

  subscribe(subscriber: FakeSubscriber, { pattern, action, group, priority }: SubscribeOptions): void {
    const own = this.all.get(subscriber) ?? new Map<string, NaiveSubscription>();
    this.all.set(subscriber, own);
    const key = pattern.toLowerCase();
    const subscription = own.get(key) ?? { publish: null, request: null };
    own.set(key, subscription);
    if (action !== "request") subscription.publish = { group };
    if (action !== "publish") subscription.request = { priority };
  }

  unsubscribe(subscriber: FakeSubscriber, pattern: string, action: SubscriptionAction): boolean {
    const own = this.all.get(subscriber);
    const subscription = own?.get(pattern.toLowerCase());
    if (own === undefined || subscription === undefined) return false;
    const before = { ...subscription };
    if (action !== "request") subscription.publish = null;
    if (action !== "publish") subscription.request = null;
    if (subscription.publish === null && subscription.request === null) own.delete(pattern.toLowerCase());
    return before.publish !== subscription.publish || before.request !== subscription.request;
  }

  get size(): number {
    return [...this.all.values()].reduce((sum, own) => sum + own.size, 0);
  }

  get patterns(): string[] {
    return [...new Set([...this.all.values()].flatMap((own) => [...own.keys()]))].sort();
  }

  route(topic: string) {
    const plain = new Set<string>();
    const groups = new Map<string, Set<string>>();
    const priorities = new Map<string, number>();
    for (const [{ id }, own] of this.all) {
      for (const [key, subscription] of own) {
        if (!matchesTopic(key, topic)) continue;
        const { publish, request } = subscription;
        if (request !== null) {
          priorities.set(id, Math.max(request.priority, priorities.get(id) ?? request.priority));
        }
        if (publish === null) continue;
        if (publish.group === null) plain.add(id);
        else groups.set(publish.group, (groups.get(publish.group) ?? new Set()).add(id));
      }
    }
    const waiting = [...groups.values()].filter((members) => [...members].every((id) => !plain.has(id)));
    const memberships = waiting.flatMap((members) => [...members]);
    return {
      subscribers: [...plain].sort(),
      groups: waiting.map((members) => [...members].sort().join(" ")).sort(),
      groupsOverlap: new Set(memberships).size < memberships.length,
      responders: [...priorities].map(([id, priority]) => `${id} ${priority}`).sort(),
    };
  }
}

const levels = fc.constantFrom("a", "b", "c");
const topics = fc.tuple(fc.constantFrom("a", "b", "system"), fc.array(levels, { maxLength: 3 }))
  .map(([first, rest]) => [first, ...rest].join("."));
const patterns = fc.tuple(
  fc.constantFrom("a", "A", "b", "system", "System", "+"),
  fc.array(fc.oneof(levels, fc.constantFrom("B", "C", "+", "+")), { maxLength: 3 }),
  fc.constantFrom("", "", "#", ".#"),
).map(([first, rest, end]) => end === "#" ? "#" : `${[first, ...rest].join(".")}${end}`);
const actions = fc.constantFrom<SubscriptionAction>("publish", "request", "both");
const who = fc.nat(4);
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("subscribe" as const),
        who,
        pattern: patterns,
        action: actions,
        group: fc.constantFrom(null, null, "red", "blue", "Red"),
        priority: fc.integer({ min: -2, max: 2 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("unsubscribe" as const),
        who,
        pattern: patterns,
        action: actions,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), who }) },
  ),
  { maxLength: 40, size: "max" },
);

Deno.test("Subscription manager: finds what a naive matcher finds, whatever changes in between", () => {
  const asked = fc.uniqueArray(topics, { minLength: 1, maxLength: 8, size: "max" });
  fc.assert(
    fc.property(asked, steps, (topics, steps) => {
      const manager = createManager();
      const naive = new NaiveManager();
      const subscribers = Array.from({ length: 5 }, (_, i) => new FakeSubscriber(String(i)));
      for (const step of steps) {
        const subscriber = subscribers[step.who] as FakeSubscriber;
        if (step.do === "subscribe") {
          manager.subscribe(subscriber, step);
          naive.subscribe(subscriber, step);
        } else if (step.do === "unsubscribe") {
          const changed = manager.unsubscribe(subscriber, step);
          assert.equal(changed, naive.unsubscribe(subscriber, step.pattern, step.action));
        } else {
          assert.equal(manager.remove(subscriber), naive.all.get(subscriber)?.size ?? 0);
          naive.all.delete(subscriber);
        }
        // The second time from the cache, which must not be stale at the next step either.
        for (const topic of [...topics, ...topics]) {
          assert.deepEqual(shown(manager.route(topic)), naive.route(topic), topic);
        }
        assert.equal(manager.size, naive.size);
        assert.deepEqual([...manager.byPattern()].map(([first]) => first?.key).sort(), naive.patterns);
      }
      for (const subscriber of subscribers) manager.remove(subscriber);
      assert.equal(manager.size, 0);
      assert.deepEqual([...manager.byPattern()], []);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Subscription manager: a route is found once and kept until a change that could touch it", () => {
  const manager = createManager();
  const subscriber = new FakeSubscriber("1");
  manager.subscribe(subscriber, wanted("a.b"));
  const route = manager.route("a.b");
  assert.equal(manager.route("a.b"), route);
  manager.subscribe(subscriber, wanted("a.c"));
  assert.equal(manager.route("a.b"), route, "another topic");
  manager.subscribe(subscriber, wanted("A.B", { action: "request" }));
  assert.notEqual(manager.route("a.b"), route, "the same topic");
  assert.deepEqual([manager.cacheHits, manager.cacheMisses], [2, 2]);
  const last = manager.route("a.b");
  manager.subscribe(subscriber, wanted("x.+"));
  assert.notEqual(manager.route("a.b"), last, "a wildcard may touch any");
});

Deno.test("Subscription manager: routes stay right when more topics are asked for than are kept", () => {
  const manager = createManager();
  const [one, other] = [new FakeSubscriber("1"), new FakeSubscriber("2")];
  manager.subscribe(one, wanted("#"));
  for (let i = 0; i < 25_000; i++) manager.route(`t${i}`);
  for (const topic of ["t0", "t12000", "t24999"]) {
    manager.subscribe(other, wanted(topic));
    assert.deepEqual(shown(manager.route(topic)).subscribers, ["1", "2"]);
    manager.unsubscribe(other, wanted(topic));
    assert.deepEqual(shown(manager.route(topic)).subscribers, ["1"]);
  }
});

Deno.test("Subscription manager: subscribing again adds to what it is about and changes group and priority", () => {
  const manager = createManager();
  const subscriber = new FakeSubscriber("1");
  const only = () => {
    const [subscription, ...more] = manager.of(subscriber);
    assert.deepEqual(more, []);
    return subscription;
  };
  assert.equal(manager.subscribe(subscriber, wanted("A.b", { group: "g" })), "subscribed");
  assert.deepEqual([only()?.action, only()?.publish, only()?.request], ["publish", { group: "g" }, null]);
  assert.equal(
    manager.subscribe(subscriber, wanted("a.B", { action: "request", priority: 7 })),
    "updated",
  );
  assert.deepEqual([only()?.action, only()?.publish, only()?.request], ["both", { group: "g" }, {
    priority: 7,
  }]);
  assert.equal(manager.subscribe(subscriber, wanted("a.b", { action: "both", priority: -1 })), "updated");
  assert.deepEqual([only()?.publish, only()?.request], [{ group: null }, { priority: -1 }]);
  assert.equal(only()?.pattern, "A.b", "as it was written first");
  assert.equal(manager.size, 1);
});

Deno.test("Subscription manager: unsubscribing takes away an action, and the subscription with the last", () => {
  const manager = createManager();
  const subscriber = new FakeSubscriber("1");
  manager.subscribe(subscriber, wanted("a", { action: "both" }));
  assert.equal(manager.unsubscribe(subscriber, { pattern: "A", action: "publish" }), true);
  assert.deepEqual(shown(manager.route("a")), {
    subscribers: [],
    groups: [],
    groupsOverlap: false,
    responders: ["1 0"],
  });
  assert.equal(manager.unsubscribe(subscriber, { pattern: "a", action: "publish" }), false);
  assert.equal(manager.size, 1);
  assert.equal(manager.unsubscribe(subscriber, { pattern: "a", action: "request" }), true);
  assert.equal(manager.size, 0);
  assert.deepEqual(manager.route("a").responders, []);
  assert.equal(manager.unsubscribe(subscriber, { pattern: "a", action: "both" }), false);
  assert.equal(manager.unsubscribe(new FakeSubscriber("2"), { pattern: "a", action: "both" }), false);
});

Deno.test("Subscription manager: both takes away whatever there is", () => {
  for (const action of ["publish", "request", "both"] as const) {
    const manager = createManager();
    const subscriber = new FakeSubscriber("1");
    manager.subscribe(subscriber, wanted("a", { action }));
    assert.equal(manager.unsubscribe(subscriber, { pattern: "a", action: "both" }), true);
    assert.equal(manager.size, 0);
  }
});

Deno.test("Subscription manager: the limit counts patterns, and lets those that are there change", () => {
  const manager = createManager(2);
  const [one, other] = [new FakeSubscriber("1"), new FakeSubscriber("2")];
  manager.subscribe(one, wanted("a"));
  manager.subscribe(one, wanted("b.#"));
  assert.equal(manager.subscribe(one, wanted("c")), "limit");
  assert.deepEqual(shown(manager.route("c")).subscribers, []);
  assert.equal(manager.subscribe(one, wanted("A", { action: "both" })), "updated");
  assert.equal(manager.subscribe(other, wanted("c")), "subscribed");
  manager.unsubscribe(one, wanted("b.#"));
  assert.equal(manager.subscribe(one, wanted("c")), "subscribed");
  assert.equal(manager.size, 3);
});

Deno.test("Subscription manager: those to one pattern stand together, whatever its case", () => {
  const manager = createManager();
  const subscribers = Array.from({ length: 3 }, (_, i) => new FakeSubscriber(String(i)));
  for (const [i, pattern] of ["Orders.+.New", "orders.+.new", "ORDERS.+.NEW"].entries()) {
    manager.subscribe(subscribers[i] as FakeSubscriber, wanted(pattern));
  }
  manager.subscribe(subscribers[0] as FakeSubscriber, wanted("orders.#"));
  const patterns = [...manager.byPattern()].map((same) => same.map(({ pattern }) => pattern));
  assert.deepEqual(patterns.sort((one, other) => other.length - one.length), [
    ["Orders.+.New", "orders.+.new", "ORDERS.+.NEW"],
    ["orders.#"],
  ]);
});

Deno.test("Subscription manager: who leaves among 20,000 leaves all others as they were", () => {
  const manager = createManager();
  const subscribers = Array.from({ length: 20_000 }, (_, i) => new FakeSubscriber(String(i)));
  for (const [i, subscriber] of subscribers.entries()) {
    manager.subscribe(subscriber, wanted("all.of.them"));
    manager.subscribe(subscriber, wanted(`own.n${i}`));
  }
  const searched = manager.searched;
  for (let i = 0; i < 20_000; i += 2) assert.equal(manager.remove(subscribers[i] as FakeSubscriber), 2);
  assert.equal(manager.searched, searched, "nothing was searched");
  assert.equal(manager.size, 20_000);
  const left = manager.route("all.of.them").subscribers.map(({ id }) => Number(id)).sort((a, b) => a - b);
  assert.deepEqual(left, Array.from({ length: 10_000 }, (_, i) => 2 * i + 1));
  assert.equal(manager.route("own.n2").subscribers.length, 0);
  assert.equal(manager.route("own.n3").subscribers.length, 1);
});

Deno.test("Subscription manager: a search is counted by the branches that it looks at, a known route costs none", () => {
  const manager = createManager();
  const subscriber = new FakeSubscriber("1");
  for (let bits = 0; bits < 1024; bits++) {
    const branch = Array.from({ length: 10 }, (_, i) => (bits >> i) % 2 === 0 ? "a" : "+");
    manager.subscribe(subscriber, wanted([...branch, "z"].join(".")));
  }
  for (let i = 0; i < 10_000; i++) manager.subscribe(subscriber, wanted(`other.n${i}`));
  const topic = `${"a.".repeat(10)}nothing`;
  manager.route(topic);
  assert.equal(manager.searched, 2047, "a full binary tree of ten levels");
  manager.route(topic);
  assert.equal(manager.searched, 2047);
});
