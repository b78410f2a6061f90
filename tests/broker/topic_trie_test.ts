import assert from "node:assert/strict";
import fc from "fast-check";
import { TopicTrie, TrieEntry } from "../../src/broker/topic_trie.ts";
import { matchesTopic } from "../../src/core/topic.ts";

class Entry extends TrieEntry {
  override readonly key: string;

  constructor(key: string) {
    super();
    this.key = key;
  }
}

function found(trie: TopicTrie<Entry>, topic: string): string[] {
  const lists: (readonly Entry[])[] = [];
  trie.match(topic, lists);
  return lists.flat().map(({ key }) => key).sort();
}

function trieOf(keys: readonly string[]): { trie: TopicTrie<Entry>; entries: Entry[] } {
  const trie = new TopicTrie<Entry>();
  const entries = keys.map((key) => new Entry(key));
  for (const entry of entries) trie.add(entry);
  return { trie, entries };
}

const levels = fc.constantFrom("a", "b", "system");
const topics = fc.array(levels, { minLength: 1, maxLength: 5 }).map((all) => all.join("."));
const patterns = fc.tuple(
  fc.array(fc.oneof(levels, fc.constant("+")), { maxLength: 5 }),
  fc.boolean(),
).map(([all, hash]) => all.length === 0 ? "#" : [...all, ...(hash ? ["#"] : [])].join("."));

Deno.test("Topic trie: finds what the grammar of patterns says, each entry once", () => {
  fc.assert(
    fc.property(fc.array(patterns, { maxLength: 40, size: "max" }), topics, (keys, topic) => {
      const expected = keys.filter((key) => matchesTopic(key, topic)).sort();
      assert.deepEqual(found(trieOf(keys).trie, topic), expected);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Topic trie: # is zero levels or more, + exactly one", () => {
  const { trie } = trieOf(["#", "+", "+.#", "a", "a.#", "a.+", "a.+.#", "a.b", "+.+", "+.b", "b.#"]);
  assert.deepEqual(found(trie, "a"), ["#", "+", "+.#", "a", "a.#"]);
  assert.deepEqual(found(trie, "a.b"), ["#", "+.#", "+.+", "+.b", "a.#", "a.+", "a.+.#", "a.b"]);
  assert.deepEqual(found(trie, "a.b.c"), ["#", "+.#", "a.#", "a.+.#"]);
});

Deno.test("Topic trie: a wildcard at the first level never selects system", () => {
  const { trie } = trieOf(["#", "+", "+.#", "+.metrics", "system", "system.#", "system.+", "a.system"]);
  assert.deepEqual(found(trie, "system"), ["system", "system.#"]);
  assert.deepEqual(found(trie, "system.metrics"), ["system.#", "system.+"]);
  assert.deepEqual(found(trie, "systems"), ["#", "+", "+.#"]);
  assert.deepEqual(found(trie, "a.system"), ["#", "+.#", "a.system"]);
});

Deno.test("Topic trie: what is removed is gone, what is left is found, nothing is left at the end", () => {
  const plan = fc.array(patterns, { minLength: 1, maxLength: 30, size: "max" }).chain((keys) =>
    fc.tuple(fc.constant(keys), fc.shuffledSubarray(keys.map((_, i) => i)), topics)
  );
  fc.assert(fc.property(plan, ([keys, removed, topic]) => {
    const { trie, entries } = trieOf(keys);
    for (const index of removed) trie.remove(entries[index] as Entry);
    const kept = entries.filter((_, i) => !removed.includes(i));
    assert.deepEqual(
      found(trie, topic),
      kept.map(({ key }) => key).filter((key) => matchesTopic(key, topic)).sort(),
    );
    const listed = [...trie.byPattern()];
    assert.deepEqual(listed.flat().map(({ key }) => key).sort(), kept.map(({ key }) => key).sort());
    for (const same of listed) assert.equal(new Set(same.map(({ key }) => key)).size, 1);
    for (const entry of kept) trie.remove(entry);
    assert.deepEqual([...trie.byPattern()], []);
    assert.equal(trie.match(topic, []), 1, "nothing but the root is left");
  }));
});

Deno.test("Topic trie: removing twice changes nothing", () => {
  const { trie, entries: [first, second] } = trieOf(["a", "a"]);
  trie.remove(first as Entry);
  trie.remove(first as Entry);
  assert.deepEqual(found(trie, "a"), ["a"]);
  assert.deepEqual([...trie.byPattern()], [[second]]);
  trie.add(first as Entry);
  assert.deepEqual(found(trie, "a"), ["a", "a"]);
});

Deno.test("Topic trie: looks at no branch that cannot match", () => {
  const { trie } = trieOf(Array.from({ length: 10_000 }, (_, i) => `n${i}.x.y`));
  trie.add(new Entry("+.x"));
  assert.equal(trie.match("n5.x.y", []), 1 + 3 + 2, "root, the exact branch, the one of +");
  assert.equal(trie.match("other.x", []), 3);
});
