import assert from "node:assert/strict";
import fc from "fast-check";
import { type Member, MemberSet, NOWHERE } from "../../src/link/member_set.ts";

Deno.test("MemberSet: holds what a Set would hold, and its members know whether they are in it", () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(19)), { maxLength: 200 });
  fc.assert(fc.property(steps, (operations) => {
    const members = Array.from({ length: 20 }, (): Member => ({ place: NOWHERE }));
    const set = new MemberSet<Member>();
    const model = new Set<Member>();
    for (const [isAdded, index] of operations) {
      const member = members[index];
      assert.ok(member !== undefined);
      if (!isAdded) assert.equal(set.delete(member), model.delete(member));
      else if (!model.has(member)) {
        set.add(member);
        model.add(member);
      }
      assert.equal(set.size, model.size);
      assert.equal(member.place === NOWHERE, !model.has(member));
    }
    assert.deepEqual(new Set(set.all()), model);
  }));
});
