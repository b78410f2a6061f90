import assert from "node:assert/strict";
import {
  MAX_RECENT,
  type PublishKey,
  RECENT_MS,
  RecentPublishes,
} from "../../src/broker/recent_publishes.ts";

function add(recent: RecentPublishes, key: PublishKey, id: string, atMs: number): void {
  recent.add(key, { id, isFull: false }, atMs);
}

const key = (requestId: string, topicKey = "a", who = "ann") => ({ requestId, topicKey, who });

Deno.test("Recent publishes: the same publish is known by topic and publisher", () => {
  const recent = new RecentPublishes();
  add(recent, key("1"), "id-1", 0);
  add(recent, key("1", "b"), "id-2", 0);
  add(recent, key("1", "a", "bob"), "id-3", 0);
  assert.deepEqual(
    [key("1"), key("1", "b"), key("1", "a", "bob"), key("1", "b", "bob"), key("2")].map((one) =>
      recent.find(one, 0)?.id ?? null
    ),
    ["id-1", "id-2", "id-3", null, null],
  );
});

Deno.test("Recent publishes: bounded in time and in count", () => {
  const recent = new RecentPublishes();
  add(recent, key("old"), "id", 0);
  assert.equal(recent.find(key("old"), RECENT_MS)?.id, "id");
  assert.equal(recent.find(key("old"), RECENT_MS + 1), null);
  for (let at = 0; at < MAX_RECENT + 10; at++) add(recent, key(`n${at}`), `id-${at}`, RECENT_MS);
  assert.equal(recent.size, MAX_RECENT);
  assert.equal(recent.find(key("n9"), RECENT_MS), null);
  assert.equal(recent.find(key("n10"), RECENT_MS)?.id, "id-10");
  recent.forgetOld(3 * RECENT_MS);
  assert.equal(recent.size, 0);
});

Deno.test("Recent publishes: what was kept before a start is known whoever sends it again, and can be forgotten", () => {
  const recent = new RecentPublishes();
  recent.restore({ requestId: "1", topicKey: "a", id: "id" }, 0);
  assert.equal(recent.find(key("1"), 0)?.id, "id");
  assert.equal(recent.find(key("1", "b"), 0), null);
  recent.forget(key("1"));
  assert.equal(recent.find(key("1"), 0), null);
});

Deno.test("Recent publishes: of several with one request id each is known for its own time", () => {
  const recent = new RecentPublishes();
  add(recent, key("1"), "id-1", 0);
  add(recent, key("1", "b"), "id-2", RECENT_MS / 2);
  add(recent, key("1", "c"), "id-3", RECENT_MS / 2);
  recent.forgetOld(RECENT_MS + 1);
  assert.equal(recent.size, 2);
  assert.equal(recent.find(key("1"), RECENT_MS + 1), null);
  assert.deepEqual(["b", "c"].map((topic) => recent.find(key("1", topic), RECENT_MS + 1)?.id), [
    "id-2",
    "id-3",
  ]);
  add(recent, key("1", "b"), "id-4", RECENT_MS + 1);
  assert.equal(recent.size, 2);
  assert.equal(recent.find(key("1", "b"), RECENT_MS + 1)?.id, "id-4");
  recent.forget(key("1", "b"));
  assert.equal(recent.find(key("1", "b"), RECENT_MS + 1), null);
  assert.equal(recent.find(key("1", "c"), RECENT_MS + 1)?.id, "id-3");
});

Deno.test("Recent publishes: two of one request id from before a start are both known", () => {
  const recent = new RecentPublishes();
  for (const topicKey of ["a", "b"]) recent.restore({ requestId: "1", topicKey, id: `id-${topicKey}` }, 0);
  assert.deepEqual(["a", "b"].map((topic) => recent.find(key("1", topic), 0)?.id), ["id-a", "id-b"]);
});
