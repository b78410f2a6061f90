/** A link whose login shows something else from now on. */
import assert from "node:assert/strict";
import { FakeTime } from "../helpers/fake_time.ts";
import { FakeHub, turn } from "./fake_hub.ts";

async function up(hub: FakeHub): Promise<void> {
  hub.link.start();
  await hub.reach();
  await hub.letIn();
}

Deno.test("Link: with other credentials a refusal is no reason to wait for a minute, whichever comes first", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  await up(hub);
  hub.session.end({ code: 4401, reason: "revoked" });
  await turn();
  assert.equal(hub.kind(), "waiting");
  hub.link.credentialsChanged();
  assert.equal(hub.kind(), "dialling", "who was refused tries at once");
  await hub.reach();
  await hub.letIn();
  hub.link.credentialsChanged();
  assert.equal(hub.kind(), "up");
  hub.session.end({ code: 4401, reason: "revoked" });
  await turn();
  const state = hub.state();
  assert.ok(state.kind === "waiting" && state.delayMs < 1000);
  time.tick(1000);
  await hub.reach();
  await hub.letIn();
  hub.session.end({ code: 4401, reason: "revoked" });
  await turn();
  const last = hub.state();
  assert.ok(last.kind === "waiting" && last.delayMs >= 60_000, "these were shown already");
  hub.link.stop();
});
