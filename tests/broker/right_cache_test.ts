import assert from "node:assert/strict";
import { MAX_REMEMBERED, RightCache } from "../../src/broker/right_cache.ts";
import { type Rights, USER_RIGHTS } from "../../src/core/rights.ts";

/** Rights that count how often they are asked. */
function countingRights(allows: (topic: string) => boolean) {
  const asked: string[] = [];
  const rights: Rights = {
    ...USER_RIGHTS,
    allows: (right, topic) => {
      asked.push(`${right} ${topic}`);
      return allows(topic);
    },
  };
  return { rights, asked };
}

Deno.test("Right cache: what is allowed is found out once for each right", () => {
  const { rights, asked } = countingRights(() => true);
  const cache = new RightCache(rights);
  for (let time = 0; time < 3; time++) {
    assert.ok(cache.allows("publish", "a"));
    assert.ok(cache.allows("request", "a"));
  }
  assert.deepEqual(asked, ["publish a", "request a"]);
});

Deno.test("Right cache: what is denied takes no memory, and stays denied", () => {
  const cache = new RightCache(countingRights((topic) => topic === "a").rights);
  assert.ok(cache.allows("publish", "a"));
  for (let at = 0; at < 5000; at++) {
    assert.ok(!cache.allows("publish", `t${at}`));
    assert.ok(!cache.allows("request", `t${at}`));
  }
  assert.equal(cache.size, 1);
});

Deno.test("Right cache: however many topics are allowed, few are remembered", () => {
  const cache = new RightCache(countingRights(() => true).rights);
  for (let at = 0; at < 5000; at++) {
    assert.ok(cache.allows("publish", `t${at}`));
    assert.ok(cache.allows("request", `t${at}`));
    assert.ok(cache.size <= 2 * MAX_REMEMBERED);
  }
  assert.ok(MAX_REMEMBERED <= 64);
});

Deno.test("Right cache: topics that are not sent to any more make room for others", () => {
  const { rights, asked } = countingRights(() => true);
  const cache = new RightCache(rights);
  for (let at = 0; at < MAX_REMEMBERED; at++) cache.allows("publish", `t${at}`);
  for (let time = 0; time < 5000; time++) assert.ok(cache.allows("publish", "new"));
  assert.ok(asked.length < 5000);
  assert.ok(cache.size < MAX_REMEMBERED);
});
