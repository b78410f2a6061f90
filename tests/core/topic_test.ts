import { equal } from "node:assert/strict";
import fc from "fast-check";
import {
  containsPattern,
  isTopic,
  isTopicPattern,
  matchesTopic,
  patternsOverlap,
} from "../../src/core/topic.ts";

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

Deno.test("Topic: a pattern lies inside another one only when all that it selects does", () => {
  const cases: [outer: string, inner: string, isInside: boolean][] = [
    ["a.+", "a.#", false],
    ["a.#", "a.+", true],
    ["a.#", "a", true],
    ["a.+.#", "a.#", false],
    ["a.+", "a", false],
    ["+", "a", true],
    ["a", "+", false],
    ["#", "+.#", true],
    ["+.#", "#", true],
    ["#", "system.#", false],
    ["+.+", "system.a", false],
    ["+", "system", false],
    ["system.#", "#", false],
    ["system.#", "system", true],
    ["system.+", "system.log", true],
    ["a.+", "a.system", true],
    ["systems.#", "system.a", false],
  ];
  for (const [outer, inner, isInside] of cases) {
    equal(containsPattern(outer, inner), isInside, `${inner} inside ${outer}`);
  }
});

Deno.test("Topic: containment is what the enumeration of all topics says, for all pairs of patterns", () => {
  // One level more than a pattern has, and a word that no pattern names, tell any two patterns apart.
  const topics = sequences(["a", "system", "other"], 5);
  const patterns = sequences(["a", "system", "+", "#"], 4).filter(isTopicPattern);
  const selected = new Map(patterns.map((pattern) => [
    pattern,
    topics.filter((topic) => matchesTopic(pattern, topic)),
  ]));
  let inside = 0;
  for (const [outer, all] of selected) {
    const allowed = new Set(all);
    for (const [inner, wanted] of selected) {
      const expected = wanted.every((topic) => allowed.has(topic));
      equal(containsPattern(outer, inner), expected, `${inner} inside ${outer}`);
      if (expected) inside++;
    }
  }
  equal(inside > patterns.length, true);
});

/** All texts of one to `max` of the levels. */
function sequences(levels: readonly string[], max: number): string[] {
  let longest = [...levels];
  const all = [...longest];
  for (let length = 2; length <= max; length++) {
    longest = longest.flatMap((text) => levels.map((level) => `${text}.${level}`));
    all.push(...longest);
  }
  return all;
}

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
