import assert from "node:assert/strict";
import { BrokerStats } from "../../src/broker/broker_stats.ts";
import { TopicPolicies, type TopicPoliciesOptions } from "../../src/broker/topic_policies.ts";

function policies(options: Partial<TopicPoliciesOptions>): TopicPolicies {
  return new TopicPolicies({
    policies: [],
    slowConsumer: "close",
    rates: [],
    ratePerSecond: 0,
    stats: new BrokerStats(),
    ...options,
  });
}

Deno.test("Topic policies: the first pattern that selects a topic decides, in any case", () => {
  const topics = policies({
    policies: [
      { pattern: "Sensors.+.Raw", slowConsumer: "drop_oldest" },
      { pattern: "sensors.#", slowConsumer: "latest" },
      { pattern: "sensors.a.raw", slowConsumer: "close" },
    ],
  });
  const policyOf = (topic: string) => topics.settingsOf(topic).channel.slowConsumer;
  assert.equal(policyOf("sensors.a.raw"), "drop_oldest");
  assert.equal(policyOf("sensors.a"), "latest");
  assert.equal(policyOf("sensors"), "latest");
  assert.equal(policyOf("orders"), "close");
});

Deno.test("Topic policies: the order decides among many, not how exact a pattern is", () => {
  const patterns = Array.from({ length: 200 }, (_, i) => `a.n${i}`);
  const topics = policies({
    rates: [
      ...patterns.map((pattern, i) => ({ pattern, perSecond: i + 1 })),
      { pattern: "#", perSecond: 1000 },
      { pattern: "b", perSecond: 2000 },
    ],
  });
  assert.equal(topics.settingsOf("a.n150").ratePerSecond, 151);
  assert.equal(topics.settingsOf("b").ratePerSecond, 1000);
});

Deno.test("Topic policies: a policy that says nothing of slow consumers leaves the rule of the hub, and ends the search", () => {
  const topics = policies({
    policies: [{ pattern: "a.#", slowConsumer: null }, { pattern: "a.b", slowConsumer: "latest" }],
    slowConsumer: "drop_oldest",
  });
  assert.equal(topics.settingsOf("a.b").channel.slowConsumer, "drop_oldest");
});

Deno.test("Topic policies: a rate of 0 takes the limit off", () => {
  const topics = policies({ rates: [{ pattern: "free.#", perSecond: 0 }], ratePerSecond: 10 });
  assert.equal(topics.settingsOf("free.a").ratePerSecond, 0);
  assert.equal(topics.settingsOf("other").ratePerSecond, 10);
});

Deno.test("Topic policies: wildcards at the first level leave system topics alone", () => {
  const topics = policies({ policies: [{ pattern: "#", slowConsumer: "latest" }] });
  assert.equal(topics.settingsOf("system.service.events").channel.slowConsumer, "close");
});

Deno.test("Topic policies: who watches the hub loses the oldest, unless his topic is named", () => {
  const watching = ["system.log", "system.message"];
  const usual = policies({ policies: [{ pattern: "#", slowConsumer: "latest" }] });
  const named = policies({ policies: [{ pattern: "system.#", slowConsumer: "close" }] });
  for (const topic of watching) {
    assert.equal(usual.settingsOf(topic).channel.slowConsumer, "drop_oldest");
    assert.equal(named.settingsOf(topic).channel.slowConsumer, "close");
  }
});

Deno.test("Topic policies: presence is the first match's", () => {
  const topics = policies({
    policies: [
      { pattern: "chat.quiet", slowConsumer: null, presence: false },
      { pattern: "Chat.#", slowConsumer: null, presence: true },
    ],
  });
  const has = ["chat", "chat.a", "chat.quiet", "other"].map((topic) => topics.hasPresence(topic));
  assert.deepEqual(has, [true, true, false, false]);
  assert.deepEqual(topics.patterns, ["chat.#"]);
});

Deno.test("Topic policies: a gap is told as a message of the hub, and counted", () => {
  const stats = new BrokerStats();
  const { channel } = policies({ stats }).settingsOf("a.b");
  assert.equal(channel.name, "a.b");
  const encoded = channel.gapNotice?.(7).encodedFor("text");
  assert.equal(stats.gapNotices, 1);
  const [bytes] = encoded?.parts ?? [];
  assert.match(
    new TextDecoder().decode(bytes?.subarray(4)),
    /^publish:system\.topic\.gap:1\.0\.0:[0-9a-f-]{36}\n\{"topic":"a\.b","dropped":7\}$/,
  );
});
