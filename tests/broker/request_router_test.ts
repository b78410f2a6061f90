import assert from "node:assert/strict";
import { newId } from "./broker_client.ts";
import { type Party, Setup } from "./request_parties.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const offers = (parties: readonly Party[]) => parties.map(({ offered }) => offered);

Deno.test("Request router: a request goes to the highest priority, whoever owes how much", () => {
  using setup = new Setup();
  const [low, high] = [setup.services(3, -1), setup.services(2, 7)];
  const caller = setup.party("caller");
  for (let i = 0; i < 10; i++) assert.equal(setup.ask(caller, { requestId: newId() }), null);
  assert.deepEqual([offers(low), offers(high)], [[0, 0, 0], [5, 5]]);
});

Deno.test("Request router: of one priority the one who owes the fewest answers gets it", () => {
  using setup = new Setup();
  const services = setup.services(3);
  const caller = setup.party("caller");
  for (let i = 0; i < 9; i++) setup.ask(caller, { requestId: newId() });
  const [first, second, third] = services as [Party, Party, Party];
  for (let i = 0; i < 3; i++) setup.answer(second, second.takeTargetId());
  setup.answer(third, third.takeTargetId());
  for (let i = 0; i < 4; i++) setup.ask(caller, { requestId: newId() });
  assert.deepEqual(offers([first, second, third]), [3, 6, 4]);
});

Deno.test("Request router: equals take turns, whoever stands between them", () => {
  using setup = new Setup();
  const services = setup.services(3);
  setup.services(4, -1);
  const [busy] = services as [Party];
  const caller = setup.party("caller");
  setup.ask(caller, { requestId: newId() });
  assert.equal(busy.offered, 1);
  for (let i = 0; i < 100; i++) {
    setup.ask(caller, { requestId: newId() });
    for (const service of services.slice(1)) {
      if (service.inbox.length > 0) setup.answer(service, service.takeTargetId());
    }
  }
  assert.deepEqual(offers(services), [1, 50, 50]);
});

Deno.test("Request router: equals take turns although two topics alternate, and for requests without an id", () => {
  for (const hasId of [true, false]) {
    using setup = new Setup();
    const services = [setup.party("1", "t.+"), setup.party("2", "t.#")];
    const caller = setup.party("caller");
    const perTopic = new Map<string, number>();
    for (let i = 0; i < 100; i++) {
      setup.ask(caller, { topic: i % 4 === 3 ? "t.rare" : "t.often", requestId: hasId ? newId() : null });
      for (const service of services) {
        for (const { fields: [, topic = "", , targetId] } of service.inbox.splice(0)) {
          const key = `${service.id} ${topic}`;
          perTopic.set(key, (perTopic.get(key) ?? 0) + 1);
          if (targetId !== undefined) setup.answer(service, targetId);
        }
      }
    }
    assert.deepEqual(offers(services), [50, 50]);
  }
});

Deno.test("Request router: a service with several patterns counts once, with its highest priority", () => {
  using setup = new Setup();
  const many = setup.party("many", "a.b", -5);
  setup.serve(many, "a.+", 3);
  setup.serve(many, "#", 0);
  const [equal, lower] = [setup.party("equal", "a.b", 3), setup.party("lower", "a.b", 2)];
  const caller = setup.party("caller");
  for (let i = 0; i < 10; i++) setup.ask(caller, { topic: "a.b", requestId: newId() });
  assert.deepEqual(offers([many, equal, lower]), [5, 5, 0]);
});

Deno.test("Request router: a service gets an id of the hub, the origin's id as parent, and the time-out that was given", () => {
  using setup = new Setup();
  const [service] = setup.services(1) as [Party];
  const caller = setup.party("caller");
  const [plain, timed] = [newId(), newId()];
  setup.ask(caller, { topic: "A", version: "3.2.1", requestId: plain, payload: "hello" });
  setup.ask(caller, { requestId: timed, parentRequestId: newId(), timeoutMs: 1234 });
  const [first, second] = [service.take(), service.take()];
  assert.deepEqual([...first.fields.slice(0, 3), ...first.fields.slice(4)], ["request", "A", "3.2.1", plain]);
  assert.deepEqual([...second.fields.slice(0, 3), ...second.fields.slice(4)], [
    "request",
    "a",
    "1.0.0",
    timed,
    "1234",
  ]);
  const targetIds = [first, second].map(({ fields }) => fields[3] ?? "");
  for (const id of targetIds) assert.match(id, UUID);
  assert.equal(new Set([...targetIds, plain, timed]).size, 4);
  assert.equal(first.payload, "hello");
});

Deno.test("Request router: a request without an id is delivered to one and never answered", () => {
  using setup = new Setup();
  const services = setup.services(2);
  const caller = setup.party("caller");
  assert.equal(setup.ask(caller, { topic: "A", timeoutMs: null, payload: "p" }), null);
  const [service] = services.filter(({ inbox }) => inbox.length > 0) as [Party];
  assert.deepEqual(service.take(), {
    header: "request:A:1.0.0",
    payload: "p",
    fields: ["request", "A", "1.0.0"],
  });
  assert.equal(setup.answer(service, null), "INVALID_REQUEST_ID");
  setup.assertAtRest();
  for (const one of services) one.leave();
  assert.deepEqual([caller.inbox, offers(services)], [[], [1, 0]]);
  assert.equal(setup.stats.requests, 1);
});

