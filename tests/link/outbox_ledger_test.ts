import assert from "node:assert/strict";
import { type LedgerMember, OutboxLedger } from "../../src/link/outbox_ledger.ts";
import { Turns } from "../../src/link/turns.ts";

class FakeMember implements LedgerMember {
  heldBytes = 0;
  progress = 0;
  evictions = 0;
  readonly #ledger: OutboxLedger;

  constructor(ledger: OutboxLedger) {
    this.#ledger = ledger;
    ledger.join(this);
  }

  hold(bytes: number): void {
    this.heldBytes += bytes;
    this.#ledger.take(bytes);
  }

  /** The socket took so many bytes. */
  move(bytes: number): void {
    this.progress++;
    this.heldBytes -= bytes;
    this.#ledger.release(bytes);
  }

  evict(): void {
    this.evictions++;
    this.#ledger.release(this.heldBytes);
    this.heldBytes = 0;
    this.#ledger.leave(this);
  }
}

function setUp(maxBytes: number) {
  let due: (() => void)[] = [];
  const ledger = new OutboxLedger(maxBytes, new Turns((run) => due.push(run)));
  const endTurns = (count: number, each = () => {}) => {
    for (let turn = 0; turn < count; turn++) {
      const now = due;
      due = [];
      now.forEach((run) => run());
      each();
    }
  };
  return { ledger, endTurns, isIdle: () => due.length === 0 };
}

Deno.test("Outbox ledger: over the bound, the largest of those who take nothing go first, and no more than needed", () => {
  const { ledger, endTurns, isIdle } = setUp(250);
  const [small, large, larger] = [new FakeMember(ledger), new FakeMember(ledger), new FakeMember(ledger)];
  small.hold(50);
  large.hold(190);
  larger.hold(200);
  endTurns(3);
  assert.deepEqual([small.evictions, large.evictions, larger.evictions], [0, 0, 1]);
  assert.equal(ledger.heldBytes, 240);
  endTurns(3);
  assert.ok(isIdle(), "within the bound nobody is looked at");
});

Deno.test("Outbox ledger: a burst to many who all read ends nobody", () => {
  const { ledger, endTurns } = setUp(1000);
  const members = Array.from({ length: 100 }, () => new FakeMember(ledger));
  for (const member of members) member.hold(100);
  endTurns(10, () => {
    for (const member of members) if (member.heldBytes > 0) member.move(20);
  });
  assert.equal(ledger.heldBytes, 0);
  assert.equal(members.filter(({ evictions }) => evictions > 0).length, 0);
});

Deno.test("Outbox ledger: those who stall are ended, those who read beside them stay", () => {
  const { ledger, endTurns } = setUp(1000);
  const [reader, stalled] = [new FakeMember(ledger), new FakeMember(ledger)];
  reader.hold(900);
  stalled.hold(600);
  endTurns(5, () => reader.move(10));
  assert.deepEqual([reader.evictions, stalled.evictions], [0, 1]);
});

Deno.test("Outbox ledger: who only dribbles is not spared for ever", () => {
  const { ledger, endTurns } = setUp(1000);
  const members = Array.from({ length: 10 }, () => new FakeMember(ledger));
  for (const member of members) member.hold(500);
  endTurns(40, () => members.forEach((member) => member.evictions === 0 && member.move(1)));
  assert.ok(ledger.heldBytes <= 1000, `${ledger.heldBytes} bytes are still held`);
  assert.ok(members.some(({ evictions }) => evictions === 0), "no more are ended than needed");
});
