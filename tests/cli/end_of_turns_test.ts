import assert from "node:assert/strict";
import { openEndOfTurns } from "../../src/cli/end_of_turns.ts";

Deno.test("End of turns: a socket ends them where the runtime looks at the sockets now and then only", async () => {
  using turns = await openEndOfTurns("61");
  const { atEndOfTurn } = turns.options;
  assert.ok(atEndOfTurn !== undefined);
  await new Promise<void>((resolve) => atEndOfTurn(resolve));
});

Deno.test("End of turns: the runtime ends them where it looks every time", async () => {
  using turns = await openEndOfTurns("1");
  assert.deepEqual(turns.options, {});
});

Deno.test({
  name: "End of turns: the runtime ends them where the process may not connect to itself",
  permissions: { net: ["192.0.2.1"] },
  fn: async () => {
    using turns = await openEndOfTurns("61");
    assert.deepEqual(turns.options, {});
  },
});