Deno.test("Request router: the origin gets the answer under its own id, topic and version", () => {
  using setup = new Setup();
  const [service] = setup.services(1) as [Party];
  const caller = setup.party("caller");
  const requestId = newId();
  setup.ask(caller, { topic: "A", version: "1.2.3", requestId });
  setup.time.tick(250);
  assert.equal(setup.router.outstanding, 1);
  assert.equal(setup.answer(service, service.takeTargetId(), "the answer"), null);
  const { header, payload } = caller.take();
  assert.deepEqual([header, payload], [`response:A:1.2.3:${requestId}`, "the answer"]);
  setup.assertAtRest();
  assert.deepEqual([setup.stats.requests, setup.stats.responses, setup.answered], [1, 1, [0.25]]);
});

Deno.test("Request router: nobody who answers is told at once", () => {
  using setup = new Setup();
  const caller = setup.party("caller");
  setup.subscriptions.subscribe(caller, { pattern: "#", action: "publish", priority: 0, group: null });
  assert.equal(setup.ask(caller, { requestId: newId() }), "NO_ROUTE_FOUND");
  assert.equal(setup.ask(caller), "NO_ROUTE_FOUND");
  setup.assertAtRest();
});

Deno.test("Request router: unknown, foreign and repeated ids, and none at all, are answered INVALID_REQUEST_ID", () => {
  using setup = new Setup();
  const [service, other] = setup.services(2) as [Party, Party];
  const caller = setup.party("caller");
  const requestId = newId();
  setup.ask(caller, { requestId });
  const targetId = service.takeTargetId();
  for (const [party, id] of [[service, newId()], [service, requestId], [service, null]] as const) {
    assert.equal(setup.answer(party, id), "INVALID_REQUEST_ID");
  }
  for (const foreign of [other, caller]) assert.equal(setup.answer(foreign, targetId), "INVALID_REQUEST_ID");
  assert.deepEqual([caller.inbox, setup.router.outstanding], [[], 1]);
  assert.equal(setup.answer(service, targetId), null);
  assert.equal(setup.answer(service, targetId), "INVALID_REQUEST_ID", "repeated");
  assert.equal(caller.inbox.length, 1);
});

Deno.test("Request router: an id that is in use is refused, another's or one that was answered is not", () => {
  using setup = new Setup();
  const [service] = setup.services(1) as [Party];
  const [caller, other] = [setup.party("caller"), setup.party("other")];
  const requestId = newId();
  assert.equal(setup.ask(caller, { requestId }), null);
  assert.equal(setup.ask(caller, { requestId }), "INVALID_REQUEST");
  assert.equal(setup.ask(other, { requestId }), null);
  setup.answer(service, service.takeTargetId());
  assert.equal(setup.ask(caller, { requestId }), null);
  assert.equal(setup.router.outstanding, 2);
});

Deno.test("Request router: one request over the limit is refused, until one is answered", () => {
  using setup = new Setup({ maxOutstanding: 10 });
  const [service] = setup.services(1) as [Party];
  const caller = setup.party("caller");
  for (let i = 0; i < 10; i++) assert.equal(setup.ask(caller, { requestId: newId() }), null);
  assert.equal(setup.ask(caller, { requestId: newId() }), "SERVICE_UNAVAILABLE");
  assert.equal(setup.ask(caller), null, "one without an id does not wait");
  setup.answer(service, service.takeTargetId());
  assert.equal(setup.ask(caller, { requestId: newId() }), null);
  assert.equal(setup.router.outstanding, 10);
});

Deno.test("Request router: who asks itself answers itself, and is not told when it leaves", () => {
  using setup = new Setup({ failover: true });
  const [self, other] = [setup.party("self", "a", 1), setup.party("other", "a")];
  const requestId = newId();
  setup.ask(self, { requestId });
  assert.equal(setup.answer(self, self.takeTargetId(), "me"), null);
  assert.deepEqual([self.inbox[0]?.header, self.take().payload], [`response:a:1.0.0:${requestId}`, "me"]);
  setup.ask(self, { requestId });
  self.takeTargetId();
  self.leave();
  assert.deepEqual([self.inbox, other.offered], [[], 0]);
  setup.assertAtRest();
});

for (const result of ["full", "closed"] as const) {
  Deno.test(`Request router: a service whose outbox says ${result} passes on to the next, of a lower priority too`, () => {
    for (const requestId of [newId(), null]) {
      using setup = new Setup();
      const services = [...setup.services(2, 1), ...setup.services(1, 0)];
      const caller = setup.party("caller");
      for (const service of services.slice(0, 2)) service.result = result;
      assert.equal(setup.ask(caller, { requestId }), null);
      assert.deepEqual(services.map(({ inbox }) => inbox.length), [0, 0, 1]);
      assert.deepEqual(offers(services), [1, 1, 1], "each is tried once");
      for (const service of services) service.result = result;
      assert.equal(setup.ask(caller, { requestId: newId() }), "SERVICE_UNAVAILABLE");
      assert.equal(setup.ask(caller), "SERVICE_UNAVAILABLE");
      assert.deepEqual([setup.router.outstanding, setup.stats.requests], [requestId === null ? 0 : 1, 1]);
    }
  });
}

Deno.test("Request router: a service that ends because it is sent too much fails what it owes, not what it did not get", () => {
  using setup = new Setup();
  const [first, second] = setup.services(2) as [Party, Party];
  const [caller, other] = [setup.party("caller"), setup.party("other")];
  for (const requestId of [newId(), newId()]) setup.ask(other, { requestId });
  setup.answer(first, first.takeTargetId());
  other.take();
  setup.ask(other, { requestId: newId() });
  setup.answer(second, second.takeTargetId());
  other.take();
  second.isFull = true;
  assert.equal(setup.ask(caller, { requestId: newId() }), null);
  assert.equal(second.isGone, true);
  assert.equal(first.inbox.length, 2);
  assert.deepEqual([caller.inbox, other.inbox], [[], []]);
});
