import assert from "node:assert/strict";
import { MAX_RECENT, RECENT_MS, RecentPublishes } from "../../src/broker/recent_publishes.ts";

const key = (requestId: string, topicKey = "a", who = "ann") => ({ requestId, topicKey, who });

Deno.test("Recent publishes: the same publish is known by topic and publisher", () => {
  const recent = new RecentPublishes();
  recent.add(key("1"), "id-1", 0);
  recent.add(key("1", "b"), "id-2", 0);
  recent.add(key("1", "a", "bob"), "id-3", 0);
  assert.deepEqual(
    [key("1"), key("1", "b"), key("1", "a", "bob"), key("1", "b", "bob"), key("2")].map((one) =>
      recent.find(one, 0)
    ),
    ["id-1", "id-2", "id-3", null, null],
  );
});

Deno.test("Recent publishes: bounded in time and in count", () => {
  const recent = new RecentPublishes();
  recent.add(key("old"), "id", 0);
  assert.equal(recent.find(key("old"), RECENT_MS), "id");
  assert.equal(recent.find(key("old"), RECENT_MS + 1), null);
  for (let at = 0; at < MAX_RECENT + 10; at++) recent.add(key(`n${at}`), `id-${at}`, RECENT_MS);
  assert.equal(recent.size, MAX_RECENT);
  assert.equal(recent.find(key("n9"), RECENT_MS), null);
  assert.equal(recent.find(key("n10"), RECENT_MS), "id-10");
  recent.forgetOld(3 * RECENT_MS);
  assert.equal(recent.size, 0);
});

Deno.test("Recent publishes: what was kept before a start is known whoever sends it again, and can be forgotten", () => {
  const recent = new RecentPublishes();
  recent.restore({ requestId: "1", topicKey: "a", id: "id" }, 0);
  assert.equal(recent.find(key("1"), 0), "id");
  assert.equal(recent.find(key("1", "b"), 0), null);
  recent.forget(key("1"));
  assert.equal(recent.find(key("1"), 0), null);
});
