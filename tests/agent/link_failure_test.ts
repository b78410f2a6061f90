import assert from "node:assert/strict";
import { failureOfEnd } from "../../src/agent/link_failure.ts";
import { parseCloseReason } from "../../src/agent/close_reason.ts";
import { Backoff } from "../../src/limits/backoff.ts";

Deno.test("Link failure: a peer that was lost, or too slow for a while, is tried again within half a second", () => {
  for (const code of [4408, 4413, 1006, null]) {
    const { cause, askedMs } = failureOfEnd({ code, reason: "", retryAfterMs: null });
    const delayMs = new Backoff({ random: () => 0.999 }).next(cause, askedMs);
    assert.ok(delayMs <= 500, `${code}: ${delayMs}`);
  }
});

Deno.test("Link failure: the reason of a WebSocket close may name when to come back", () => {
  const told = (reason: string) => parseCloseReason({ code: 4503, reason });
  assert.deepEqual(told("draining retry=1500"), { code: 4503, reason: "draining", retryAfterMs: 1500 });
  assert.deepEqual(told("retry=0"), { code: 4503, reason: "", retryAfterMs: 0 });
  for (
    const reason of ["", "draining", "retry=", "retry=-1", "retry=5 later", "entretry=5", "retry=99999999999"]
  ) {
    assert.deepEqual(told(reason), { code: 4503, reason, retryAfterMs: null });
  }
});
