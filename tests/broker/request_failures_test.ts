import assert from "node:assert/strict";
import { BEHIND_BYTES, FAILURE_BURST, FAILURES_PER_MS, PATIENCE_MS } from "../../src/broker/failure_pace.ts";
import { LATE_MS, MAX_LATE } from "../../src/broker/pending_requests.ts";
import { MAX_KEPT_BYTES } from "../../src/broker/request_router.ts";
import { SLOT_MS } from "../../src/limits/deadlines.ts";
import { newId } from "./broker_client.ts";
import { type Party, Setup } from "./request_parties.ts";

Deno.test("Request router: a request that is not answered in its time, or in the usual one, times out", () => {
  using setup = new Setup({ timeoutMs: 500 });
  const [service] = setup.services(1) as [Party];
  const caller = setup.party("caller");
  const [usual, own] = [newId(), newId()];
  setup.time.tick(3);
  setup.ask(caller, { topic: "A", version: "1.2.3", requestId: usual });
  setup.ask(caller, { requestId: own, timeoutMs: 20 });
  setup.time.tick(19);
  assert.equal(caller.inbox.length, 0);
  setup.time.tick(11);
  assert.equal(caller.inbox[0]?.header, `response:a:1.0.0:${own}`);
  assert.equal(caller.takeError(), "TIMEOUT");
  setup.time.tick(469);
  assert.equal(caller.inbox.length, 0);
  setup.time.tick(11);
  const { header, payload } = caller.take();
  assert.equal(header, `response:A:1.2.3:${usual}`);
  assert.match(payload, /"code":"TIMEOUT","message":"No answer to A within 0\.5 s"/);
  setup.assertAtRest();
  assert.deepEqual([setup.stats.errors.get("TIMEOUT"), setup.answered, service.inbox.length], [2, [], 2]);
});

Deno.test("Request router: who leaves fails all that it owes, at once and each once", () => {
  using setup = new Setup();
  const [service] = setup.services(1) as [Party];
  const callers = Array.from({ length: 100 }, (_, i) => setup.party(`caller-${i}`));
  for (const caller of callers) setup.ask(caller, { requestId: newId() });
  service.leave();
  for (const caller of callers) {
    assert.equal(caller.takeError(), "SERVICE_UNAVAILABLE");
    assert.equal(setup.router.isBusy(caller), false);
  }
  setup.assertAtRest();
  setup.time.tick(60_000);
  for (const { inbox } of callers) assert.deepEqual(inbox, []);
  assert.equal(setup.stats.errors.get("SERVICE_UNAVAILABLE"), 100);
});

Deno.test("Request router: of thousands of requests of one caller that fail together some are told at once, the rest soon", () => {
  using setup = new Setup({ maxOutstanding: 5000 });
  const [service] = setup.services(1) as [Party];
  const [caller, leaver, other] = [setup.party("caller"), setup.party("leaver"), setup.party("other")];
  const ids = Array.from({ length: 2000 }, newId);
  for (const requestId of ids) for (const party of [caller, leaver]) setup.ask(party, { requestId });
  setup.ask(other, { requestId: newId() });
  service.leave();
  assert.deepEqual([caller, leaver, other].map(({ inbox }) => inbox.length), [
    FAILURE_BURST,
    FAILURE_BURST,
    1,
  ]);
  setup.services(1);
  assert.equal(setup.ask(caller, { requestId: ids.at(-1) ?? "" }), "INVALID_REQUEST", "it waits still");
  leaver.leave();
  assert.deepEqual([setup.router.isBusy(caller), setup.router.isBusy(leaver)], [true, false]);
  const waiting = ids.length - FAILURE_BURST;
  assert.equal(setup.router.outstanding, waiting);
  setup.time.tick(waiting / FAILURES_PER_MS / 2);
  assert.ok(Math.abs(setup.router.outstanding - waiting / 2) <= FAILURE_BURST, "little by little");
  setup.time.tick(waiting / FAILURES_PER_MS / 2 + SLOT_MS);
  assert.equal(new Set(caller.inbox.map(({ header }) => header)).size, ids.length);
  for (const _ of ids) assert.equal(caller.takeError(), "SERVICE_UNAVAILABLE");
  assert.deepEqual([caller.inbox, leaver.inbox.length], [[], FAILURE_BURST]);
  setup.assertAtRest();
});

