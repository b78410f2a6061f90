import assert from "node:assert/strict";
import { ProblemLog } from "../../src/agent/problem_log.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";

Deno.test("Problem log: one line a second, which tells how many there were", () => {
  const logger = new MemoryLogger();
  let nowMs = 0;
  const log = new ProblemLog(logger, {
    clock: { now: () => nowMs },
    text: "A message was not handled as it should",
  });
  for (nowMs = 0; nowMs <= 2000; nowMs += 100) {
    log.tell(new TrunklineError("request_failed", `Cannot at ${nowMs}`));
  }
  assert.deepEqual(logger.lines.map(({ fields }) => [fields["cause"], fields["before"]]), [
    ["Cannot at 0", 0],
    ["Cannot at 1000", 9],
    ["Cannot at 2000", 9],
  ]);
});
