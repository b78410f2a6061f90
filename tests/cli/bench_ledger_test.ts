import assert from "node:assert/strict";
import fc from "fast-check";
import { DeliveryLedger } from "../../src/cli/bench_ledger.ts";

/** What becomes of one message on its way to one subscriber. */
const fate = fc.constantFrom("received", "received", "received", "twice", "told", "missing");

Deno.test("DeliveryLedger: every message is received, told lost or missing, for each subscriber", () => {
  const run = fc.record({
    publishers: fc.integer({ min: 1, max: 3 }),
    subscribers: fc.integer({ min: 1, max: 3 }),
    messages: fc.nat(20),
    fates: fc.array(fate, { minLength: 180, maxLength: 180 }),
  });
  fc.assert(fc.property(run, ({ publishers, subscribers, messages, fates }) => {
    const ledger = new DeliveryLedger({ publishers, subscribers });
    const counts = { received: 0, twice: 0, told: 0, missing: 0 };
    let next = 0;
    for (let sequence = 0; sequence < messages; sequence++) {
      for (let publisher = 0; publisher < publishers; publisher++) {
        ledger.publish(publisher, 1);
        for (let subscriber = 0; subscriber < subscribers; subscriber++) {
          const what = fates[next++] ?? "received";
          counts[what]++;
          if (what === "told") ledger.drop(subscriber, 1);
          if (what === "received" || what === "twice") {
            assert.ok(ledger.receive(subscriber, { publisher, sequence }));
          }
          if (what === "twice") assert.equal(ledger.receive(subscriber, { publisher, sequence }), false);
        }
      }
    }
    const totals = ledger.totals();
    assert.deepEqual(totals, {
      published: messages * publishers,
      expected: messages * publishers * subscribers,
      received: counts.received + counts.twice,
      dropped: counts.told,
      missing: counts.missing,
      outOfOrder: 0,
      twice: counts.twice,
    });
    assert.ok(ledger.outstanding >= 0 && ledger.outstanding <= counts.told + counts.missing);
  }));
});

Deno.test("DeliveryLedger: a message that overtakes others makes those late, not lost", () => {
  const order = fc.integer({ min: 1, max: 12 }).chain((count) =>
    fc.shuffledSubarray(Array.from({ length: count }, (_, i) => i), { minLength: count })
  );
  fc.assert(fc.property(order, (sequences) => {
    const ledger = new DeliveryLedger({ publishers: 1, subscribers: 1 });
    ledger.publish(0, sequences.length);
    for (const sequence of sequences) assert.ok(ledger.receive(0, { publisher: 0, sequence }));
    let [newest, late] = [-1, 0];
    for (const sequence of sequences) {
      if (sequence < newest) late++;
      newest = Math.max(newest, sequence);
    }
    const { received, missing, outOfOrder, twice } = ledger.totals();
    assert.deepEqual([received, missing, outOfOrder, twice], [sequences.length, 0, late, 0]);
    assert.equal(ledger.outstanding, 0);
  }));
});

Deno.test("DeliveryLedger: whatever is told and comes, what is outstanding is never less than nothing or stuck", () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant("publish" as const), value: fc.nat(5) }),
    fc.record({ kind: fc.constant("receive" as const), value: fc.nat(40) }),
    fc.record({ kind: fc.constant("drop" as const), value: fc.nat(8) }),
  );
  fc.assert(fc.property(fc.array(event, { maxLength: 60 }), (events) => {
    const ledger = new DeliveryLedger({ publishers: 1, subscribers: 1 });
    let published = 0;
    for (const { kind, value } of events) {
      if (kind === "publish") {
        ledger.publish(0, value);
        published += value;
      } else if (kind === "drop") ledger.drop(0, value);
      else ledger.receive(0, { publisher: 0, sequence: value });
      const { expected, received, dropped, missing } = ledger.totals();
      assert.equal(received + dropped + missing, expected);
      assert.ok(dropped >= 0 && missing >= 0 && ledger.outstanding >= 0);
      assert.ok(ledger.outstanding <= missing);
    }
    ledger.drop(0, published);
    assert.equal(ledger.outstanding, 0);
  }));
});

Deno.test("DeliveryLedger: one that is too late to be told from a copy is not counted as received", () => {
  const ledger = new DeliveryLedger({ publishers: 1, subscribers: 1 });
  ledger.publish(0, 50);
  for (const sequence of [17, 49]) assert.ok(ledger.receive(0, { publisher: 0, sequence }));
  assert.equal(ledger.receive(0, { publisher: 0, sequence: 17 }), false);
  assert.ok(ledger.receive(0, { publisher: 0, sequence: 18 }), "the oldest that is remembered");
  const { received, outOfOrder, twice, missing } = ledger.totals();
  assert.deepEqual([received, outOfOrder, twice, missing], [3, 1, 1, 47]);
});

Deno.test("DeliveryLedger: a loss is not waited for once it is told, or seen in the numbers, or both", () => {
  const ledger = new DeliveryLedger({ publishers: 1, subscribers: 2 });
  ledger.publish(0, 5);
  assert.equal(ledger.outstanding, 10);
  ledger.drop(0, 2);
  assert.equal(ledger.outstanding, 8);
  ledger.receive(0, { publisher: 0, sequence: 2 });
  assert.equal(ledger.outstanding, 7, "the two that were told are the two that are seen");
  ledger.receive(1, { publisher: 0, sequence: 4 });
  assert.equal(ledger.outstanding, 2);
});

Deno.test("DeliveryLedger: one that left gets nothing more, and what it did not get is missing", () => {
  const ledger = new DeliveryLedger({ publishers: 1, subscribers: 2 });
  ledger.publish(0, 3);
  ledger.receive(0, { publisher: 0, sequence: 0 });
  ledger.leave(0);
  ledger.leave(0);
  assert.deepEqual([ledger.here, ledger.outstanding], [1, 3]);
  ledger.publish(0, 1);
  assert.equal(ledger.outstanding, 4);
  const { expected, received, missing } = ledger.totals();
  assert.deepEqual([expected, received, missing], [8, 1, 7]);
});

Deno.test("DeliveryLedger: what was never published, and losses beyond all messages, are not believed", () => {
  const ledger = new DeliveryLedger({ publishers: 1, subscribers: 1 });
  ledger.publish(0, 2);
  assert.equal(ledger.receive(0, { publisher: 0, sequence: 2 }), false);
  assert.equal(ledger.receive(0, { publisher: 1, sequence: 0 }), false);
  ledger.drop(0, 1e15);
  assert.deepEqual([ledger.outstanding, ledger.totals().dropped], [0, 2]);
  ledger.receive(0, { publisher: 0, sequence: 0 });
  ledger.drop(0, 1);
  assert.deepEqual([ledger.totals().received, ledger.totals().dropped, ledger.outstanding], [1, 1, 0]);
  ledger.publish(0, 1);
  ledger.receive(0, { publisher: 0, sequence: 1 });
  ledger.receive(0, { publisher: 0, sequence: 2 });
  assert.deepEqual([ledger.totals().dropped, ledger.totals().missing, ledger.outstanding], [0, 0, 0]);
});