Deno.test("Request router: failures that are due after a stall are not told all at once", () => {
  using setup = new Setup({ maxOutstanding: 5000 });
  const [service] = setup.services(1) as [Party];
  const caller = setup.party("caller");
  const ids = Array.from({ length: 3000 }, newId);
  for (const requestId of ids) setup.ask(caller, { requestId });
  service.leave();
  const before = caller.inbox.length;
  setup.time.jump(1000);
  assert.ok(caller.inbox.length - before <= FAILURE_BURST, `${caller.inbox.length - before} at once`);
  setup.time.tick(ids.length / FAILURES_PER_MS + SLOT_MS);
  assert.equal(new Set(caller.inbox.map(({ header }) => header)).size, ids.length);
  assert.equal(caller.inbox.length, ids.length);
  setup.assertAtRest();
});

Deno.test("Request router: a caller that is behind is told no more until it has read, or for some seconds", () => {
  using setup = new Setup({ maxOutstanding: 5000 });
  const [service] = setup.services(1) as [Party];
  const caller = setup.party("caller");
  for (let i = 0; i < 1000; i++) setup.ask(caller, { requestId: newId() });
  service.leave();
  caller.heldBytes = BEHIND_BYTES + 1;
  setup.time.tick(PATIENCE_MS / 2);
  assert.equal(caller.inbox.length, FAILURE_BURST);
  caller.heldBytes = 0;
  setup.time.tick(SLOT_MS + 110);
  assert.ok(caller.inbox.length > FAILURE_BURST);
  caller.heldBytes = BEHIND_BYTES + 1;
  setup.time.tick(PATIENCE_MS);
  assert.equal(caller.inbox.length, 1000);
  setup.assertAtRest();
});

Deno.test("Request router: an answer to a request that timed out and whose caller was not told yet is late", () => {
  using setup = new Setup({ timeoutMs: 100 });
  const [service] = setup.services(1) as [Party];
  const caller = setup.party("caller");
  for (let i = 0; i <= FAILURE_BURST; i++) setup.ask(caller, { requestId: newId() });
  setup.time.tick(100);
  assert.equal(setup.router.outstanding, 1);
  for (const { fields } of service.inbox) assert.equal(setup.answer(service, fields[3] ?? ""), null);
  setup.time.tick(SLOT_MS);
  assert.equal(caller.inbox.length, FAILURE_BURST + 1);
  for (let i = 0; i <= FAILURE_BURST; i++) assert.equal(caller.takeError(), "TIMEOUT");
  setup.assertAtRest();
});

Deno.test("Request router: with failover a request is tried once more, and only once", () => {
  using setup = new Setup({ failover: true });
  const [first, second] = setup.services(2) as [Party, Party];
  const third = setup.party("third", "a", -1);
  const caller = setup.party("caller");
  const requestId = newId();
  setup.ask(caller, { topic: "A", requestId, timeoutMs: 777, payload: "important" });
  const before = first.take();
  first.leave();
  assert.deepEqual(caller.inbox, []);
  const after = second.take();
  assert.deepEqual([after.fields[1], after.fields[4], after.fields[5], after.payload], [
    "A",
    requestId,
    "777",
    "important",
  ]);
  assert.notEqual(after.fields[3], before.fields[3]);
  assert.equal(setup.answer(second, before.fields[3] ?? ""), "INVALID_REQUEST_ID", "the id of the first try");
  second.leave();
  assert.equal(caller.takeError(), "SERVICE_UNAVAILABLE");
  assert.equal(third.offered, 0);
  setup.assertAtRest();
  assert.equal(setup.stats.requests, 1);
});

