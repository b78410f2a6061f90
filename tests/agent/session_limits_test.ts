import assert from "node:assert/strict";
import { DEFAULT_BOUNDS, SessionLimits } from "../../src/agent/session_limits.ts";

Deno.test("Session limits: new streams have the hub's window in both directions, from the login on", () => {
  const limits = new SessionLimits(DEFAULT_BOUNDS);
  assert.equal(limits.agree({ initialWindow: 65_536, maxPayload: 1000 }), null);
  assert.deepEqual([limits.peerInitialBytes, limits.windows.initialBytes], [65_536, 65_536]);
  assert.equal(limits.maxPayloadBytes, 1000);
});

Deno.test("Session limits: as many streams as the hub takes at a time, 0 for no limit", () => {
  const limits = new SessionLimits(DEFAULT_BOUNDS);
  assert.equal(limits.agree({ maxStreams: 7 }), null);
  assert.equal(limits.maxOwnStreams, 7);
  assert.equal(limits.agree({ maxStreams: 0 }), null);
  assert.equal(limits.maxOwnStreams, Infinity);
});

Deno.test("Session limits: what a hub leaves out is as usual, what cannot be is told", () => {
  const limits = new SessionLimits(DEFAULT_BOUNDS);
  assert.equal(limits.agree({}), null);
  assert.deepEqual([limits.peerInitialBytes, limits.maxPayloadBytes], [262_144, null]);
  for (const initialWindow of [0, -1, 0.5, NaN, Infinity, 2 ** 31]) {
    assert.match(limits.agree({ initialWindow }) ?? "", /an initial window of/);
  }
  assert.equal(limits.maxOwnStreams, Infinity);
  for (const maxStreams of [-1, 1.5, NaN, Infinity]) {
    assert.match(limits.agree({ maxStreams }) ?? "", /at most .* streams/);
  }
  for (const maxPayload of [0, -1, 1.5, NaN]) {
    assert.match(limits.agree({ maxPayload }) ?? "", /payloads of at most/);
  }
});

Deno.test("Session limits: heartbeats are as close as the closer side wants, within bounds", () => {
  const agreed = (heartbeatIntervalMs: number, heartbeatTimeoutMs: number, own = DEFAULT_BOUNDS) => {
    const limits = new SessionLimits(own);
    limits.agree({ heartbeatIntervalMs, heartbeatTimeoutMs });
    return [limits.heartbeatIntervalMs, limits.heartbeatTimeoutMs];
  };
  assert.deepEqual(agreed(10_000, 20_000), [10_000, 20_000]);
  assert.deepEqual(agreed(90_000, 180_000), [30_000, 60_000]);
  assert.deepEqual(agreed(0, 0), [1000, 2000], "a hub cannot keep an agent busy");
  assert.deepEqual(agreed(NaN, Infinity), [30_000, 60_000]);
  assert.deepEqual(agreed(10_000, 10_000), [10_000, 20_000], "who is asked has time to answer");
});
