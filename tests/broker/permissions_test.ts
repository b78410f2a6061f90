import assert from "node:assert/strict";
import { Permissions } from "../../src/broker/permissions.ts";
import { ANONYMOUS, LOCAL_OPERATOR, type Principal } from "../../src/core/principal.ts";

const TENANT_ADMIN: Principal = { ...LOCAL_OPERATOR, tenant: "a" };
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
  const permissions = new Permissions({ multiTenant: false });
  for (const topic of [...HUB_WIDE, ...OWN]) {
    assert.equal(permissions.checkSystemRequest(topic, ANONYMOUS)?.code, "FORBIDDEN");
    assert.equal(permissions.checkSystemRequest(topic, LOCAL_OPERATOR), null);
  }
  for (const topic of FREE) assert.equal(permissions.checkSystemRequest(topic, ANONYMOUS), null);
});

Deno.test("Permissions: between tenants only the administrators of the default one control the hub", () => {
  const permissions = new Permissions({ multiTenant: true });
  for (const topic of HUB_WIDE) {
    assert.equal(permissions.checkSystemRequest(topic, TENANT_ADMIN)?.code, "FORBIDDEN");
    assert.equal(permissions.checkSystemRequest(topic, LOCAL_OPERATOR), null);
  }
  for (const topic of OWN) assert.equal(permissions.checkSystemRequest(topic, TENANT_ADMIN), null);
  assert.equal(permissions.showsHubLines, false);
  assert.equal(new Permissions({ multiTenant: false }).showsHubLines, true);
});

Deno.test("Permissions: no pattern brings log or taps to who is no administrator", () => {
  const permissions = new Permissions({ multiTenant: false });
  for (const pattern of ["system.log", "system.message", "system.#", "system.+", "system.log.#"]) {
    const refusal = permissions.checkSubscribe(pattern, ANONYMOUS);
    assert.equal(refusal?.code, "FORBIDDEN", pattern);
    assert.equal(permissions.checkSubscribe(pattern, LOCAL_OPERATOR), null);
  }
  for (const pattern of ["#", "+", "+.log", "system.topic.#", "system.service.events", "system.message.a"]) {
    assert.equal(permissions.checkSubscribe(pattern, ANONYMOUS), null, pattern);
  }
});
