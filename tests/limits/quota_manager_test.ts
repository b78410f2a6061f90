import assert from "node:assert/strict";
import { ConnectionQuota } from "../../src/limits/connection_quota.ts";
import { MAX_HOLD_MS } from "../../src/limits/byte_pace.ts";
import { MAX_AWAY, type Payer, type QuotaManager } from "../../src/limits/quota_manager.ts";
import { quotasOf, rulesOf } from "../helpers/quotas.ts";

const ACME: Payer = { tenant: "default", account: "acme" };
const OTHER: Payer = { tenant: "default", account: "other" };
const NOBODY: Payer = { tenant: "default", account: null };

function enter(quotas: QuotaManager, payer: Payer): ConnectionQuota {
  const quota = quotas.enter(payer);
  assert.ok(quota instanceof ConnectionQuota);
  return quota;
}

/** What is used of an account, or of a tenant. */
function usedOf(quotas: QuotaManager, name: string) {
  const scope = [...quotas.scopes()].find(({ who }) => who.name === name);
  return {
    connections: scope?.used("connections"),
    streams: scope?.used("streams"),
    subscriptions: scope?.used("subscriptions"),
    tunnels: scope?.used("tunnels"),
  };
}

Deno.test("Quotas: an account has so many connections, others and nobody's are not concerned", () => {
  const { quotas } = quotasOf({ account: { connections: 2 }, accounts: { other: { connections: 3 } } });
  const first = enter(quotas, ACME);
  enter(quotas, ACME);
  assert.deepEqual(quotas.enter(ACME), { scope: "account", limit: 2 });
  for (let more = 0; more < 3; more++) enter(quotas, OTHER);
  assert.deepEqual(quotas.enter(OTHER), { scope: "account", limit: 3 });
  for (let more = 0; more < 10; more++) enter(quotas, NOBODY);
  first.leave();
  first.leave();
  enter(quotas, ACME);
  assert.deepEqual(quotas.enter(ACME), { scope: "account", limit: 2 });
  assert.deepEqual([...quotas.stats.refused()], [{ scope: "account", what: "connections", count: 3 }]);
});

Deno.test("Quotas: all accounts of a tenant share what the tenant has", () => {
  const { quotas } = quotasOf({ tenants: { blue: { connections: 2, subscriptions: 1 } } });
  const one = enter(quotas, { tenant: "blue", account: "a" });
  const two = enter(quotas, { tenant: "blue", account: null });
  assert.deepEqual(quotas.enter({ tenant: "blue", account: "b" }), { scope: "tenant", limit: 2 });
  enter(quotas, { tenant: "green", account: "a" });
  assert.equal(one.add("subscriptions"), null);
  assert.deepEqual(two.add("subscriptions"), { scope: "tenant", limit: 1 });
  one.leave();
  assert.equal(two.add("subscriptions"), null);
});

Deno.test("Quotas: the same name in two tenants are two accounts, each with rules of its own", () => {
  const { quotas } = quotasOf({ account: { connections: 1 }, accounts: { "blue/a": { connections: 2 } } });
  enter(quotas, { tenant: "blue", account: "a" });
  enter(quotas, { tenant: "blue", account: "a" });
  assert.deepEqual(quotas.enter({ tenant: "blue", account: "a" }), { scope: "account", limit: 2 });
  enter(quotas, { tenant: "green", account: "a" });
  assert.deepEqual(quotas.enter({ tenant: "green", account: "a" }), { scope: "account", limit: 1 });
});

Deno.test("Quotas: messages wait for the tightest of connection, account and tenant, which is told", () => {
  const { quotas, clock } = quotasOf({
    connection: { messagesPerSecond: 50 },
    account: { messagesPerSecond: 80 },
    tenants: { default: { messagesPerSecond: 100 } },
  });
  const take = (quota: ConnectionQuota, count: number) => {
    let passed = 0;
    for (let sent = 0; sent < count; sent++) if (quota.takeMessage() === 0) passed++;
    return passed;
  };
  const [one, two, third] = [enter(quotas, ACME), enter(quotas, ACME), enter(quotas, OTHER)];
  assert.equal(take(one, 200), 50);
  assert.equal(one.refusedBy, "connection");
  assert.equal(take(two, 200), 30);
  assert.equal(two.refusedBy, "account");
  assert.equal(take(third, 200), 20);
  assert.equal(third.refusedBy, "tenant");
  clock.ms += two.takeMessage();
  assert.equal(two.takeMessage(), 0);
});

