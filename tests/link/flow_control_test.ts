import assert from "node:assert/strict";
import fc from "fast-check";
import { FlowControl, MIN_WINDOW_BYTES, WindowBudget } from "../../src/link/flow_control.ts";
import { MAX_CREDIT } from "../../src/wire/frame_header.ts";

const KIB = 1024;
const LIMITS = { initialBytes: 64 * KIB, maxBytes: 1024 * KIB, connectionBytes: 4096 * KIB };

function flow({ limits = LIMITS, sendCredit = 64 * KIB, budget = new WindowBudget(limits) } = {}) {
  return { budget, flow: new FlowControl(budget, { sendCredit, nowMs: 0 }) };
}

/** Receives and passes on a window's half in so many milliseconds. */
function useHalf(control: FlowControl, nowMs: number, roundTripMs: number | null): number {
  const half = control.windowBytes / 2;
  assert.equal(control.receive(half), "taken");
  return control.consume(half, { nowMs, roundTripMs });
}

Deno.test("Flow control: credit comes back half a window at a time", () => {
  const { flow: control } = flow();
  const measured = { nowMs: 1e6, roundTripMs: 1 };
  assert.equal(control.receive(40 * KIB), "taken");
  assert.equal(control.consume(31 * KIB, measured), 0);
  assert.equal(control.consume(1 * KIB, measured), 32 * KIB);
  assert.equal(control.receiveCredit, 56 * KIB);
  assert.equal(control.windowBytes, 64 * KIB);
});

Deno.test("Flow control: a window that a round trip shows to be the limit doubles, up to its maximum", () => {
  const { flow: control } = flow();
  let nowMs = 0;
  for (const expected of [128, 256, 512, 1024, 1024]) {
    nowMs += 199;
    assert.equal(useHalf(control, nowMs, 100) > 0, true);
    assert.equal(control.windowBytes, expected * KIB);
  }
});

Deno.test("Flow control: a window that is not the limit stays, and so does one without a measured round trip", () => {
  const { flow: control } = flow();
  useHalf(control, 200, 100);
  useHalf(control, 201, null);
  assert.equal(control.windowBytes, 64 * KIB);
});

Deno.test("Flow control: windows grow together only to what the connection may have", () => {
  const budget = new WindowBudget({ ...LIMITS, connectionBytes: 300 * KIB });
  const [one, other] = [flow({ budget }).flow, flow({ budget }).flow];
  for (let i = 1; i < 10; i++) for (const control of [one, other]) useHalf(control, i, 100);
  assert.equal(one.windowBytes + other.windowBytes, 300 * KIB);
});

Deno.test("Flow control: windows shrink to their share when there are too many", () => {
  const budget = new WindowBudget({ ...LIMITS, connectionBytes: 256 * KIB });
  const controls = Array.from({ length: 8 }, () => flow({ budget }).flow);
  for (let i = 1; i < 10; i++) for (const control of controls) useHalf(control, 1e6 * i, 100);
  assert.ok(budget.windowBytes <= 256 * KIB);
  for (const { windowBytes } of controls) assert.ok(windowBytes >= 32 * KIB, `${windowBytes}`);
});

Deno.test("Flow control: more data than credit, and more credit than there is, are told", () => {
  const { flow: control } = flow();
  assert.equal(control.receive(64 * KIB + 1), "over_credit");
  assert.equal(control.receive(64 * KIB), "taken");
  assert.equal(control.receive(1), "over_credit");
  assert.equal(control.grant(MAX_CREDIT - 64 * KIB), true);
  assert.equal(control.grant(1), false);
  assert.equal(control.sendCredit, MAX_CREDIT);
  assert.throws(() => flow().flow.spend(64 * KIB + 1), RangeError);
  assert.throws(() => flow().flow.consume(1, { nowMs: 0, roundTripMs: null }), RangeError);
});

