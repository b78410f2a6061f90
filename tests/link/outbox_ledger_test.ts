import assert from "node:assert/strict";
import type { Lane } from "../../src/link/lane.ts";
import { type LedgerMember, OutboxLedger } from "../../src/link/outbox_ledger.ts";

class FakeMember implements LedgerMember {
  heldBytes = 0;
  progress = 0;
  evictions = 0;
  readonly #ledger: OutboxLedger;

  constructor(ledger: OutboxLedger) {
    this.#ledger = ledger;
    ledger.join(this);
  }

  queuedBytesOf(lane: Lane): number {
    return lane === "publish" ? this.heldBytes : 0;
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

  /** As in the hub: what it held is let go when its socket is closed, a moment later. */
  evict(): void {
    this.evictions++;
  }

  close(): void {
    this.#ledger.release(this.heldBytes);
    this.heldBytes = 0;
    this.#ledger.leave(this);
  }
}

/** A ledger with members; time goes on in tenths of a second, as its checks do. */
function setUp(maxBytes: number, count: number) {
  const clock = { ms: 0, now: () => clock.ms };
  const ledger = new OutboxLedger(maxBytes, clock);
  const members = Array.from({ length: count }, () => new FakeMember(ledger));
  const pass = (ms: number, each = () => {}) => {
    for (const end = clock.ms + ms; clock.ms < end;) {
      clock.ms += 100;
      each();
      ledger.check();
      for (const member of members) if (member.evictions > 0 && member.heldBytes > 0) member.close();
    }
  };
  const evictions = () => members.map((member) => member.evictions);
  return {
    ledger,
    clock,
    members,
    pass,
    evictions,
    [Symbol.dispose]: () => members.forEach((member) => member.close()),
  };
}

Deno.test("Outbox ledger: over the bound, the largest of those who stall go first, and no more than needed", () => {
  using set = setUp(250, 3);
  const { members, pass, evictions, ledger } = set;
  [50, 190, 200].forEach((bytes, index) => members[index]?.hold(bytes));
  pass(900);
  assert.deepEqual(evictions(), [0, 0, 0], "a moment is no stall");
  pass(300);
  assert.deepEqual(evictions(), [0, 0, 1]);
  assert.equal(ledger.heldBytes, 240);
  pass(60_000);
  assert.deepEqual(evictions(), [0, 0, 1], "within the bound nobody is ended");
});

Deno.test("Outbox ledger: a burst to many who all read ends nobody, however far it is over the bound", () => {
  using set = setUp(1000, 100);
  const { members, pass, evictions } = set;
  for (const member of members) member.hold(100);
  pass(5000, () => {
    for (const member of members) if (member.heldBytes > 0) member.move(2);
  });
  assert.equal(evictions().some((count) => count > 0), false);
});

Deno.test("Outbox ledger: a reader that pauses for half a second is spared, who stalls beside it is not", () => {
  using set = setUp(1000, 2);
  const { members: [reader, stalled], pass, evictions } = set;
  reader?.hold(900);
  stalled?.hold(600);
  let turn = 0;
  pass(3000, () => {
    if (++turn % 5 === 0) reader?.move(10);
  });
  assert.deepEqual(evictions(), [0, 1]);
});

Deno.test("Outbox ledger: far over the bound who takes nothing goes soon", () => {
  using set = setUp(1000, 10);
  for (const member of set.members) member.hold(500);
  set.pass(300);
  assert.ok(set.ledger.heldBytes <= 2000, `${set.ledger.heldBytes} bytes`);
});

Deno.test("Outbox ledger: who only dribbles is not spared for ever", () => {
  using set = setUp(1000, 10);
  const { members, pass, ledger, evictions } = set;
  for (const member of members) member.hold(500);
  pass(20_000, () => members.forEach((member) => member.heldBytes > 1 && member.move(1)));
  assert.ok(ledger.heldBytes <= 1000, `${ledger.heldBytes} bytes are still held`);
  assert.ok(evictions().some((count) => count === 0), "no more are ended than needed");
  assert.ok(evictions().every((count) => count <= 1), "nobody is ended twice");
});

Deno.test("Outbox ledger: the bytes of a lane are those of all members that are there", () => {
  const ledger = new OutboxLedger(1000, { now: () => 0 });
  const [one, other] = [new FakeMember(ledger), new FakeMember(ledger)];
  one.hold(10);
  other.hold(5);
  assert.deepEqual([ledger.queuedBytesOf("publish"), ledger.queuedBytesOf("request")], [15, 0]);
  ledger.leave(one);
  assert.equal(ledger.queuedBytesOf("publish"), 5);
});

Deno.test("Outbox ledger: who has taken nothing for longest goes before who holds most", () => {
  using set = setUp(100, 2);
  const { members: [large, slow], pass, evictions } = set;
  slow?.hold(60);
  large?.hold(60);
  pass(1000, () => large?.move(0));
  large?.hold(30);
  pass(1100);
  assert.deepEqual(evictions(), [0, 1]);
});

Deno.test("Outbox ledger: time in which the event loop stood still counts for nobody", () => {
  using set = setUp(100, 1);
  const { members: [member], ledger, evictions, clock } = set;
  member?.hold(150);
  for (let check = 0; check < 8; check++) {
    clock.ms += 5000;
    ledger.check();
  }
  assert.deepEqual(evictions(), [0]);
});

Deno.test("Outbox ledger: a lower bound holds at once, and an urgent one has no patience", () => {
  using set = setUp(1000, 2);
  const { members: [one, other], ledger, pass, evictions } = set;
  one?.hold(300);
  other?.hold(200);
  pass(5000);
  ledger.change(400, false);
  assert.equal(ledger.maxBytes, 400);
  pass(500);
  assert.deepEqual(evictions(), [0, 0]);
  ledger.change(400, true);
  pass(100);
  assert.deepEqual(evictions(), [1, 0]);
});
