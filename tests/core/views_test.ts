import assert from "node:assert/strict";
import { keptOf, viewOf } from "../../src/core/views.ts";

Deno.test("Views: what is kept holds at most twice its own bytes", () => {
  const chunk = new Uint8Array(65_536).map((_, at) => at);
  for (const length of [0, 1, 8192, 32_767, 32_768, 65_536]) {
    const part = viewOf(chunk, 0, length);
    const kept = keptOf(part);
    assert.deepEqual(kept, part);
    assert.ok(kept.buffer.byteLength <= 2 * length, `${length} bytes keep ${kept.buffer.byteLength}`);
  }
});
