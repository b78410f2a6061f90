import { equal } from "node:assert/strict";
import { isTopic, isTopicPattern } from "../../src/core/topic.ts";

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
