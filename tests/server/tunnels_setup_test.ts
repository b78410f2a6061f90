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
  assert.deepEqual(["192.0.2.1", "192.0.2.1", "192.0.2.2"].map(visitors.enter), [true, false, true]);
  assert.deepEqual(Array.from({ length: 4 }, () => visitors.enter("198.51.100.7")), [
    true,
    true,
    true,
    false,
  ]);
  assert.equal(admission.total, 5);
  visitors.leave("198.51.100.7");
  assert.deepEqual([visitors.enter("192.0.2.1"), visitors.enter("198.51.100.7")], [false, true]);
  for (const ip of ["192.0.2.1", "192.0.2.2", ...Array(3).fill("198.51.100.7")]) visitors.leave(ip);
  assert.equal(admission.total, 0);
  assert.equal(visitors.enter("192.0.2.1"), true);
});
