/** Checks when the whole counts as ready. */

import assert from "node:assert/strict";
import { Health } from "../../src/metrics/health.ts";

Deno.test("Health: is not ready before it runs", () => {
  const health = new Health();
  health.set("listener", true);
  assert.deepEqual(health.ready(), {
    status: "unready",
    phase: "starting",
    components: { listener: { status: "up" } },
  });
});

Deno.test("Health: is ready when it runs and every part is up", () => {
  const health = new Health();
  health.setPhase("running");
  assert.equal(health.ready().status, "ok");
  health.set("listener", true, "127.0.0.1:8443");
  health.set("store", true);
  assert.equal(health.ready().status, "ok");
  health.set("store", false, "disk full");
  assert.deepEqual(health.ready(), {
    status: "unready",
    phase: "running",
    components: {
      listener: { status: "up", detail: "127.0.0.1:8443" },
      store: { status: "down", detail: "disk full" },
    },
  });
  assert.equal(health.remove("store"), true);
  assert.equal(health.remove("store"), false);
  assert.equal(health.ready().status, "ok");
});

Deno.test("Health: is not ready while it drains, whatever the parts say", () => {
  const health = new Health();
  health.setPhase("running");
  health.set("listener", true);
  assert.equal(health.setPhase("draining"), true);
  assert.equal(health.setPhase("draining"), false);
  assert.equal(health.ready().status, "unready");
});

Deno.test("Health: set says whether the part went up or down", () => {
  const health = new Health();
  assert.equal(health.set("store", true), true);
  assert.equal(health.set("store", true, "slow"), false);
  assert.equal(health.set("store", false), true);
});

Deno.test("Health: gives one series per part", () => {
  const health = new Health();
  health.set("listener", true);
  health.set("store", false);
  assert.deepEqual([...health.samples()], [
    { name: "trunkline_component_up", labels: { component: "listener" }, value: 1 },
    { name: "trunkline_component_up", labels: { component: "store" }, value: 0 },
  ]);
});
