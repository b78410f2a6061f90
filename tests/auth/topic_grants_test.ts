import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { TopicGrants } from "../../src/auth/topic_grants.ts";
import { containsPattern, isTopicPattern, matchesTopic } from "../../src/core/topic.ts";

const level = fc.constantFrom("a", "b", "system");
const topics = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join("."));
const patterns = fc.array(fc.oneof(level, fc.constant("+"), fc.constant("#")), { minLength: 1, maxLength: 5 })
  .map((levels) => levels.join(".")).filter(isTopicPattern);
const sets = fc.array(patterns, { maxLength: 12 });

function grants(patterns: readonly string[]): TopicGrants {
  const set = new TopicGrants();
  for (const pattern of patterns) set.add(pattern);
  return set;
}

Deno.test("Topic grants: a topic is allowed exactly when one of the patterns selects it", () => {
  fc.assert(fc.property(sets, topics, (patterns, topic) => {
    equal(grants(patterns).contains(topic), patterns.some((pattern) => matchesTopic(pattern, topic)));
  }));
});

Deno.test("Topic grants: a pattern is allowed exactly when it lies inside one single pattern", () => {
  fc.assert(fc.property(sets, patterns, (allowed, pattern) => {
    equal(grants(allowed).contains(pattern), allowed.some((outer) => containsPattern(outer, pattern)));
  }));
});

Deno.test("Topic grants: two patterns together do not allow what neither allows alone", () => {
  equal(grants(["a", "a.+", "a.+.#"]).contains("a.#"), false);
});

Deno.test("Topic grants: nothing is allowed without patterns", () => {
  for (const text of ["a", "#", "+", "system", "system.log"]) equal(grants([]).contains(text), false);
});

Deno.test("Topic grants: ten thousand patterns with wildcards at every level still answer", () => {
  const many: string[] = [];
  for (let n = 0; n < 10_000; n++) {
    const levels = [...n.toString(2).padStart(14, "0")].map((bit) => bit === "1" ? "+" : "a");
    many.push(`${levels.join(".")}.end`);
  }
  const set = grants(many);
  const path = new Array(14).fill("a").join(".");
  ok(set.contains(`${path}.end`));
  ok(!set.contains(`${path}.other`));
});