Deno.test("Flow control: what is unread counts against the connection until it is passed on", () => {
  const budget = new WindowBudget({ ...LIMITS, connectionBytes: 100 * KIB });
  const [one, other] = [flow({ budget }).flow, flow({ budget }).flow];
  assert.equal(one.receive(60 * KIB), "taken");
  assert.equal(other.receive(60 * KIB), "over_cap");
  one.close();
  assert.equal(budget.unreadBytes, 60 * KIB);
  assert.equal(one.consume(60 * KIB, { nowMs: 0, roundTripMs: null }), 0);
  assert.equal(other.receive(60 * KIB), "taken");
  assert.equal(other.discard(), 60 * KIB);
  assert.deepEqual([budget.unreadBytes, budget.windowBytes, budget.streams], [0, 0, 0]);
});

Deno.test("Flow control: never below zero, never above the maximum, whatever happens", () => {
  const step = fc.record({
    stream: fc.nat(3),
    what: fc.constantFrom("spend", "grant", "receive", "consume", "close", "discard"),
    share: fc.double({ min: 0, max: 1.2, noNaN: true }),
    passedMs: fc.nat(300),
    roundTripMs: fc.option(fc.nat(200)),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 64, max: 600 }),
      (steps, connectionKib) => {
        const limits = { ...LIMITS, connectionBytes: connectionKib * KIB };
        const budget = new WindowBudget(limits);
        const controls = Array.from({ length: 4 }, () => flow({ budget }).flow);
        const closed = new Set<FlowControl>();
        let nowMs = 0;
        for (const { stream, what, share, passedMs, roundTripMs } of steps) {
          const control = controls[stream];
          assert.ok(control);
          nowMs += passedMs;
          const before = {
            send: control.sendCredit,
            receive: control.receiveCredit,
            unread: control.unreadBytes,
          };
          if (what === "spend") control.spend(Math.min(control.sendCredit, Math.floor(share * 64 * KIB)));
          else if (what === "grant") {
            const bytes = Math.floor(share * MAX_CREDIT);
            assert.equal(control.grant(bytes), before.send + bytes <= MAX_CREDIT);
          } else if (what === "receive") {
            const bytes = Math.floor(share * control.receiveCredit);
            const fits = budget.unreadBytes + bytes <= limits.connectionBytes;
            const expected = bytes > before.receive ? "over_credit" : fits ? "taken" : "over_cap";
            assert.equal(control.receive(bytes), expected);
          } else if (what === "consume") {
            const bytes = Math.min(before.unread, Math.floor(share * before.unread));
            const credit = control.consume(bytes, { nowMs, roundTripMs });
            assert.equal(control.receiveCredit, before.receive + credit);
            if (closed.has(control)) assert.equal(credit, 0);
          } else {
            if (what === "close") control.close();
            else control.discard();
            closed.add(control);
          }
          for (const one of controls) {
            assert.ok(one.sendCredit >= 0 && one.sendCredit <= MAX_CREDIT);
            assert.ok(one.receiveCredit >= 0 && one.unreadBytes >= 0);
            assert.ok(one.windowBytes <= limits.maxBytes && one.windowBytes >= MIN_WINDOW_BYTES);
            if (!closed.has(one)) assert.ok(one.receiveCredit + one.unreadBytes <= one.windowBytes);
          }
          const open = controls.filter((one) => !closed.has(one));
          assert.equal(budget.windowBytes, open.reduce((sum, one) => sum + one.windowBytes, 0));
          assert.equal(budget.unreadBytes, controls.reduce((sum, one) => sum + one.unreadBytes, 0));
          assert.ok(budget.unreadBytes <= limits.connectionBytes);
          assert.ok(budget.windowBytes <= Math.max(limits.connectionBytes, 4 * LIMITS.initialBytes));
        }
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("Flow control: who passes everything on is never left without credit", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 64 * KIB }), { maxLength: 100 }), (sizes) => {
      const budget = new WindowBudget({ ...LIMITS, connectionBytes: 100 * KIB });
      const controls = Array.from({ length: 3 }, () => flow({ budget }).flow);
      for (const [index, size] of sizes.entries()) {
        for (const control of controls) {
          const bytes = Math.min(size, control.receiveCredit);
          assert.ok(bytes > 0);
          assert.equal(control.receive(bytes), "taken");
          control.consume(bytes, { nowMs: index, roundTripMs: 1 });
        }
      }
    }),
  );
});
