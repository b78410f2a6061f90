/** Which signals of a row count. */
import assert from "node:assert/strict";
import { StopSequence } from "../../src/cli/signals.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { DenoProcess } from "../helpers/process.ts";

Deno.test("Stop signals: the same one within half a second of the first is its echo", () => {
  using time = new FakeTime();
  const sequence = new StopSequence(time);
  assert.equal(sequence.next("SIGINT"), "stop");
  assert.equal(sequence.next("SIGINT"), "ignore");
  time.tick(499);
  assert.equal(sequence.next("SIGINT"), "ignore");
  time.tick(1);
  assert.equal(sequence.next("SIGINT"), "end_at_once");
});

Deno.test("Stop signals: echoes do not put off when a second one counts", () => {
  using time = new FakeTime();
  const sequence = new StopSequence(time);
  const steps = Array.from({ length: 4 }, () => {
    const step = sequence.next("SIGTERM");
    time.tick(200);
    return step;
  });
  assert.deepEqual(steps, ["stop", "ignore", "ignore", "end_at_once"]);
});

Deno.test("Stop signals: another one is meant, however soon it comes", () => {
  using time = new FakeTime();
  const sequence = new StopSequence(time);
  assert.equal(sequence.next("SIGINT"), "stop");
  assert.equal(sequence.next("SIGTERM"), "end_at_once");
});

Deno.test({
  name: "Stop signals: an echo that comes after all was stopped does not fail the process",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using process = new DenoProcess(["run", "--no-check", "tests/cli/stopping_command.ts"]);
    assert.equal(await process.nextLine(), "ready");
    process.kill("SIGINT");
    assert.equal(await process.nextLine(), "stopped");
    process.kill("SIGINT");
    // Of signals that wait the lower number comes first.
    process.kill("SIGUSR2");
    assert.equal((await process.ended()).code, 0);
  },
});
