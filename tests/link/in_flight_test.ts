import assert from "node:assert/strict";
import fc from "fast-check";
import { InFlight, MAX_IN_FLIGHT_BYTES, MIN_IN_FLIGHT_BYTES } from "../../src/link/in_flight.ts";

const KIB = 1024;
const FRAME = 16 * KIB;

/** A wire of so many bytes a millisecond that takes so long there and back, and is kept full. */
class Wire {
  readonly inFlight = new InFlight();
  bytesPerMs: number;
  roundTripMs: number;
  #nowMs = 0;
  /** When all that was sent is on the wire. */
  #freeMs = 0;
  #acks: { atMs: number; number: number }[] = [];

  constructor(bytesPerMs: number, roundTripMs: number) {
    this.bytesPerMs = bytesPerMs;
    this.roundTripMs = roundTripMs;
  }

  get heldBytes(): number {
    return this.bytesPerMs * this.roundTripMs;
  }

  /** Sends for so long; gives how many bytes. */
  run(forMs: number): number {
    let sent = 0;
    for (const until = this.#nowMs + forMs; this.#nowMs < until; this.#nowMs += 0.25) {
      for (let ack = this.#acks[0]; ack !== undefined && ack.atMs <= this.#nowMs; ack = this.#acks[0]) {
        assert.ok(this.inFlight.acknowledge(ack.number, this.#nowMs));
        this.#acks.shift();
      }
      if (this.inFlight.needsMark) this.#mark();
      while (!this.inFlight.isFull) {
        const isMarkDue = send(this.inFlight, FRAME, this.#nowMs);
        this.#freeMs = Math.max(this.#freeMs, this.#nowMs) + FRAME / this.bytesPerMs;
        sent += FRAME;
        if (isMarkDue) this.#mark();
      }
    }
    return sent;
  }

  #mark(): void {
    const atMs = Math.max(this.#freeMs, this.#nowMs) + this.roundTripMs;
    this.#acks.push({ atMs, number: this.inFlight.mark(this.#nowMs) });
  }
}

Deno.test("In flight: a short wire keeps the least bound", () => {
  const wire = new Wire(1000, 2);
  wire.run(5000);
  assert.equal(wire.inFlight.limitBytes, MIN_IN_FLIGHT_BYTES);
  assert.ok((wire.inFlight.roundTripMs ?? 0) >= 2);
});

Deno.test("In flight: a long wire is filled: the bound grows to twice what it holds", () => {
  const wire = new Wire(25_000, 100);
  wire.run(3000);
  const { limitBytes } = wire.inFlight;
  assert.ok(limitBytes > 1.5 * wire.heldBytes && limitBytes < 2.5 * wire.heldBytes, `${limitBytes}`);
  const sent = wire.run(1000);
  assert.ok(sent > 0.8 * 1000 * wire.bytesPerMs, `${sent} bytes in a second`);
});

Deno.test("In flight: its own queue is not taken for the wire, however long data flows", () => {
  const wire = new Wire(25_000, 50);
  wire.run(60_000);
  assert.ok((wire.inFlight.roundTripMs ?? 0) < 60, `${wire.inFlight.roundTripMs} ms`);
  assert.ok(wire.inFlight.limitBytes < 3 * wire.heldBytes, `${wire.inFlight.limitBytes}`);
});

Deno.test("In flight: a wire that became longer is noticed", () => {
  const wire = new Wire(10_000, 5);
  wire.run(3000);
  wire.roundTripMs = 100;
  wire.run(30_000);
  assert.ok(wire.inFlight.limitBytes > wire.heldBytes, `${wire.inFlight.limitBytes}`);
});

Deno.test("In flight: a mark stands for all before it; one that never went is told", () => {
  const inFlight = new InFlight();
  const numbers = [0, 1, 2].map((at) => {
    send(inFlight, 40 * KIB, at);
    return inFlight.mark(at);
  });
  assert.equal(inFlight.acknowledge(numbers[1] ?? 0, 10), true);
  assert.equal(inFlight.bytes, 40 * KIB);
  assert.equal(inFlight.roundTripMs, 9);
  assert.equal(inFlight.acknowledge(numbers[0] ?? 0, 11), true, "late, and of no effect");
  assert.equal(inFlight.bytes, 40 * KIB);
  assert.equal(inFlight.acknowledge(99, 12), false);
});

Deno.test("In flight: never stuck, never above its bounds, whatever comes back when", () => {
  const step = fc.record({ sends: fc.nat(40), acks: fc.nat(5), passedMs: fc.nat(15_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const inFlight = new InFlight();
      const marks: number[] = [];
      let now = 0;
      for (const { sends, acks, passedMs } of steps) {
        for (let i = 0; i < sends && !inFlight.isFull; i++) {
          if (send(inFlight, FRAME, now)) marks.push(inFlight.mark(now));
        }
        now += passedMs;
        for (const number of marks.splice(0, acks)) assert.ok(inFlight.acknowledge(number, now));
        if (inFlight.needsMark) marks.push(inFlight.mark(now));
        assert.ok(!inFlight.isFull || marks.length > 0, "something will come back");
        assert.ok(inFlight.bytes >= 0 && inFlight.limitBytes <= MAX_IN_FLIGHT_BYTES);
      }
    }),
    { numRuns: 200 },
  );
});

/** Sends as a link does, which tells the time after a break only. */
function send(inFlight: InFlight, bytes: number, nowMs: number): boolean {
  if (inFlight.bytes === 0) inFlight.begin(nowMs);
  return inFlight.send(bytes);
}