Deno.test("Request router: with failover the second service's answer counts, and the time of the first try", () => {
  using setup = new Setup({ failover: true });
  const [first, second] = setup.services(2) as [Party, Party];
  const caller = setup.party("caller");
  for (let i = 0; i < 2; i++) setup.ask(caller, { requestId: newId(), timeoutMs: 100 });
  setup.time.tick(60);
  first.leave();
  assert.equal(setup.answer(second, second.takeTargetId(), "done"), null);
  assert.equal(caller.take().payload, "done");
  setup.time.tick(50);
  assert.equal(caller.takeError(), "TIMEOUT");
  setup.assertAtRest();
});

Deno.test("Request router: nobody else is put to work for a request whose time was over when its service ended", () => {
  using setup = new Setup({ failover: true });
  const [first, second] = setup.services(2) as [Party, Party];
  const caller = setup.party("caller");
  setup.ask(caller, { requestId: newId(), timeoutMs: 100 });
  // What came meanwhile is read before the timer runs.
  setup.time.stall(5000);
  first.leave();
  assert.deepEqual([caller.takeError(), second.offered], ["SERVICE_UNAVAILABLE", 0]);
  setup.assertAtRest();
});

Deno.test("Request router: with failover and nobody else the origin is told at once", () => {
  using setup = new Setup({ failover: true });
  const [only] = setup.services(1) as [Party];
  const caller = setup.party("caller");
  setup.ask(caller, { requestId: newId() });
  only.leave();
  assert.equal(caller.takeError(), "SERVICE_UNAVAILABLE");
  setup.assertAtRest();
});

Deno.test("Request router: what is kept for another try is bounded, and what is beyond it has none", () => {
  using setup = new Setup({ failover: true });
  const [first, second] = setup.services(2) as [Party, Party];
  setup.serve(second, "a", -1);
  for (const service of [first, second]) service.isDeaf = true;
  const caller = setup.party("caller");
  const payload = new Uint8Array(MAX_KEPT_BYTES / 4);
  for (let i = 0; i < 5; i++) setup.ask(caller, { requestId: newId(), payload });
  first.leave();
  assert.equal(caller.takeError(), "SERVICE_UNAVAILABLE");
  assert.deepEqual([caller.inbox.length, setup.router.outstanding, second.offered], [0, 4, 4]);
  const third = setup.party("third", "a");
  third.isDeaf = true;
  for (let i = 0; i < 4; i++) setup.ask(caller, { requestId: newId(), payload });
  third.leave();
  assert.deepEqual(
    [caller.inbox.length, setup.router.outstanding],
    [0, 8],
    "room was made by those that left",
  );
  second.leave();
  assert.equal(caller.inbox.length, 8);
  setup.assertAtRest();
});

Deno.test("Request router: an answer that comes too late is dropped, counted, and no mistake for a minute", () => {
  using setup = new Setup();
  const [service, other] = setup.services(2) as [Party, Party];
  const caller = setup.party("caller");
  setup.ask(caller, { requestId: newId(), timeoutMs: 100 });
  const targetId = service.takeTargetId();
  setup.time.tick(100);
  assert.equal(caller.takeError(), "TIMEOUT");
  assert.equal(setup.answer(other, targetId), "INVALID_REQUEST_ID", "not its own");
  for (let i = 0; i < 2; i++) assert.equal(setup.answer(service, targetId), null);
  setup.time.tick(LATE_MS - 1);
  assert.equal(setup.answer(service, targetId), null);
  setup.time.tick(1);
  assert.equal(setup.answer(service, targetId), "INVALID_REQUEST_ID");
  assert.deepEqual([caller.inbox, setup.stats.lateResponses, setup.stats.responses], [[], 3, 0]);
});

Deno.test("Request router: an answer to somebody who left is dropped like one that comes too late", () => {
  using setup = new Setup();
  const [service] = setup.services(1) as [Party];
  const caller = setup.party("caller");
  setup.ask(caller, { requestId: newId() });
  caller.leave();
  setup.assertAtRest();
  assert.equal(setup.router.isBusy(service), false);
  assert.equal(setup.answer(service, service.takeTargetId()), null);
  assert.equal(setup.stats.lateResponses, 1);
});

