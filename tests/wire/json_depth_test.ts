import assert from "node:assert/strict";
import fc from "fast-check";
import { isNestedTooDeep, MAX_JSON_DEPTH } from "../../src/wire/json_depth.ts";

const isTooDeep = (text: string) => isNestedTooDeep(new TextEncoder().encode(text));

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Object.values(value).reduce((most: number, part) => Math.max(most, depthOf(part)), 0);
}

Deno.test("JSON depth: tells what is too deep, whatever the texts in it hold", () => {
  const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("[[", "]}", '\\"', "\\", '{"'));
  const value = fc.jsonValue({ depthSize: "large", stringUnit: "binary" });
  fc.assert(
    fc.property(value, anyText, fc.nat(2 * MAX_JSON_DEPTH), (inner, text, wraps) => {
      let json: unknown = [inner, text];
      for (let i = 0; i < wraps; i++) json = i % 2 === 0 ? [text, json] : { [text]: json };
      assert.equal(isTooDeep(JSON.stringify(json)), depthOf(json) > MAX_JSON_DEPTH);
    }),
  );
});

Deno.test("JSON depth: the bound itself is allowed, one more is not", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert.equal(isTooDeep(nested(MAX_JSON_DEPTH)), false);
  assert.equal(isTooDeep(nested(MAX_JSON_DEPTH + 1)), true);
  assert.equal(isTooDeep(`[${Array(1000).fill("[]").join()}]`), false, "beside each other they are not deep");
});

Deno.test("JSON depth: what is no JSON is looked at without harm", () => {
  for (const text of ["", '"', '"\\', "]]]]", '["', '{"a":"\\"']) assert.equal(isTooDeep(text), false);
});
