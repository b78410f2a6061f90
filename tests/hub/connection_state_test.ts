import assert from "node:assert/strict";
import { ANONYMOUS_LOGIN } from "../../src/hub/login.ts";
import { type ConnectionEvent, type ConnectionState, nextState } from "../../src/hub/connection_state.ts";

const STATES: readonly ConnectionState[] = [
  { name: "opening", sinceMs: 0 },
  { name: "authenticating", sinceMs: 0 },
  { name: "open", sinceMs: 0, login: ANONYMOUS_LOGIN },
  { name: "draining", sinceMs: 0, code: 4503, reason: "bye" },
  { name: "closed", sinceMs: 0, code: 1000, reason: "" },
];

const EVENTS: readonly ConnectionEvent[] = [
  { type: "transport_ready" },
  { type: "authenticated", login: ANONYMOUS_LOGIN },
  { type: "renewed", login: ANONYMOUS_LOGIN },
  { type: "closing", code: 1000, reason: "" },
  { type: "closed", code: 1006, reason: "" },
];

Deno.test("Connection state: each event leads where it should, or nowhere", () => {
  const table = STATES.map((state) => EVENTS.map((event) => nextState(state, event, 1)?.name ?? null));
  assert.deepEqual(table, [
    ["authenticating", null, null, "draining", "closed"],
    [null, "open", null, "draining", "closed"],
    [null, null, "open", "draining", "closed"],
    [null, null, null, null, "closed"],
    [null, null, null, null, null],
  ]);
});

Deno.test("Connection state: what ended it first is what counts", () => {
  const draining: ConnectionState = { name: "draining", sinceMs: 0, code: 4503, reason: "retry=5" };
  assert.deepEqual(nextState(draining, { type: "closed", code: 1006, reason: "" }, 7), {
    name: "closed",
    sinceMs: 7,
    code: 4503,
    reason: "retry=5",
  });
});
