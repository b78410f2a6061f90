import assert from "node:assert/strict";
import { Lifecycle, type LifecycleStep } from "../../src/server/lifecycle.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";

function steps(names: readonly string[], failing: { start?: string; stop?: string } = {}) {
  const events: string[] = [];
  const list: LifecycleStep[] = names.map((name) => ({
    name,
    async start() {
      await Promise.resolve();
      events.push(`start ${name}`);
      if (failing.start === name) throw new Error(`${name} is broken`);
    },
    stop() {
      events.push(`stop ${name}`);
      if (failing.stop === name) throw new Error(`${name} does not stop`);
    },
  }));
  return { events, list };
}

Deno.test("Lifecycle: starts in order and stops in reverse", async () => {
  const { events, list } = steps(["a", "b", "c"]);
  const lifecycle = new Lifecycle(list, new MemoryLogger());
  await lifecycle.start();
  await lifecycle.stop();
  await lifecycle.stop();
  assert.deepEqual(events, ["start a", "start b", "start c", "stop c", "stop b", "stop a"]);
});

Deno.test("Lifecycle: a failure at step N stops steps N-1 to 1 and is reported", async () => {
  const names = ["a", "b", "c", "d"];
  for (const [index, failing] of names.entries()) {
    const { events, list } = steps(names, { start: failing });
    await assert.rejects(new Lifecycle(list, new MemoryLogger()).start(), {
      message: `${failing} is broken`,
    });
    const before = names.slice(0, index);
    assert.deepEqual(events, [
      ...names.slice(0, index + 1).map((name) => `start ${name}`),
      ...before.reverse().map((name) => `stop ${name}`),
    ]);
  }
});

Deno.test("Lifecycle: a step that fails to stop is logged and the others stop", async () => {
  const { events, list } = steps(["a", "b", "c"], { stop: "b" });
  const logger = new MemoryLogger();
  const lifecycle = new Lifecycle(list, logger);
  await lifecycle.start();
  await lifecycle.stop();
  assert.deepEqual(events.slice(3), ["stop c", "stop b", "stop a"]);
  assert.deepEqual(logger.lines.filter(({ level }) => level === "error").map(({ fields }) => fields.step), [
    "b",
  ]);
});
