/** Links that are made no more; everything else about them: link_test.ts. */
import assert from "node:assert/strict";
import { TrunklineError } from "../../src/core/errors.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { FakeHub, turn } from "./fake_hub.ts";

Deno.test("Link: one that is retired goes on until it ends, and is not made again", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  hub.link.start();
  await hub.reach();
  await hub.letIn();
  hub.link.retire();
  assert.equal(hub.kind(), "up");
  const { length } = hub.logger.lines;
  hub.session.end({ reason: "the last stream ended" });
  await turn();
  assert.equal(hub.kind(), "stopped");
  assert.equal(hub.logger.lines.length, length, "what was wanted is no failure");
  assert.equal(time.timers, 0);
});

Deno.test("Link: one that is retired while it has no connection is stopped at once", async () => {
  for (const steps of [0, 1, 2]) {
    using time = new FakeTime();
    const hub = new FakeHub(time);
    hub.link.start();
    if (steps === 1) await hub.reach();
    if (steps === 2) {
      hub.dials.shift()?.fail(new TrunklineError("unreachable", "Cannot reach the hub: refused"));
    }
    await turn();
    hub.link.retire();
    assert.equal(hub.kind(), "stopped");
    await hub.reach();
    await hub.letIn();
    assert.deepEqual(hub.open, { dialled: 0, sessions: 0 });
    assert.equal(time.timers, 0);
  }
});
