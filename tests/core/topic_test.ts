import { equal } from "node:assert/strict";
import fc from "fast-check";
import { isTopic, isTopicPattern, matchesTopic, patternsOverlap } from "../../src/core/topic.ts";

const LONG = `a${"b".repeat(254)}`;

Deno.test("Topic: takes levels of letters, digits, underscore and hyphen", () => {
  for (
    const text of ["a", "orders.new", "A1_-.b", "system.heartbeat", LONG, new Array(16).fill("x").join(".")]
  ) {
    equal(isTopic(text), true, text);
    equal(isTopicPattern(text), true, text);
  }
});

Deno.test("Topic: refuses empty levels, other characters and what is too long", () => {
  const wrong = [
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "1a",
    "_a",
    "a b",
    "a:b",
    "ä",
    `${LONG}c`,
    new Array(17).fill("x").join("."),
  ];
  for (const text of wrong) {
    equal(isTopic(text), false, text);
    equal(isTopicPattern(text), false, text);
  }
});

Deno.test("Topic: takes wildcards in patterns only, # at the end only", () => {
  for (const text of ["+", "#", "a.+", "+.a", "a.+.b", "a.#", "+.#"]) {
    equal(isTopicPattern(text), true, text);
    equal(isTopic(text), false, text);
  }
  for (const text of ["#.a", "a.#.b", "a#", "a+", "+a", "##", "a.#."]) {
    equal(isTopicPattern(text), false, text);
  }
});

Deno.test("Topic: patterns overlap when there is a topic that both select", () => {
  const names = ["a", "b", "system"];
  const topics = names.flatMap((one) => [
    one,
    ...names.flatMap((two) => [`${one}.${two}`, ...names.map((three) => `${one}.${two}.${three}`)]),
  ]);
  const level = fc.constantFrom(...names, "+");
  const pattern = fc.tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([levels, isOpen]) => (isOpen ? [...levels.slice(0, 2), "#"] : levels).join("."));
  fc.assert(fc.property(fc.oneof(pattern, fc.constant("#")), pattern, (one, other) => {
    const isCommon = topics.some((topic) => matchesTopic(one, topic) && matchesTopic(other, topic));
    equal(patternsOverlap(one, other), isCommon, `${one} and ${other}`);
    equal(patternsOverlap(other, one), isCommon, `${other} and ${one}`);
  }));
});
