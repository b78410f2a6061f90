import assert from "node:assert/strict";
import { findImports } from "../../tools/imports.ts";

function summary(source: string): string[] {
  return findImports(source).map(({ specifier, kind, line }) => `${line} ${kind} ${specifier}`);
}

Deno.test("findImports: tells values from types", () => {
  assert.deepEqual(
    summary(`import a from "a";
import type { B } from "b";
import { type C, type D as E } from "c";
import { type F, g } from "f";
import type, { h } from "h";
import * as i from "i";
import type * as j from "j";
import k, { type l } from "k";
import { type as m } from "m";
`),
    [
      "1 value a",
      "2 types b",
      "3 types c",
      "4 value f",
      "5 value h",
      "6 value i",
      "7 types j",
      "8 value k",
      "9 value m",
    ],
  );
});

Deno.test("findImports: passes over comments, strings, templates and regular expressions", () => {
  assert.deepEqual(
    summary(`// import "a";
/* import "b";
import "c"; */
const text = 'import "d";' + "import 'e';";
const template = \`import "f"; \${nested({ a: \`import "g"\` })} import "h"\`;
const half = 4 / 2; const pattern = /import "i"['"\`]/g;
const rest = list.map((x) => x / 3) / 4;
import "found";
`),
    ["8 value found"],
  );
});

Deno.test("findImports: finds what stands inside a template's substitution", () => {
  assert.deepEqual(summary('`a ${await import("b")} c ${`${await import("d")}`}`;'), [
    "1 value b",
    "1 value d",
  ]);
});

Deno.test("findImports: an export that declares something imports nothing", () => {
  assert.deepEqual(
    summary(`export const from = "a";
export function f(from: string) { return "b"; }
export { c };
export type D = { from: "d" };
export default "e";
const object = { import: "f" }; object.import("g"); import.meta.resolve("h");
`),
    [],
  );
});

Deno.test("findImports: an import may span lines and carry attributes", () => {
  assert.deepEqual(
    summary('import {\n  a,\n  b,\n} from "./a.ts";\nimport data from "./data.json" with { type: "json" };'),
    ["1 value ./a.ts", "5 value ./data.json"],
  );
});

Deno.test("findImports: ends on text that is no program", () => {
  assert.deepEqual(summary("`${ ' \n import \" / export { from"), []);
});
