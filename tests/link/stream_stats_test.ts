import assert from "node:assert/strict";
import { StreamStats } from "../../src/link/stream_stats.ts";

Deno.test("Stream stats: codes that mean nothing share one count, so that a peer cannot make more", () => {
  const stats = new StreamStats();
  for (let code = 0; code < 1000; code++) stats.countReset(code);
  stats.countReset(6);
  stats.countRefused(7);
  stats.countRefused(0xffff_ffff);
  assert.equal(stats.reset, 1001);
  assert.equal(stats.resetBy.size, 12);
  assert.deepEqual([stats.resetBy.get(6), stats.resetBy.get("other")], [2, 989]);
  assert.deepEqual([...stats.refusedBy], [[7, 1], ["other", 1]]);
});
