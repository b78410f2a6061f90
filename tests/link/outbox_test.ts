import assert from "node:assert/strict";
import fc from "fast-check";
import type { Encoded } from "../../src/core/transport.ts";
import { Flusher } from "../../src/link/flusher.ts";
import { joinParts, type Lane, LANES, Outbox, type OutboxSink } from "../../src/link/outbox.ts";
import { OutboxLedger } from "../../src/link/outbox_ledger.ts";

/** A socket that takes bytes when told to. */
class FakeSink implements OutboxSink {
  readonly writes: Uint8Array[] = [];
  #taken: (() => void)[] = [];

  write(parts: readonly Uint8Array[], onWritten: () => void): void {
    this.writes.push(...parts);
    this.#taken.push(onWritten);
  }

  /** The oldest write that is under way is done. */
  take(): boolean {
    const taken = this.#taken.shift();
    taken?.();
    return taken !== undefined;
  }

  text(): string {
    return this.writes.map((part) => new TextDecoder().decode(part)).join("");
  }
}

function encoded(text: string): Encoded {
  const bytes = new TextEncoder().encode(text);
  return { parts: [bytes], bytes: bytes.length };
}

interface Setup {
  readonly laneBytes?: Partial<Record<Lane, number>>;
  readonly socketBytes?: number;
  readonly ledger?: OutboxLedger;
}

function setUp({ laneBytes = {}, socketBytes = 1000, ledger = new OutboxLedger(1e9) }: Setup = {}) {
  const turns: (() => void)[] = [];
  const sink = new FakeSink();
  let overflows = 0;
  const outbox = new Outbox({
    sink,
    ledger,
    flusher: new Flusher((run) => turns.push(run)),
    laneBytes: { control: 100, request: 100, publish: 100, ...laneBytes },
    socketBytes,
    joinBytes: 64,
    onOverflow: () => overflows++,
  });
  const endTurn = () => turns.splice(0).forEach((run) => run());
  return { outbox, sink, endTurn, ledger, turns, overflows: () => overflows };
}

Deno.test("Outbox: what a turn queued leaves in one write at its end", () => {
  const { outbox, sink, endTurn, turns } = setUp();
  for (const text of ["a", "b", "c"]) outbox.push("publish", encoded(text));
  assert.equal(sink.writes.length, 0);
  assert.equal(turns.length, 1);
  endTurn();
  assert.deepEqual(sink.writes.map((part) => new TextDecoder().decode(part)), ["abc"]);
});

Deno.test("Outbox: control overtakes what waits behind a slow socket", () => {
  const { outbox, sink, endTurn } = setUp({ socketBytes: 10 });
  for (const text of ["1111111111", "2222222222", "3333333333"]) outbox.push("publish", encoded(text));
  endTurn();
  outbox.push("control", encoded("CONTROL"));
  endTurn();
  while (sink.take());
  assert.equal(sink.text(), "1111111111CONTROL22222222223333333333");
});

Deno.test("Outbox: an empty lane takes one message of any size, a full one nothing", () => {
  const { outbox, overflows } = setUp();
  assert.equal(outbox.push("publish", encoded("x".repeat(500))), "queued");
  assert.equal(outbox.push("publish", encoded("y")), "full");
  assert.equal(overflows(), 1);
  assert.equal(outbox.push("request", encoded("z")), "queued", "lanes have bounds of their own");
});

Deno.test("Outbox: a flood of pings costs one pong", () => {
  const { outbox, sink, endTurn } = setUp();
  for (let i = 0; i < 1000; i++) outbox.pushPong(encoded(`pong ${i}`));
  assert.equal(outbox.heldBytes, 8);
  endTurn();
  assert.equal(sink.text(), "pong 999");
});

Deno.test("Outbox: finish writes what waits, then the last message, then says so", () => {
  const { outbox, sink, endTurn } = setUp({ socketBytes: 4 });
  let finished = 0;
  outbox.push("publish", encoded("1111"));
  assert.equal(outbox.finish(encoded("LAST"), { purge: false, onFinished: () => finished++ }), 0);
  assert.equal(outbox.push("control", encoded("late")), "closed");
  endTurn();
  while (sink.take());
  assert.equal(sink.text(), "1111LAST");
  assert.equal(finished, 1);
});

