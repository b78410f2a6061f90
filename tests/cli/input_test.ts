import assert from "node:assert/strict";
import fc from "fast-check";
import { readLines, readWhole } from "../../src/cli/input.ts";
import { TrunklineError } from "../../src/core/errors.ts";

const decoder = new TextDecoder();

/** The text in pieces that end at the places. */
async function* pieces(text: string, places: readonly number[]): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let from = 0;
  for (const end of ends) {
    yield bytes.subarray(from, end);
    from = end;
  }
}

async function linesOf(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  return (await Array.fromAsync(readLines(chunks))).map((line) => decoder.decode(line));
}

Deno.test("Input: lines and the whole are the same however the input is split", async () => {
  const text = fc.array(fc.constantFrom("a", "ö", "\n", "\r\n", "")).map((parts) => parts.join(""));
  await fc.assert(fc.asyncProperty(text, fc.array(fc.nat()), async (input, places) => {
    assert.equal(decoder.decode(await readWhole(pieces(input, places))), input);
    const lines = input.split("\n").map((line) => line.replace(/\r$/, ""));
    if (input === "" || input.endsWith("\n")) lines.pop();
    assert.deepEqual(await linesOf(pieces(input, places)), lines);
  }));
});

Deno.test("Input: a line without end is refused before it takes all memory", async () => {
  let given = 0;
  const endless = async function* () {
    for (;; given++) yield new Uint8Array(1 << 20).fill(0x61);
  };
  for (const read of [linesOf, readWhole]) {
    given = 0;
    await assert.rejects(read(endless()), TrunklineError);
    assert.equal(given, 15);
  }
});
