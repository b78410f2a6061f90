import assert from "node:assert/strict";
import { parseIpRange } from "../../src/core/ip_range.ts";
import { Admission } from "../../src/hub/admission.ts";

function setUp({ maxConnections = 100, maxConnectionsPerIp = 2 } = {}): Admission {
  const proxy = parseIpRange("10.0.0.0/8");
  assert.ok(proxy);
  return new Admission({ maxConnections, maxConnectionsPerIp, proxies: [proxy] });
}

Deno.test("Admission: holds the bound of all and frees what left", () => {
  const admission = setUp({ maxConnections: 2 });
  assert.deepEqual([admission.enter(), admission.enter(), admission.enter()], [true, true, false]);
  admission.leave();
  assert.equal(admission.enter(), true);
  assert.equal(admission.total, 2);
});

Deno.test("Admission: holds the bound of one address, IPv6 by /64, mapped IPv4 as IPv4", () => {
  const admission = setUp();
  const enter = (...ips: string[]) => ips.map((ip) => admission.enterIp(ip));
  assert.deepEqual(enter("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"), [true, true, false]);
  assert.deepEqual(enter("192.0.2.2"), [true]);
  assert.deepEqual(enter("2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::3"), [true, true, false]);
  assert.deepEqual(enter("2001:db8:0:2::1"), [true]);
  admission.leaveIp("192.0.2.1");
  assert.deepEqual(enter("192.0.2.1", "192.0.2.1"), [true, false]);
});

Deno.test("Admission: loopback and listed proxies have no bound of their own", () => {
  const admission = setUp();
  for (let i = 0; i < 10; i++) {
    for (const ip of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3"]) {
      assert.equal(admission.enterIp(ip), true);
    }
  }
});

Deno.test("Admission: while there is no memory nobody new comes in, and who is there counts", () => {
  const admission = setUp();
  assert.equal(admission.enter(), true);
  admission.isOverloaded = true;
  assert.deepEqual([admission.enter(), admission.refusal, admission.total], [false, "memory", 1]);
  admission.isOverloaded = false;
  assert.deepEqual([admission.enter(), admission.refusal], [true, "max_connections"]);
});
