/** What is measured of tenants, and who is shown it. */
import assert from "node:assert/strict";
import { MAX_NAMED_TENANTS, OTHER_TENANTS, TenantTraffics } from "../../src/broker/tenant_traffic.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { BrokerClient } from "./broker_client.ts";

const EVERYTHING = { publish: ["#"], subscribe: ["#"], request: ["#"], serve: ["#"] };

function login(tenant: string, admin = false) {
  return { token: `token-of-tenant-${tenant}`, subject: "s", tenant, permissions: { ...EVERYTHING, admin } };
}

function settings(tokens: readonly object[]): string[] {
  return ["auth.mode=required", "auth.multi_tenant=true", `auth.tokens=${JSON.stringify(tokens)}`];
}

Deno.test("Tenant traffic: so many tenants have names, all others one count, and nobody is called it", () => {
  const traffics = new TenantTraffics();
  const others = traffics.of(OTHER_TENANTS);
  for (let at = 0; at < 2 * MAX_NAMED_TENANTS; at++) traffics.of(`t-${at}`).published++;
  assert.equal(traffics.of("t-0").published, 1);
  assert.equal(traffics.of("t-0").label, "t-0");
  assert.equal(traffics.of("t-150"), others);
  assert.equal(others.published, MAX_NAMED_TENANTS);
  assert.equal([...traffics.all()].length, MAX_NAMED_TENANTS + 1);
});

/** Those of the metrics that count by tenant. */
function ofTenants(metrics: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(metrics).filter(([name]) => name.startsWith("trunkline_tenant_")));
}

Deno.test("Tenant metrics: a tenant is shown its own, the operator those of all", async () => {
  await using hub = await TestHub.start(settings([login("red"), login("blue"), login("default", true)]));
  await using red = await BrokerClient.connect(hub, "text", { token: "token-of-tenant-red" });
  await using again = await BrokerClient.connect(hub, "websocket", { token: "token-of-tenant-red" });
  await using blue = await BrokerClient.connect(hub, "text", { token: "token-of-tenant-blue" });
  await using operator = await BrokerClient.connect(hub, "text", { token: "token-of-tenant-default" });
  await red.subscribe("a");
  await red.request("system.service.register", { name: "red", description: "" });
  await again.publish("a");
  again.send("request:a:1.0.0:00000000-0000-4000-8000-0000000000bb");
  await again.settle();
  await blue.publish("nobody");
  const { metrics } = await red.request("system.metrics");
  assert.deepEqual(ofTenants(metrics), {
    trunkline_tenant_connections: [{ labels: { tenant: "red" }, value: 2 }],
    trunkline_tenant_subscriptions: [{ labels: { tenant: "red" }, value: 1 }],
    trunkline_tenant_services: [{ labels: { tenant: "red" }, value: 1 }],
    trunkline_tenant_requests_outstanding: [{ labels: { tenant: "red" }, value: 1 }],
    trunkline_tenant_published_total: [{ labels: { tenant: "red" }, value: 1 }],
    trunkline_tenant_delivered_total: [{ labels: { tenant: "red" }, value: 1 }],
  });
  const all = (await operator.request("system.metrics")).metrics;
  const published = all.trunkline_tenant_published_total.map(({ labels, value }: {
    labels: { tenant: string };
    value: number;
  }) => [labels.tenant, value]);
  assert.deepEqual(published, [["red", 1], ["blue", 1], ["default", 0], ["other", 0]]);
  assert.equal(await hub.metric('trunkline_tenant_connections{tenant="red"}'), 2);
});

Deno.test("Tenant metrics: who has no name there is shown nothing, not even when it is called like the rest", async () => {
  const many = Array.from({ length: MAX_NAMED_TENANTS }, (_, at) => login(`t-${at}`));
  await using hub = await TestHub.start(settings([...many, login("late"), login(OTHER_TENANTS)]));
  for (const { token } of many) {
    await using _client = await BrokerClient.connect(hub, "text", { token });
  }
  await using late = await BrokerClient.connect(hub, "text", { token: "token-of-tenant-late" });
  await using other = await BrokerClient.connect(hub, "text", { token: `token-of-tenant-${OTHER_TENANTS}` });
  await late.publish("a");
  for (const client of [late, other]) {
    assert.deepEqual(ofTenants((await client.request("system.metrics")).metrics), {});
    const filtered = await client.request("system.metrics", { paramFilter: { tenant: OTHER_TENANTS } });
    assert.deepEqual(ofTenants(filtered.metrics), {});
  }
  assert.equal(await hub.metric('trunkline_tenant_published_total{tenant="other"}'), 1);
  assert.equal(await hub.metric('trunkline_tenant_connections{tenant="other"}'), 2);
});

Deno.test("Tenant metrics: without tenants there are none", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub, "text");
  const { metrics } = await client.request("system.metrics");
  assert.deepEqual(Object.keys(metrics).filter((name) => name.startsWith("trunkline_tenant_")), []);
});
