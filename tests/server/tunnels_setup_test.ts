/** How visitors of tunnels are counted. */
import assert from "node:assert/strict";
import { Admission } from "../../src/hub/admission.ts";
import { parseIpRange } from "../../src/core/ip_range.ts";
import { countingVisitors } from "../../src/server/tunnels_setup.ts";

Deno.test("Visitors: they are bounded in all and by address, those of a proxy in front in all only", () => {
  const proxy = parseIpRange("198.51.100.0/24");
  assert.ok(proxy !== null);
  const admission = new Admission({ maxConnections: 5, maxConnectionsPerIp: 1, proxies: [] });
  const visitors = countingVisitors(admission, [proxy]);
  assert.deepEqual(["192.0.2.1", "192.0.2.1", "192.0.2.2"].map(visitors.enterIp), [true, false, true]);
  assert.deepEqual([1, 2].map(() => visitors.enterIp("198.51.100.7")), [true, true]);
  assert.deepEqual(Array.from({ length: 6 }, visitors.enter), [true, true, true, true, true, false]);
  assert.equal(admission.total, 5);
  visitors.leave();
  visitors.leaveIp("198.51.100.7");
  assert.deepEqual([visitors.enter(), visitors.enterIp("192.0.2.1")], [true, false]);
  visitors.leaveIp("192.0.2.1");
  assert.equal(visitors.enterIp("192.0.2.1"), true);
});
