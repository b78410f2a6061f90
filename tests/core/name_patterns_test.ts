import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { AddressRanges } from "../../src/core/address_ranges.ts";
import { NamePatterns } from "../../src/core/name_patterns.ts";
import { PortSet } from "../../src/core/port_set.ts";
import { matchesIpRange, parseIp, parseIpRange } from "../../src/core/ip_range.ts";

const names = fc.string({ unit: fc.constantFrom("a", "b", "."), minLength: 1, maxLength: 10 });
const patterns = fc.string({ unit: fc.constantFrom("a", "b", ".", "*"), minLength: 1, maxLength: 8 })
  .map((text) => text.replace(/\*+/g, "*"));

/** The same by a regular expression, which may take its time. */
function selects(pattern: string, name: string): boolean {
  if (pattern === "*") return true;
  return new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", "[^.]+")}$`).test(name);
}

Deno.test("Name patterns: select a name exactly when a star is one or more characters other than a dot", () => {
  fc.assert(
    fc.property(fc.array(patterns, { maxLength: 8 }), names, (patterns, name) => {
      const map = new NamePatterns<string>();
      for (const pattern of patterns) map.getOrAdd(pattern, () => pattern);
      const expected = [...new Set(patterns)].filter((pattern) => selects(pattern, name)).sort();
      deepEqual([...map.select(name)].sort(), expected);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("Name patterns: keep the value that was there", () => {
  const map = new NamePatterns<number>();
  equal(map.getOrAdd("a*", () => 1), 1);
  equal(map.getOrAdd("a*", () => 2), 1);
  deepEqual([...map.select("ab")], [1]);
});

Deno.test("Name patterns: no name is a pattern, and none is empty", () => {
  const map = new NamePatterns<number>();
  map.getOrAdd("*", () => 1);
  map.getOrAdd("a*", () => 2);
  deepEqual([...map.select("a*")], []);
  deepEqual([...map.select("")], []);
});

Deno.test("Name patterns: a hostile pattern costs no more than the length of the name", () => {
  const map = new NamePatterns<number>();
  map.getOrAdd(`${"*a".repeat(100)}*b`, () => 1);
  deepEqual([...map.select(`${"a".repeat(250)}c`)], []);
  deepEqual([...map.select(`${"a".repeat(250)}b`)], [1]);
});

Deno.test("Address ranges: select what a comparison with each range selects", () => {
  const texts = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.1.2.3",
    "10.1.0.0/15",
    "::/0",
    "::1",
    "fd00::/7",
    "fd12::/17",
  ];
  const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom("10.1.2.3", "10.0.9.9", "::1", "fd12::7"));
  const map = new AddressRanges<string>();
  const ranges = texts.map((text) => {
    const range = parseIpRange(text);
    if (range === null) throw new Error(text);
    return range;
  });
  for (const range of ranges) map.getOrAdd(range, () => range.text);
  fc.assert(fc.property(address, (text) => {
    const bytes = parseIp(text);
    if (bytes === null) throw new Error(text);
    const expected = ranges.filter((range) => matchesIpRange(range, bytes)).map((range) => range.text);
    deepEqual([...map.select(bytes)].sort(), expected.sort());
  }));
});

Deno.test("Port set: has what one of its ranges has", () => {
  const port = fc.integer({ min: 1, max: 40 });
  const range = fc.tuple(port, port).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
  fc.assert(fc.property(fc.array(range), (ranges) => {
    const set = new PortSet();
    for (const [index, range] of ranges.entries()) {
      set.add(range);
      const added = ranges.slice(0, index + 1);
      for (let port = 0; port <= 41; port++) {
        equal(set.has(port), added.some(({ first, last }) => first <= port && port <= last));
      }
    }
  }));
});
