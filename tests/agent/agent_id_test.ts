import assert from "node:assert/strict";
import { machineId, passingId } from "../../src/agent/agent_id.ts";

const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

Deno.test("Agent id: the name of the machine as far as it is fit for one", () => {
  assert.equal(machineId("edge-1.lan"), "edge-1.lan");
  assert.equal(machineId("Büro PC"), "B-ro-PC");
  assert.equal(machineId("..x"), "x");
  assert.equal(machineId("ü"), "agent");
  assert.match(machineId("a".repeat(300)), ID);
});

Deno.test("Agent id: one for a while ends with something of its own", () => {
  assert.match(passingId("edge-1"), /^edge-1-[0-9a-f]{6}$/);
  assert.notEqual(passingId("edge-1"), passingId("edge-1"));
  assert.match(passingId("a".repeat(300)), ID);
});
