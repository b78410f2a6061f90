import assert from "node:assert/strict";
import fc from "fast-check";
import { compilePattern, type LinearPattern, MAX_INSTRUCTIONS } from "../../src/broker/linear_pattern.ts";

function compiled(text: string): LinearPattern {
  const result = compilePattern(text);
  assert.ok(result.ok, result.ok ? "" : `${text}: ${result.reason}`);
  return result.pattern;
}

/** Expressions of the grammar, that JavaScript knows too. */
const expressions = fc.letrec<{ choice: string; sequence: string; repeated: string; atom: string }>((
  tie,
) => ({
  choice: fc.array(tie("sequence"), { minLength: 1, maxLength: 3 }).map((options) => options.join("|")),
  sequence: fc.array(tie("repeated"), { maxLength: 4 }).map((items) => items.join("")),
  repeated: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom("^", "$") },
    {
      weight: 6,
      arbitrary: fc.tuple(
        tie("atom"),
        fc.constantFrom("", "", "", "*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "{0}"),
      )
        .map(([atom, count]) => atom + count),
    },
  ),
  atom: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.constantFrom("a", "b", "é", "😀", ".", "\\d", "\\W", "\\s", "\\S", "\\.", "\\n"),
    fc.constantFrom("[ab]", "[^a]", "[a-cx]", "[\\d\\s]", "[^\\w-]", "[\\]^-]", "[]", "[^]", "[b-ba-a]"),
    tie("choice").map((inner) => `(${inner})`),
    tie("choice").map((inner) => `(?:${inner})`),
  ),
}));
const texts = fc.string({
  unit: fc.constantFrom("a", "b", "c", "é", "😀", "1", " ", "\n", ".", "-"),
  maxLength: 8,
});

Deno.test("Linear pattern: finds what JavaScript's own expressions find", () => {
  fc.assert(
    fc.property(expressions.choice, texts, (expression, text) => {
      const result = compilePattern(expression);
      fc.pre(result.ok);
      // How much is taken first does not matter, and V8 finds nothing for `(?:[^]*?a^|)`.
      const greedy = expression.replaceAll("*?", "*");
      assert.equal(result.pattern.test(text), new RegExp(greedy, "u").test(text));
    }),
    { numRuns: 3000 },
  );
});

Deno.test("Linear pattern: whatever a client writes is compiled or refused with a reason", () => {
  const pieces = fc.constantFrom(..."ab^$.*+?()[]{}|\\-,:=!<019dwsDbu".split(""));
  fc.assert(
    fc.property(fc.string({ unit: pieces, maxLength: 220 }), (expression) => {
      const result = compilePattern(expression);
      if (!result.ok) return assert.notEqual(result.reason, "");
      // What is taken here means something in JavaScript too.
      new RegExp(expression);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("Linear pattern: what no regular language has is refused, and what is written wrongly", () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ["(?=a)", /looking around/],
    ["(?!a)", /looking around/],
    ["(?<=a)b", /looking around/],
    ["(?<name>a)", /names/],
    ["(a)\\1", /\\1 is not supported/],
    ["\\bword", /\\b is not supported/],
    ["\\u0041", /\\u is not supported/],
    ["a\\", /is not supported/],
    ["(a", /never closed/],
    ["a)", /nothing opens/],
    ["[a", /never closed/],
    ["[b-a]", /range/],
    ["[\\d-z]", /range/],
    ["*a", /means nothing/],
    ["a**", /means nothing/],
    ["a{2", /count/],
    ["a{,2}", /count/],
    ["a{3,2}", /count/],
    ["a{101}", /up to 100/],
    ["^*", /cannot be repeated/],
    ["a".repeat(201), /more than 200/],
  ];
  for (const [expression, reason] of refused) {
    const result = compilePattern(expression);
    assert.ok(!result.ok, expression);
    assert.match(result.reason, reason, expression);
  }
});

Deno.test("Linear pattern: expressions that would be huge when written out are refused at once", () => {
  for (const expression of ["(((((a{100}){100}){100}){100}){100}){100}", "((((){100}){100}){100}){100}"]) {
    const result = compilePattern(expression);
    assert.ok(!result.ok);
    assert.match(result.reason, /too large/);
  }
});

/** Well-known expressions that take engines that go back minutes or centuries. */
const BOMBS: readonly (readonly [string, string, string])[] = [
  ["^(a+)+$", "a", "!"],
  ["^([a-zA-Z]+)*$", "a", "!"],
  ["^(a|aa)+$", "a", "!"],
  ["^(a|a?)+$", "a", "!"],
  ["^(.*a){20}$", "a", "!"],
  ["(x+x+)+y", "x", ""],
  ["^(([a-z])+.)+[A-Z]([a-z])+$", "a", ""],
  ["\\s+$", " ", "x"],
  [".*.*=.*", "x", ""],
  ["^(\\d+\\s*)*;$", "1 ", ""],
  ["(a?){50}a{50}b", "a", ""],
  ["((a*)*)*b", "a", ""],
];

Deno.test("Linear pattern: expressions that explode elsewhere take steps by the length of the text", () => {
  for (const [expression, piece, end] of BOMBS) {
    const pattern = compiled(expression);
    const text = piece.repeat(2000) + end;
    assert.equal(pattern.test(text), false, expression);
    const first = pattern.steps;
    assert.ok(first <= (text.length + 1) * MAX_INSTRUCTIONS, `${expression}: ${first} steps`);
    pattern.test(text.slice(0, 1000));
    assert.ok(pattern.steps - first <= first, expression);
  }
});
