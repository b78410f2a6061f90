import assert from "node:assert/strict";
import fc from "fast-check";
import { TenantIds } from "../../src/broker/tenant_ids.ts";

Deno.test("Tenant ids: a tenant that comes back goes on where it was", () => {
  const ids = new TenantIds(1);
  const first = ids.enter("a");
  const id = first.nextText();
  ids.leave("a", first);
  assert.ok(ids.enter("a").nextText() > id);
  assert.equal(ids.size, 0);
});

Deno.test("Tenant ids: who never published leaves nothing behind, and has the same position again", () => {
  const ids = new TenantIds(1);
  const first = ids.enter("a");
  ids.leave("a", first);
  assert.equal(ids.enter("a").position, first.position);
  for (let at = 0; at < 100; at++) ids.leave(`t-${at}`, ids.enter(`t-${at}`));
  assert.equal(ids.size, 0);
});

Deno.test("Tenant ids: whoever comes and goes, memory is bounded and every tenant's ids only rise", () => {
  const tenant = fc.integer({ min: 0, max: 9 }).map((at) => `t-${at}`);
  fc.assert(fc.property(fc.array(tenant, { maxLength: 200 }), (visits) => {
    const maxAway = 3;
    const ids = new TenantIds(1_700_000_000_000, maxAway);
    const last = new Map<string, string>();
    for (const visitor of visits) {
      const own = ids.enter(visitor);
      const id = own.nextText();
      assert.ok(id > (last.get(visitor) ?? ""), `${id} rises`);
      last.set(visitor, id);
      ids.leave(visitor, own);
      assert.ok(ids.size <= maxAway);
    }
  }));
});

Deno.test("Tenant ids: they are above what is known of earlier runs, also when the clock went back", () => {
  const earlier = new TenantIds(5000).enter("a").nextText();
  assert.ok(new TenantIds(1).enter("a", earlier).nextText() > earlier);
  assert.ok(new TenantIds(9000).enter("a", earlier).nextText().startsWith("00000000-2328-4"));
});
