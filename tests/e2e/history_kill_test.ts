import assert from "node:assert/strict";
import { runHistoryRounds } from "../../soak/history_rounds.ts";

Deno.test("Hub process: killed in the middle of its work, it loses and doubles nothing that it kept on the disk", async () => {
  const result = await runHistoryRounds({
    rounds: 3,
    messagesPerSecond: 500,
    random: Math.random,
    progress: () => {},
  });
  assert.deepEqual(result.problems, []);
  assert.ok(result.published > 100);
  assert.equal(result.received, result.published);
});