Deno.test("Request router: only so many ids that ended are remembered", () => {
  using setup = new Setup({ maxOutstanding: MAX_LATE + 1, timeoutMs: 10 });
  const [service] = setup.services(1) as [Party];
  const caller = setup.party("caller");
  for (let i = 0; i < MAX_LATE + 1; i++) setup.ask(caller, { requestId: newId() });
  setup.time.tick(20 + MAX_LATE / FAILURES_PER_MS);
  assert.equal(caller.inbox.length, MAX_LATE + 1);
  const [first, second] = [service.takeTargetId(), service.takeTargetId()];
  assert.equal(setup.answer(service, first), "INVALID_REQUEST_ID");
  assert.equal(setup.answer(service, second), null);
});

Deno.test("Request router: while it drains it takes nothing new, finishes what runs, and tries nothing again", () => {
  using setup = new Setup({ failover: true });
  const [first, second] = setup.services(2) as [Party, Party];
  const caller = setup.party("caller");
  for (let i = 0; i < 2; i++) setup.ask(caller, { requestId: newId() });
  setup.router.drain();
  for (const requestId of [newId(), null]) {
    assert.equal(setup.ask(caller, { requestId }), "SERVICE_UNAVAILABLE");
  }
  setup.answer(second, second.takeTargetId(), "done");
  assert.equal(caller.take().payload, "done");
  first.leave();
  assert.equal(caller.takeError(), "SERVICE_UNAVAILABLE");
  assert.equal(second.offered, 1);
  setup.assertAtRest();
});

Deno.test("Request router: who is too slow to be told that its service ended leaves too, whatever hangs on it", () => {
  using setup = new Setup({ failover: true });
  const [first, second] = setup.services(2) as [Party, Party];
  const caller = setup.party("caller", "b");
  const other = setup.party("other");
  setup.ask(other, { topic: "b", requestId: newId() });
  for (let i = 0; i < 4; i++) setup.ask(caller, { requestId: newId() });
  setup.router.drain();
  caller.isFull = true;
  first.leave();
  assert.deepEqual([caller.isGone, caller.inbox.length], [true, 1]);
  assert.equal(other.takeError(), "SERVICE_UNAVAILABLE");
  assert.equal(second.inbox.length, 2);
  assert.equal(setup.stats.errors.get("SERVICE_UNAVAILABLE"), 2, "who is gone is told nothing");
  setup.assertAtRest();
});

Deno.test("Request router: a chain of 20,000 who leave because another left does not end the hub", () => {
  using setup = new Setup({ maxOutstanding: 100_000 });
  const chain = Array.from({ length: 20_000 }, (_, i) => setup.party(`party-${i}`, `t.n${i}`));
  for (let i = 1; i < chain.length; i++) {
    setup.ask(chain[i] as Party, { topic: `t.n${i - 1}`, requestId: newId() });
  }
  assert.equal(setup.router.outstanding, 19_999);
  for (const party of chain) party.isFull = true;
  chain[0]?.leave();
  assert.ok(chain.every(({ isGone }) => isGone));
  setup.assertAtRest();
});

Deno.test("Request router: of requests that time out together none is answered again when its caller is too slow", () => {
  using setup = new Setup();
  const slow = setup.party("slow", "b");
  setup.services(1);
  const other = setup.party("other");
  for (const topic of ["a", "a"]) setup.ask(slow, { topic, requestId: newId(), timeoutMs: 100 });
  setup.ask(other, { topic: "b", requestId: newId(), timeoutMs: 100 });
  slow.isFull = true;
  setup.time.tick(200);
  assert.equal(slow.isGone, true);
  assert.equal(other.takeError(), "SERVICE_UNAVAILABLE");
  assert.deepEqual(other.inbox, []);
  setup.assertAtRest();
});