Deno.test("Quotas: what cannot be refused delays what is read", () => {
  const { quotas, clock } = quotasOf({ connection: { messagesPerSecond: 10, burst: 1 } });
  const quota = enter(quotas, NOBODY);
  let paced = 0;
  quota.onPaced = () => paced++;
  for (let sent = 0; sent < 11; sent++) quota.chargeMessage();
  assert.equal(paced, 1);
  const waitMs = quota.paces?.reading.waitMs() ?? 0;
  assert.ok(waitMs > 900 && waitMs <= 1100, String(waitMs));
  assert.equal(quota.paces?.writing.waitMs(), 0);
  clock.ms += waitMs;
  assert.equal(quota.paces?.reading.waitMs(), 0);
});

Deno.test("Quotas: all connections of an account share its bandwidth, each way", () => {
  const { quotas, clock } = quotasOf({ account: { bandwidth: 10_000 } });
  const [one, two] = [enter(quotas, ACME), enter(quotas, ACME)];
  one.paces?.reading.spend(20_000);
  assert.equal(two.paces?.writing.waitMs(), 0);
  const waitMs = two.paces?.reading.waitMs() ?? 0;
  assert.ok(waitMs > 900 && waitMs <= 1100, String(waitMs));
  clock.ms += waitMs;
  assert.equal(one.paces?.reading.waitMs(), 0);
});

Deno.test("Quotas: streams and subscriptions end with their connection, and what ends later counts no more", () => {
  const { quotas } = quotasOf({ account: { streams: 3 } });
  const quota = enter(quotas, ACME);
  for (let more = 0; more < 3; more++) assert.equal(quota.add("streams"), null);
  assert.deepEqual(quota.add("streams"), { scope: "account", limit: 3 });
  quota.add("subscriptions");
  quota.remove("streams");
  assert.deepEqual(usedOf(quotas, "acme"), { connections: 1, streams: 2, subscriptions: 1, tunnels: 0 });
  quota.leave();
  quota.remove("streams");
  assert.deepEqual(usedOf(quotas, "acme"), { connections: 0, streams: 0, subscriptions: 0, tunnels: 0 });
});

Deno.test("Quotas: who logs in again for another account takes along what is there", () => {
  const { quotas } = quotasOf({ account: { streams: 1 } });
  const quota = enter(quotas, ACME);
  quota.add("streams");
  quotas.renew(quota, OTHER);
  assert.deepEqual(usedOf(quotas, "acme").connections, 0);
  assert.deepEqual(usedOf(quotas, "other"), { connections: 1, streams: 1, subscriptions: 0, tunnels: 0 });
  assert.deepEqual(quota.add("streams"), { scope: "account", limit: 1 });
  quotas.renew(quota, NOBODY);
  assert.equal(quota.add("streams"), null);
  assert.deepEqual(usedOf(quotas, "other").streams, 0);
});

Deno.test("Quotas: other rules hold for those who are there", () => {
  const { quotas } = quotasOf({});
  const quota = enter(quotas, NOBODY);
  const paid = enter(quotas, ACME);
  let paced = 0;
  paid.onPaced = () => paced++;
  quotas.change(
    rulesOf({ connection: { messagesPerSecond: 1 }, accounts: { acme: { bandwidth: 10 } } }),
    null,
  );
  assert.equal(quota.takeMessage(), 0);
  assert.ok(quota.takeMessage() > 0);
  assert.equal(paced, 1);
  paid.paces?.reading.spend(1000);
  assert.ok((paid.paces?.reading.waitMs() ?? 0) > 0);
  quotas.change(rulesOf({}), null);
  assert.equal(quota.takeMessage(), 0);
  assert.equal(paid.paces?.reading.waitMs(), 0);
});

Deno.test("Quotas: whoever leaves and comes back at once has not got his rate anew", () => {
  const { quotas } = quotasOf({ account: { messagesPerSecond: 10 } });
  const quota = enter(quotas, ACME);
  for (let sent = 0; sent < 10; sent++) assert.equal(quota.takeMessage(), 0);
  quota.leave();
  assert.ok(enter(quotas, ACME).takeMessage() > 0);
});

Deno.test("Quotas: an attack of ever new accounts and tenants takes no more memory", () => {
  const { quotas } = quotasOf({ account: { messagesPerSecond: 10 } });
  const stays = enter(quotas, ACME);
  for (let count = 0; count < 3 * MAX_AWAY; count++) {
    const quota = enter(quotas, { tenant: `t${count}`, account: `a${count}` });
    quota.takeMessage();
    quota.leave();
  }
  assert.ok([...quotas.scopes()].length <= MAX_AWAY + 4);
  stays.add("streams");
  assert.equal(usedOf(quotas, "acme").streams, 1);
});

