import assert from "node:assert/strict";
import { target as frameTarget } from "../../fuzz/frame_target.ts";
import { target as httpTarget } from "../../fuzz/http_target.ts";
import { target as muxTarget } from "../../fuzz/mux_target.ts";
import { fuzz, hexLines, runFuzz } from "../../fuzz/run.ts";
import { Random } from "../../fuzz/random.ts";
import type { FuzzTarget } from "../../fuzz/target.ts";

for (const [target, cases] of [[frameTarget, 20_000], [httpTarget, 10_000], [muxTarget, 10_000]] as const) {
  Deno.test(`Fuzz: ${target.name} survives ${cases} cases`, () => {
    const seed = Math.floor(Math.random() * 0x1_0000_0000);
    const { failure, cases: tried } = fuzz(target, { seed, cases });
    const shown = failure === null ? "" : hexLines(failure.input).join("\n");
    assert.equal(failure, null, `seed ${seed}, case ${failure?.index}: ${failure?.error}\n${shown}`);
    assert.equal(tried, cases);
  });
}

Deno.test("Fuzz: cases of frames begin well often enough to be read", () => {
  let valid = 0;
  const counting: FuzzTarget = {
    ...frameTarget,
    check: (input, random) => {
      frameTarget.check(input, random);
      if (input[0] === 1) valid++;
    },
  };
  const { cases } = fuzz(counting, { seed: 1, cases: 1000 });
  assert.ok(valid > cases / 4 && valid < cases, `${valid} of ${cases}`);
});

Deno.test("Fuzz: a case that fails is told with its bytes, and comes again with its seed", () => {
  const bad: FuzzTarget = {
    name: "bad",
    about: "",
    make: (random: Random) => random.bytes(3),
    check: (input) => assert.ok((input[0] ?? 0) < 250),
  };
  const first = fuzz(bad, { seed: 7, cases: 100_000 });
  assert.ok((first.failure?.input[0] ?? 0) >= 250);
  assert.deepEqual(fuzz(bad, { seed: 7, cases: 100_000 }).failure?.input, first.failure?.input);
  assert.deepEqual(hexLines(Uint8Array.of(1, 255)), ["000000  01 ff"]);
});

Deno.test("Fuzz: arguments that name nothing are refused", async () => {
  const lines: string[] = [];
  const io = { out: () => {}, err: (line: string) => lines.push(line) };
  for (const args of [["nothing"], ["--what"], ["frame", "--seconds", "0"], ["frame", "--seed", "x"]]) {
    assert.equal(await runFuzz(args, io), 2);
  }
  assert.equal(lines.length, 4);
});

Deno.test("Fuzz: help tells what there is and how it is called", async () => {
  const lines: string[] = [];
  const io = { out: (line: string) => lines.push(line), err: () => assert.fail("nothing is wrong") };
  assert.equal(await runFuzz(["--help"], io), 0);
  assert.match(lines.join("\n"), /^deno task fuzz \[target\].*\n\n.*\n(\w+: .+\n)+\n--seed <n> /);
});
