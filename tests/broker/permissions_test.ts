import assert from "node:assert/strict";
import { type Actor, Permissions } from "../../src/broker/permissions.ts";
import { NO_DESTINATIONS } from "../../src/core/destination_check.ts";
import type { Rights } from "../../src/core/rights.ts";
import type { SecurityEvent } from "../../src/core/security_event.ts";
import { ANONYMOUS, LOCAL_OPERATOR, type Principal } from "../../src/core/principal.ts";

const TENANT_ADMIN: Principal = { ...LOCAL_OPERATOR, tenant: "a" };

/** Permissions that keep what they tell, and who asks them. */
function setUp(multiTenant: boolean) {
  const recorded: SecurityEvent[] = [];
  const permissions = new Permissions({ multiTenant, events: { record: (event) => recorded.push(event) } });
  const by = (principal: Principal): Actor => {
    const origin = { address: "192.0.2.1", connectionId: "c", who: principal };
    return { principal, connection: { origin } };
  };
  return { permissions, recorded, by };
}

const HUB_WIDE = ["system.control.drain", "system.control.reload", "system.control.log_level"];
const OWN = ["system.control.disconnect", "system.log.subscribe", "system.log.unsubscribe", "system.message"];
const FREE = [
  "system.heartbeat",
  "system.metrics",
  "system.topic.subscribe",
  "system.logs",
  "system.messages",
];

Deno.test("Permissions: what is marked for administrators is theirs alone", () => {
  const { permissions, recorded, by } = setUp(false);
  for (const topic of [...HUB_WIDE, ...OWN]) {
    assert.equal(permissions.checkSystemRequest(topic, by(ANONYMOUS))?.code, "FORBIDDEN");
    assert.equal(permissions.checkSystemRequest(topic, by(LOCAL_OPERATOR)), null);
  }
  assert.equal(recorded.length, HUB_WIDE.length + OWN.length);
  for (const topic of FREE) assert.equal(permissions.checkSystemRequest(topic, by(ANONYMOUS)), null);
});

Deno.test("Permissions: between tenants only the administrators of the default one control the hub", () => {
  const { permissions, by } = setUp(true);
  for (const topic of HUB_WIDE) {
    assert.equal(permissions.checkSystemRequest(topic, by(TENANT_ADMIN))?.code, "FORBIDDEN");
    assert.equal(permissions.checkSystemRequest(topic, by(LOCAL_OPERATOR)), null);
  }
  for (const topic of OWN) assert.equal(permissions.checkSystemRequest(topic, by(TENANT_ADMIN)), null);
  assert.equal(permissions.showsHubLines, false);
  assert.equal(setUp(false).permissions.showsHubLines, true);
});

Deno.test("Permissions: no pattern brings log or taps to who is no administrator", () => {
  const { permissions, by } = setUp(false);
  for (const pattern of ["system.log", "system.message", "system.#", "system.+", "system.log.#"]) {
    const refusal = permissions.checkSubscribe({ pattern, action: "publish" }, by(ANONYMOUS));
    assert.equal(refusal?.code, "FORBIDDEN", pattern);
    assert.equal(permissions.checkSubscribe({ pattern, action: "publish" }, by(LOCAL_OPERATOR)), null);
  }
  for (const pattern of ["#", "+", "+.log", "system.topic.#", "system.service.events", "system.message.a"]) {
    assert.equal(permissions.checkSubscribe({ pattern, action: "publish" }, by(ANONYMOUS)), null, pattern);
  }
});

const RIGHTS: Rights = {
  isAdmin: false,
  allows: () => false,
  covers: (right, pattern) => pattern === `may.${right}`,
  allowsTunnel: () => false,
  allowsConnect: () => false,
  throughHub: NO_DESTINATIONS,
};

Deno.test("Permissions: each part of a subscription needs its right, whatever the case of the pattern", () => {
  const { permissions, recorded, by } = setUp(false);
  const actor = by({ ...ANONYMOUS, rights: RIGHTS });
  const check = (pattern: string, action: "publish" | "request" | "both") =>
    permissions.checkSubscribe({ pattern, action }, actor)?.details ?? null;
  assert.deepEqual(check("May.Subscribe", "publish"), null);
  assert.deepEqual(check("may.serve", "request"), null);
  assert.deepEqual(check("may.subscribe", "request"), { right: "serve" });
  assert.deepEqual(check("may.subscribe", "both"), { right: "serve" });
  assert.deepEqual(check("may.serve", "both"), { right: "subscribe" });
  assert.deepEqual(permissions.denySend("Some.Topic", "publish", actor).details, { right: "publish" });
  assert.deepEqual(recorded.map((event) => event.kind === "denied" && [event.right, event.target]), [
    ["serve", "may.subscribe"],
    ["serve", "may.subscribe"],
    ["subscribe", "may.serve"],
    ["publish", "Some.Topic"],
  ]);
});
