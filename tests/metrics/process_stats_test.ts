/** Checks that the process's numbers are plausible, and readable with the permissions of the hub. */

import assert from "node:assert/strict";
import { ProcessStats } from "../../src/metrics/process_stats.ts";

Deno.test("ProcessStats: reports plausible numbers", () => {
  const samples = [...new ProcessStats({ version: "1.2.3" }).samples()];
  const valueOf = (name: string) =>
    samples.filter((sample) => sample.name === name).map((sample) => sample.value);
  assert.ok((valueOf("process_resident_memory_bytes")[0] ?? 0) > 10_000_000);
  assert.ok((valueOf("process_heap_used_bytes")[0] ?? 0) > 100_000);
  assert.ok((valueOf("process_heap_total_bytes")[0] ?? 0) > 100_000);
  assert.equal(valueOf("process_cpu_seconds_total").length, 2);
  assert.ok(valueOf("process_cpu_seconds_total").every((seconds) => seconds >= 0));
  const started = valueOf("process_start_time_seconds")[0] ?? 0;
  assert.ok(started <= Date.now() / 1000 && started > Date.now() / 1000 - 86_400);
});

Deno.test("ProcessStats: names the version and the runtime", () => {
  const build = [...new ProcessStats({ version: "1.2.3" }).samples()].find((s) =>
    s.name === "trunkline_build_info"
  );
  assert.deepEqual(build, {
    name: "trunkline_build_info",
    labels: { version: "1.2.3", deno: Deno.version.deno },
    value: 1,
  });
});

Deno.test("ProcessStats: needs no permission at all", async () => {
  const module = new URL("../../src/metrics/process_stats.ts", import.meta.url).href;
  const program = `import { ProcessStats } from "${module}";
    const samples = [...new ProcessStats({ version: "0" }).samples()];
    console.log(samples.filter((sample) => sample.value > 0).length);`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, program);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-config", file],
  }).output();
  await Deno.remove(file);
  assert.equal(new TextDecoder().decode(stderr), "");
  assert.ok(Number(new TextDecoder().decode(stdout)) >= 6);
});