Deno.test("Quotas: many connections of one account are not held for what all of them owe, nor when the load is gone", () => {
  const { quotas, clock } = quotasOf({}, { targetLagMs: 20, floor: 0.1 });
  const members = Array.from({ length: 200 }, () => enter(quotas, ACME));
  const waits = () => members.map(({ paces }) => paces?.reading.waitMs() ?? 0);
  const second = (lagMs: number) => {
    // What a slice of each that is read holds passes at once.
    const read = waits();
    members.forEach((quota, at) => {
      for (let sent = 0; sent < 48 && read[at] === 0; sent++) quota.takeMessage();
    });
    clock.ms += 1000;
    quotas.adjust({ lagMs, seconds: 1 });
  };
  for (let late = 0; late < 20; late++) second(100);
  second(100);
  assert.ok(waits().some((ms) => ms > 0));
  assert.ok(Math.max(...waits()) <= MAX_HOLD_MS);
  assert.ok(quotas.stats.delayed.messages > 0);
  for (let calm = 0; calm < 30; calm++) quotas.adjust({ lagMs: 1, seconds: 1 });
  assert.equal(Math.max(...waits()), 0);
});

Deno.test("Quotas: other rules for others do not give a connection its own bandwidth anew", () => {
  const { quotas } = quotasOf({ connection: { bandwidth: 1000 } });
  const quota = enter(quotas, ACME);
  quota.paces?.reading.spend(10_000);
  const waitMs = quota.paces?.reading.waitMs() ?? 0;
  assert.ok(waitMs > 5000, String(waitMs));
  quotas.change(rulesOf({ connection: { bandwidth: 1000 }, accounts: { other: { connections: 1 } } }), null);
  assert.equal(quota.paces?.reading.waitMs(), waitMs);
});

Deno.test("Quotas: a request that comes while the hub is under load is told when to come, and no limit is blamed", () => {
  const adjust = { targetLagMs: 20, floor: 0.1 };
  const { quotas, clock } = quotasOf({ tenants: { default: { requestsPerSecond: 100, burst: 1 } } }, adjust);
  const [quota, other] = [enter(quotas, ACME), enter(quotas, OTHER)];
  const second = () => {
    let late = 0;
    for (let at = 0; at < 20; at++) {
      clock.ms += 50;
      for (const one of [quota, other]) if (one.takeRequest() > 0) late++;
    }
    quotas.adjust({ lagMs: 100, seconds: 1 });
    return late;
  };
  assert.equal(second(), 0);
  for (let more = 0; more < 15; more++) second();
  assert.ok(second() > 0);
  assert.ok(quotas.stats.delayed.requests > 0);
  assert.deepEqual([...quotas.stats.refused()], []);
});

Deno.test("Quotas: a hub under load leaves the same for accounts and for connections for which nobody pays", () => {
  const { quotas, clock } = quotasOf({}, { targetLagMs: 20, floor: 0.1 });
  const heldUntilMs = new Map<ConnectionQuota, number>();
  /** Sends a message a millisecond for a second, where it is read. */
  const send = (quota: ConnectionQuota, fromMs: number) => {
    let passed = 0;
    for (let at = 0; at < 1000; at++) {
      clock.ms = fromMs + at;
      if (clock.ms < (heldUntilMs.get(quota) ?? 0)) continue;
      assert.equal(quota.takeMessage(), 0);
      passed++;
      heldUntilMs.set(quota, clock.ms + (quota.paces?.reading.waitMs() ?? 0));
    }
    return passed;
  };
  const members = [enter(quotas, ACME), enter(quotas, NOBODY), enter(quotas, OTHER)];
  const second = (lagMs: number) => {
    const fromMs = clock.ms;
    const passed = members.map((quota) => send(quota, fromMs));
    clock.ms = fromMs + 1000;
    quotas.adjust({ lagMs, seconds: 1 });
    return passed;
  };
  assert.deepEqual(second(100), [1000, 1000, 1000]);
  for (let late = 0; late < 5; late++) second(100);
  const [one = 0, two = 0, third = 0] = second(100);
  assert.ok(one > 10 && one < 1000, String(one));
  for (const other of [two, third]) assert.ok(Math.abs(other - one) <= 0.05 * one, `${other} beside ${one}`);
  // Who comes now is treated like those who are there.
  const late = enter(quotas, { tenant: "default", account: "late" });
  assert.ok(send(late, clock.ms) < 1000);
  for (let calm = 0; calm < 30; calm++) second(1);
  assert.deepEqual(second(1), [1000, 1000, 1000]);
  assert.equal(quotas.share, 1);
});
