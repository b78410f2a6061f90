/** The runner of the soaks, and what they are judged by. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { judge } from "../../soak/judge.ts";
import { curveOf, judgeCurve } from "../../soak/memory_curve.ts";
import { runSoaks } from "../../soak/run.ts";
import type { Usage } from "../../soak/usage.ts";
import { DenoProcess, taskArguments } from "../helpers/process.ts";
import { withTree } from "../tools/source_tree_fixture.ts";

const MIB = 1024 * 1024;
const USAGE: Usage = {
  descriptors: 20,
  heapBytes: 10 * MIB,
  residentBytes: 100 * MIB,
  connections: 1,
  streams: 0,
};

/** A soak that says what it was told. */
const toldBack = (problems: string) =>
  `export const soak = { name: "some", about: "Shows some",
  run: ({ progress, ...options }) => Promise.resolve({ problems: ${problems}, lines: [JSON.stringify(options)], figures: { a: 1 } }) };\n`;

async function run(args: string[], problems = "[]") {
  return await withTree({ "some_soak.ts": toldBack(problems) }, async (root) => {
    const out: string[] = [];
    const err: string[] = [];
    const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
    const all = args.map((arg) => arg.replace("$root", root));
    const code = await runSoaks(all, { folder: root, io });
    const file = await Deno.readTextFile(`${root}/figures.json`).catch(() => "null");
    return { code, out, err, figures: JSON.parse(file) };
  });
}

Deno.test("Soaks: a soak gets its options, and its figures go to the file that is named", async () => {
  const { code, out, figures } = await run([
    "some",
    "--cycles",
    "7",
    "--seed",
    "3",
    "--size",
    "1.5KiB",
    "--out",
    "$root/figures.json",
  ]);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out[1] ?? ""), { cycles: 7, seed: 3, sizeBytes: 1536 });
  assert.deepEqual(figures, { name: "some", problems: [], a: 1 });
});

Deno.test("Soaks: what did not come back is told, exit 1", async () => {
  const { code, err } = await run(["some", "--out", "$root/figures.json"], '["hub: descriptors 20 → 21"]');
  assert.deepEqual([code, err], [1, ["some: hub: descriptors 20 → 21"]]);
});

Deno.test("Soaks: arguments that mean nothing are refused with the known ones", async () => {
  for (
    const args of [
      ["other"],
      ["--fast"],
      ["--cycles", "0"],
      ["--cycles", "x"],
      ["--size", "0"],
      ["--size", "many"],
      ["--out", "a"],
      [
        "some",
        "more",
      ],
    ]
  ) {
    const { code, err } = await run(args);
    assert.equal(code, 2, args.join(" "));
    assert.match(err[0] ?? "", /soaks: some$/);
  }
});

Deno.test("Soaks: help tells what there is and how it is called", async () => {
  const { code, out, err } = await run(["--help"]);
  assert.deepEqual([code, err], [0, []]);
  assert.match(out.join("\n"), /^deno task soak \[name\].*\n\n.*\nsome: Shows some\n\n--cycles <n> /);
});

Deno.test("Soaks: a side that holds more than before is told, one that holds less is not", () => {
  const after = (hub: Partial<Usage>) =>
    judge([{ cycle: 0, agent: USAGE, hub: USAGE }, { cycle: 9, agent: USAGE, hub: { ...USAGE, ...hub } }]);
  assert.deepEqual(after({}), []);
  assert.deepEqual(after({ descriptors: 19, heapBytes: MIB, residentBytes: MIB }), []);
  assert.deepEqual(after({ descriptors: 21 }), ["hub: descriptors 20 → 21"]);
  assert.deepEqual(after({ streams: 1 }), ["hub: streams 0 → 1"]);
  assert.deepEqual(after({ connections: 0 }), ["hub: connections 1 → 0"]);
  assert.deepEqual(after({ heapBytes: 30 * MIB }), ["hub: heap MiB 10 → 30"]);
  assert.deepEqual(after({ residentBytes: 300 * MIB }), ["hub: resident MiB 100 → 300"]);
  assert.deepEqual(judge([]), ["nothing was measured"]);
});

Deno.test("Soaks: memory that goes on growing in the second half is told, memory that grew once is not", () => {
  const grown = (...mib: number[]) =>
    judge(mib.map((one, cycle) => ({ cycle, agent: USAGE, hub: { ...USAGE, residentBytes: one * MIB } })));
  assert.deepEqual(grown(100, 140, 150, 150, 150), []);
  assert.deepEqual(grown(100, 110, 120, 130, 140), ["hub: resident MiB in the second half 120 → 140"]);
});