Deno.test("Outbox: finish with purge drops what waits and says how much", () => {
  const { outbox, sink, endTurn, ledger } = setUp();
  outbox.push("publish", encoded("1"));
  outbox.push("request", encoded("2"));
  assert.equal(outbox.finish(encoded("LAST"), { purge: true, onFinished: () => {} }), 2);
  endTurn();
  assert.equal(sink.text(), "LAST");
  sink.take();
  assert.equal(ledger.heldBytes, 0);
});

Deno.test("Outbox: closing while a flush waits writes nothing and frees everything", () => {
  const { outbox, sink, endTurn, ledger } = setUp();
  outbox.push("publish", encoded("1"));
  assert.equal(outbox.close(), 1);
  endTurn();
  assert.equal(sink.writes.length, 0);
  assert.equal(ledger.heldBytes, 0);
  assert.equal(outbox.close(), 0);
});

Deno.test("Outbox: keeps order in each lane, bytes within bounds and counts right whatever happens", () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ lane: fc.constantFrom(...LANES), size: fc.integer({ min: 1, max: 60 }) }),
    },
    { weight: 3, arbitrary: fc.constantFrom("turn", "taken") },
    { weight: 1, arbitrary: fc.constant("pong") },
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 1, max: 120 }),
      (steps, socketBytes) => {
        const { outbox, sink, endTurn, ledger } = setUp({ socketBytes });
        const sent: Record<Lane, string[]> = { control: [], request: [], publish: [] };
        let serial = 0;
        for (const now of steps) {
          if (now === "turn") endTurn();
          else if (now === "taken") sink.take();
          else if (now === "pong") outbox.pushPong(encoded("[pong]"));
          else if (typeof now === "object") {
            const text = `[${now.lane} ${serial++} ${"x".repeat(now.size)}]`;
            const before = outbox.queuedBytesOf(now.lane);
            const result = outbox.push(now.lane, encoded(text));
            assert.equal(result === "full", before > 0 && before + text.length > 100);
            if (result === "queued") sent[now.lane].push(text);
          }
          assert.equal(ledger.heldBytes, outbox.heldBytes);
        }
        endTurn();
        while (sink.take());
        assert.equal(outbox.heldBytes, 0);
        const written = sink.text().match(/\[[^\]]*\]/g) ?? [];
        for (const lane of LANES) {
          assert.deepEqual(written.filter((text) => text.startsWith(`[${lane} `)), sent[lane]);
        }
      },
    ),
  );
});

Deno.test("Outbox: never hands more than its bound to the socket, one message aside", () => {
  const { outbox, sink, endTurn } = setUp({ socketBytes: 25, laneBytes: { publish: 10_000 } });
  for (let i = 0; i < 100; i++) outbox.push("publish", encoded("x".repeat(10)));
  endTurn();
  assert.equal(sink.text().length, 30);
  sink.take();
  assert.equal(sink.text().length, 60);
});

Deno.test("Outbox ledger: over the bound of all, the largest goes first", () => {
  const ledger = new OutboxLedger(250);
  const small = setUp({ ledger, laneBytes: { publish: 1000 } });
  const large = setUp({ ledger, laneBytes: { publish: 1000 } });
  small.outbox.push("publish", encoded("s".repeat(50)));
  large.outbox.push("publish", encoded("l".repeat(190)));
  assert.equal(large.overflows(), 0);
  small.outbox.push("publish", encoded("s".repeat(20)));
  assert.equal(large.overflows(), 1);
  assert.equal(small.overflows(), 0);
});

Deno.test("Joining: any parts come out in order, small ones together, large ones uncopied", () => {
  const parts = fc.array(
    fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.constant(new Uint8Array(5000).fill(7))),
  );
  fc.assert(fc.property(parts, fc.integer({ min: 1, max: 300 }), (pieces, joinBytes) => {
    const joined = joinParts(pieces, joinBytes);
    assert.deepEqual(joined.flatMap((part) => [...part]), pieces.flatMap((part) => [...part]));
    assert.ok(joined.length <= Math.max(pieces.length, 1));
    for (const piece of pieces) if (piece.length > 4096) assert.ok(joined.includes(piece));
  }));
});
