import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { auditLine, AuditTrail } from "../../src/auth/audit_trail.ts";
import type { SecurityEvent } from "../../src/core/security_event.ts";

const WALL_MS = Date.UTC(2030, 0, 2, 3, 4, 5);

function setUp(bounds: { burst?: number; maxPeers?: number } = {}) {
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(line) };
  return { lines, trail: new AuditTrail({ sink, wallNow: () => WALL_MS, ...bounds }) };
}

function denied(target: string, parts: { address?: string; subject?: string; connectionId?: string } = {}) {
  const { address = "192.0.2.1", subject = "sue", connectionId = "c1" } = parts;
  const who = { subject, tenant: "default", account: null };
  return { kind: "denied", right: "publish", target, address, connectionId, who } satisfies SecurityEvent;
}

Deno.test("Audit trail: an event is one line of JSON with its time", () => {
  const { lines, trail } = setUp();
  trail.record(denied("a.b"));
  deepEqual(lines.map((line) => JSON.parse(line)), [{
    time: "2030-01-02T03:04:05.000Z",
    kind: "denied",
    address: "192.0.2.1",
    connection: "c1",
    subject: "sue",
    tenant: "default",
    account: null,
    right: "publish",
    target: "a.b",
  }]);
  ok(lines[0]?.endsWith("}\n"));
});

Deno.test("Audit trail: a flood of one peer is a few lines and a sum, new connections or not", () => {
  const { lines, trail } = setUp({ burst: 3 });
  for (let n = 0; n < 10_000; n++) trail.record(denied(`t${n}`, { connectionId: `c${n}` }));
  trail.record(denied("x", { subject: "bob" }));
  equal(lines.length, 4);
  trail.flush();
  equal(lines.length, 5);
  const sum = JSON.parse(lines[4] ?? "");
  deepEqual([sum.subject, sum.target, sum.repeated], ["sue", "t9999", 9997]);
  trail.flush();
  equal(lines.length, 5);
  trail.record(denied("y"));
  equal(lines.length, 6);
});

Deno.test("Audit trail: any number of peers has room for so many lines, and the others share one", () => {
  const { lines, trail } = setUp({ burst: 2, maxPeers: 10 });
  for (let n = 0; n < 1000; n++) trail.record(denied("t", { subject: `s${n}` }));
  trail.record({
    kind: "admin_action",
    action: "drain",
    target: "",
    address: "::1",
    connectionId: null,
    who: null,
  });
  trail.flush();
  equal(lines.length, 12);
  deepEqual(JSON.parse(lines.find((line) => line.includes("others")) ?? ""), {
    time: "2030-01-02T03:04:05.000Z",
    kind: "denied",
    peers: "others",
    repeated: 990,
  });
});

Deno.test("Audit trail: counts every event by kind, also without a place for lines", () => {
  const trail = new AuditTrail({ sink: null });
  for (let n = 0; n < 50; n++) trail.record(denied("t"));
  trail.flush();
  const counts = new Map(trail.counts());
  deepEqual([counts.get("denied"), counts.get("login_refused")], [50, 0]);
});

Deno.test("Audit trail: what lines tell adds up to what happened", () => {
  const peers = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 60 });
  fc.assert(fc.property(fc.array(peers), (rounds) => {
    const { lines, trail } = setUp({ burst: 2, maxPeers: 3 });
    for (const subjects of rounds) {
      for (const subject of subjects) trail.record(denied("t", { subject }));
      trail.flush();
    }
    const told = lines.map((line) => Number(JSON.parse(line).repeated ?? 1)).reduce((sum, n) => sum + n, 0);
    equal(told, rounds.flat().length);
  }));
});

Deno.test("Audit trail: no text of a peer ends a line, moves a cursor or is endless", () => {
  const line = auditLine(
    { name: "a\nb\u001b[2J\u0085\u009b\u2028c\u007f", long: "x".repeat(10_000) },
    WALL_MS,
  );
  // deno-lint-ignore no-control-regex
  ok(/^[^\x00-\x1f\x7f-\x9f\u2028]+\n$/.test(line));
  ok(line.length < 1000);
  equal(JSON.parse(line).name, "a\nb\u001b[2J\u0085\u009b\u2028c\u007f");
});