Deno.test("Soaks: what is resident under way is bounded, and does not go on growing", () => {
  const wrong = (...mib: number[]) => judgeCurve(mib.map((one) => ({ residentBytes: one * MIB })), 100 * MIB);
  assert.deepEqual(wrong(), []);
  assert.deepEqual(wrong(100, 300, 150), []);
  assert.deepEqual(wrong(100, 400, 150), ["resident MiB 100 at rest, 400 under way"]);
  assert.deepEqual(wrong(100, 100, 200, 200, 210, 190, 220, 200), []);
  assert.deepEqual(wrong(100, 100, 140, 160, 180, 200, 220, 240), [
    "resident MiB goes on growing under way: 160 → 240",
  ]);
  const curve = curveOf([3, 9, 4, 5].map((one) => ({ residentBytes: one * MIB })));
  assert.deepEqual(curve, { first: 3, median: 5, last: 5, most: 9 });
});

Deno.test("Soaks: every soak of this repository has the name of its file", async () => {
  const folder = fileURLToPath(new URL("../../soak", import.meta.url));
  const err: string[] = [];
  await runSoaks(["none of them"], { folder, io: { out: () => {}, err: (line) => err.push(line) } });
  const files = [...Deno.readDirSync(folder)].flatMap(({ name }) => /^(.+)_soak\.ts$/.exec(name)?.[1] ?? []);
  assert.match(err[0] ?? "", new RegExp(`soaks: ${files.sort().join(", ")}$`));
});

Deno.test("Soak of links: after 20 cuts under load both sides hold what they held before", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const task = await taskArguments("soak");
    const args = [...task, "links", "--cycles", "20", "--seed", "1", "--out", file];
    await using soak = new DenoProcess(args, { env: { DENO_TOKIO_EVENT_INTERVAL: "1" } });
    const { code, stdout, stderr } = await soak.ended();
    assert.equal(code, 0, `${stdout}\n${stderr}`);
    const { cycles, problems, counts } = JSON.parse(await Deno.readTextFile(file));
    assert.deepEqual([cycles, problems], [20, []]);
    assert.ok(counts.streamBytes > 0 && counts.heard > 0 && counts.answered > 0 && counts.lost > 0);
    // Each of the 30 connections, those of the warm-up too, had six streams; all ended with it.
    assert.equal(counts.streams + counts.unopened, 180);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("Soak of tunnels: after 5 kills of either side the tunnel is back, and both sides hold what they held", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const args = [...await taskArguments("soak"), "tunnels", "--cycles", "5", "--seed", "1", "--out", file];
    await using soak = new DenoProcess(args, { env: { DENO_TOKIO_EVENT_INTERVAL: "1" } });
    const { code, stdout, stderr } = await soak.ended();
    assert.equal(code, 0, `${stdout}\n${stderr}`);
    const { cycles, problems } = JSON.parse(await Deno.readTextFile(file));
    assert.deepEqual([cycles, problems], [5, []]);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("Soak of http: 64 MiB each way arrive whole, and both sides hold what they held", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const args = [...await taskArguments("soak"), "http", "--size", "64MiB", "--out", file];
    await using soak = new DenoProcess(args, { env: { DENO_TOKIO_EVENT_INTERVAL: "1" } });
    const { code, stdout, stderr } = await soak.ended();
    assert.equal(code, 0, `${stdout}\n${stderr}`);
    const { problems, parts, curves } = JSON.parse(await Deno.readTextFile(file));
    assert.deepEqual([problems, parts.length, curves.length], [[], 4, 8]);
    for (const { bytes } of parts) assert.equal(bytes, 32 * MIB);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("Soak of memory: beside 300 who never read the hub stays below 200 MiB, and who reads gets everything", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const args = [
      ...await taskArguments("soak"),
      "memory",
      "--cycles",
      "60",
      "--size",
      "400MiB",
      "--out",
      file,
    ];
    await using soak = new DenoProcess(args, { env: { DENO_TOKIO_EVENT_INTERVAL: "1" } });
    const { code, stdout, stderr } = await soak.ended();
    assert.equal(code, 0, `${stdout}\n${stderr}`);
    const { problems, stalled, peakBytes, limitBytes, under, closedAsSlow } = JSON.parse(
      await Deno.readTextFile(file),
    );
    assert.deepEqual([problems, stalled, limitBytes], [[], 300, 200 * MIB]);
    assert.ok(peakBytes < limitBytes && under.published > 0 && closedAsSlow > 0);
  } finally {
    await Deno.remove(file);
  }
});
