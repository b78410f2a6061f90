import assert from "node:assert/strict";
import { AgentStats, MAX_NAMED_ACCOUNTS } from "../../src/tunnel/agent_stats.ts";

Deno.test("Agent stats: so many accounts have a series of their own, the others share one", () => {
  const stats = new AgentStats();
  for (let account = 0; account < MAX_NAMED_ACCOUNTS + 5; account++) stats.joined(`account-${account}`);
  stats.joined("account-0");
  const told = stats.connectionsByAccount();
  assert.equal(told.size, MAX_NAMED_ACCOUNTS + 1);
  assert.equal(told.get("account-0"), 2);
  assert.equal(told.get("other"), 5);
  for (let account = 0; account < MAX_NAMED_ACCOUNTS + 5; account++) stats.left(`account-${account}`);
  assert.deepEqual([...stats.connectionsByAccount()], [["account-0", 1]]);
});

Deno.test("Agent stats: an account that is called other is one of the others", () => {
  const stats = new AgentStats();
  stats.joined("other");
  stats.joined("a");
  assert.deepEqual([...stats.connectionsByAccount()], [["a", 1], ["other", 1]]);
});
