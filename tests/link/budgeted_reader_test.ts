import assert from "node:assert/strict";
import { Socket } from "node:net";
import { BudgetedReader, SLICE_BYTES } from "../../src/link/budgeted_reader.ts";
import type { GatedSocket } from "../../src/link/gated_socket.ts";
import { ReadBudget, type ReadLimits } from "../../src/link/read_budget.ts";
import { Turns } from "../../src/link/turns.ts";

const LIMITS: ReadLimits = { messages: 64, bytes: 64 * 1024, deliveries: 4096 };
const MESSAGE_BYTES = 100;

/** A socket of the test's own that notes whether it is paused. */
class FakeLink implements GatedSocket {
  readonly socket = new Socket();
  isPaused = false;

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  reset(): void {
    this.socket.destroy();
  }

  /** The kernel has bytes: they arrive only while the socket is not paused. */
  arrive(chunk: Uint8Array): boolean {
    if (!this.isPaused) this.socket.emit("data", chunk);
    return !this.isPaused;
  }
}

/** Turns that the test ends by hand. */
class ManualTurns {
  #due: (() => void)[] = [];
  readonly turns = new Turns((run) => this.#due.push(run));

  end(): void {
    for (const run of this.#due.splice(0)) run();
  }
}

function peer(manual: ManualTurns, { limits = LIMITS, deliveriesPerMessage = 1 } = {}) {
  const link = new FakeLink();
  const budget = new ReadBudget(limits, manual.turns);
  const received: number[] = [];
  let partial = 0;
  const reader = new BudgetedReader({
    link,
    budget,
    turns: manual.turns,
    receiver: {
      caughtUp: () => {},
      takeFrom: (chunk, from) => {
        const slice = chunk.subarray(from, from + SLICE_BYTES);
        received.push(...slice);
        for (partial += slice.length; partial >= MESSAGE_BYTES; partial -= MESSAGE_BYTES) {
          budget.spendMessage(deliveriesPerMessage);
        }
        return from + slice.length;
      },
    },
  });
  reader.start(new Uint8Array(0));
  return { link, reader, received, messages: () => Math.floor(received.length / MESSAGE_BYTES) };
}

const MESSAGES_IN_A_SLICE = Math.ceil(SLICE_BYTES / MESSAGE_BYTES);

Deno.test("Read budget: a victim is served every turn beside a flooder without end", () => {
  const manual = new ManualTurns();
  const flooder = peer(manual);
  const victim = peer(manual);
  const flood = new Uint8Array(64 * 1024);
  for (let turn = 1; turn <= 200; turn++) {
    const before = flooder.messages();
    while (flooder.link.arrive(flood));
    assert.equal(victim.link.arrive(new Uint8Array(MESSAGE_BYTES)), true);
    assert.equal(victim.messages(), turn, "the victim waits for no other turn");
    manual.end();
    const inOneTurn = flooder.messages() - before;
    assert.ok(
      inOneTurn <= 2 * (LIMITS.messages + MESSAGES_IN_A_SLICE),
      `${inOneTurn} messages of the flooder`,
    );
  }
});

Deno.test("Read budget: bytes bound a turn when messages do not", () => {
  const manual = new ManualTurns();
  const reader = peer(manual, { limits: { messages: 1e9, bytes: 8192, deliveries: 1e9 } });
  reader.link.arrive(new Uint8Array(100_000));
  assert.equal(reader.received.length, 8192);
  manual.end();
  assert.equal(reader.received.length, 16384);
});

Deno.test("Read budget: deliveries bound a turn: one message to many is not one", () => {
  const manual = new ManualTurns();
  const reader = peer(manual, { deliveriesPerMessage: 10_000 });
  reader.link.arrive(new Uint8Array(64 * 1024));
  assert.ok(reader.messages() <= MESSAGES_IN_A_SLICE, `${reader.messages()} messages in one turn`);
});

Deno.test("Read budget: everything arrives once and in order, and the socket reads on", () => {
  const manual = new ManualTurns();
  const reader = peer(manual);
  const sent = new Uint8Array(300_000).map((_, i) => i * 31 + (i >> 9));
  for (let at = 0; at < sent.length; at += 50_000) {
    while (reader.link.isPaused) manual.end();
    reader.link.arrive(sent.subarray(at, at + 50_000));
  }
  while (reader.received.length < sent.length) manual.end();
  assert.deepEqual(Uint8Array.from(reader.received), sent);
  manual.end();
  assert.equal(reader.link.isPaused, false, "the socket is read on");
});

Deno.test("Read budget: a stopped reader feeds nothing more, not even what waits", () => {
  const manual = new ManualTurns();
  const reader = peer(manual);
  reader.link.arrive(new Uint8Array(64 * 1024));
  const before = reader.received.length;
  reader.reader.stop();
  manual.end();
  assert.equal(reader.received.length, before);
  assert.equal(reader.link.isPaused, false, "what comes is read and thrown away");
});

Deno.test("Read budget: a receiver that takes large pieces and not all of one goes on where it stopped", () => {
  const manual = new ManualTurns();
  const link = new FakeLink();
  const budget = new ReadBudget({ ...LIMITS, messages: 3 }, manual.turns);
  const pieces: number[] = [];
  const received: number[] = [];
  const reader = new BudgetedReader({
    link,
    budget,
    turns: manual.turns,
    receiver: {
      caughtUp: () => {},
      takeFrom: (chunk, from) => {
        const slice = chunk.subarray(from, from + 5000);
        pieces.push(slice.length);
        let taken = 0;
        for (; taken < slice.length && !budget.isSpent(); taken += MESSAGE_BYTES) {
          received.push(...slice.subarray(taken, taken + MESSAGE_BYTES));
          budget.spendMessage(1);
        }
        return from + taken;
      },
    },
  });
  reader.start(new Uint8Array(0));
  const chunk = new Uint8Array(7 * MESSAGE_BYTES).map((_, i) => i);
  link.arrive(chunk);
  assert.equal(link.isPaused, true);
  for (let turn = 0; turn < 3; turn++) manual.end();
  assert.deepEqual(received, [...chunk]);
  assert.deepEqual(pieces, [700, 400, 100]);
  assert.equal(link.isPaused, false);
});

Deno.test("Read budget: what is held waits, with the peer, until it is released", () => {
  const manual = new ManualTurns();
  const { link, reader, received } = peer(manual);
  reader.hold();
  assert.equal(link.isPaused, true);
  // What the runtime had read already still comes.
  link.socket.emit("data", Uint8Array.of(1, 2));
  link.socket.emit("data", Uint8Array.of(3));
  manual.end();
  assert.deepEqual([received, reader.isWaiting], [[], true]);
  reader.release();
  manual.end();
  assert.deepEqual([received, reader.isWaiting, link.isPaused], [[1, 2, 3], false, false]);
});

Deno.test("Read budget: a socket is given away paused, with all that was not fed", () => {
  const manual = new ManualTurns();
  const { link, reader, received } = peer(manual, { limits: { ...LIMITS, bytes: SLICE_BYTES } });
  const chunk = Uint8Array.from({ length: SLICE_BYTES + 2 }, (_, at) => at & 0xff);
  link.arrive(chunk);
  link.socket.emit("data", Uint8Array.of(7, 8));
  assert.equal(received.length, SLICE_BYTES);
  assert.deepEqual([...reader.detach()], [...chunk.subarray(SLICE_BYTES), 7, 8]);
  manual.end();
  assert.equal(link.isPaused, true);
  link.socket.emit("data", Uint8Array.of(9));
  assert.equal(received.length, SLICE_BYTES, "it is fed nothing more");
});
