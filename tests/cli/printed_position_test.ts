import assert from "node:assert/strict";
import { PrintedPosition } from "../../src/cli/printed_position.ts";

/** An account whose questions are answered when a test says so. */
class Setup {
  readonly kept: string[] = [];
  readonly asked = new Map<string, PromiseWithResolvers<boolean>>();
  readonly position = new PrintedPosition({
    hasHistory: (topic) => {
      assert.ok(!this.asked.has(topic), "asked once");
      const answer = Promise.withResolvers<boolean>();
      this.asked.set(topic, answer);
      return answer.promise;
    },
    keep: (id) => void this.kept.push(id),
  });

  print(...messages: readonly (readonly [topic: string, id: string])[]): void {
    for (const [topic, id] of messages) this.position.printed(topic, id);
  }

  answer(topic: string, hasHistory: boolean): void {
    this.asked.get(topic)?.resolve(hasHistory);
  }
}

Deno.test("Printed position: only messages of topics with history count, each topic is asked about once", async () => {
  const setup = new Setup();
  const { kept, position } = setup;
  setup.print(["log.a", "1"], ["other", "2"], ["log.a", "3"], ["other", "9"]);
  assert.deepEqual(kept, []);
  setup.answer("other", false);
  setup.answer("log.a", true);
  await position.settle();
  setup.print(["other", "10"], ["log.a", "5"]);
  await position.settle();
  assert.deepEqual(kept, ["3", "5"]);
});

Deno.test("Printed position: so many are asked about at a time, the others at their next message", async () => {
  const setup = new Setup();
  const { kept, position, asked } = setup;
  const topics = Array.from({ length: 100 }, (_, at) => `log.t${at}`);
  topics.forEach((topic, at) => setup.print([topic, `1-${at}`]));
  assert.equal(asked.size, 64);
  for (const topic of asked.keys()) setup.answer(topic, true);
  await position.settle();
  assert.equal(kept.length, 64);
  setup.print(["log.t99", "2-99"]);
  setup.answer("log.t99", true);
  await position.settle();
  assert.equal(kept.at(-1), "2-99");
});

Deno.test("Printed position: a question that is not answered, or a file that cannot be written, is told", async () => {
  const setup = new Setup();
  const { position } = setup;
  setup.print(["log.a", "1"]);
  setup.asked.get("log.a")?.reject(new Error("the connection is gone"));
  await assert.rejects(position.failed, /gone/);
  await position.settle();
  const full = new PrintedPosition({
    hasHistory: () => Promise.resolve(true),
    keep: () => {
      throw new Error("the disk is full");
    },
  });
  full.printed("log.a", "1");
  await assert.rejects(full.failed, /full/);
});
