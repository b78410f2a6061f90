/** The hub's part of the Keycloak walk-through in docs/security.md, with tokens as Keycloak makes them. */
import assert from "node:assert/strict";
import { loadConfig } from "../../src/config/hub_config.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { HubServer } from "../../src/server/hub_server.ts";
import { BrokerClient, codeOf } from "../broker/broker_client.ts";
import { type Json, signJwt } from "../helpers/jwt.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { OpenIdProvider } from "../helpers/openid_provider.ts";

const ISSUER = "https://id.example/realms/trunkline";

/** The configuration that the guide shows, with the tests' provider in the place of Keycloak. */
function shownConfig(provider: OpenIdProvider) {
  const guide = Deno.readTextFileSync("docs/security.md");
  const [[, shown = ""] = [], ...others] = guide.matchAll(/^```yaml\n(.*?)^```/gms);
  assert.equal(others.length, 0);
  assert.ok(shown.includes(ISSUER));
  const result = loadConfig({
    file: { path: "config.yaml", text: shown.replace(ISSUER, provider.issuer) },
    env: {},
    set: ["hub.listen=127.0.0.1:0", "metrics.enabled=false", "public.listen=127.0.0.1:0"],
    cwd: Deno.cwd(),
    readSecretFile: () => assert.fail("there are no secrets"),
  });
  assert.ok(result.ok, result.ok ? "" : result.problems.map(formatProblem).join("\n"));
  return result.config;
}

/** Claims of an access token of Keycloak 26. */
function keycloakClaims(issuer: string, changes: Json): Json {
  const now = Math.floor(Date.now() / 1000);
  return {
    exp: now + 300,
    iat: now,
    jti: "trrtcc:5f2c7a52-7b6a-4a40-9f0e-3d4a3a3f1c11",
    iss: issuer,
    aud: ["hub", "account"],
    sub: "0b7c6b1e-5b1f-4b8e-9a0a-0e9f0c2d7a11",
    typ: "Bearer",
    azp: "hub",
    sid: "f1d0c5f8-1d58-4b2c-8d3c-c0a3f6f0b0d4",
    acr: "1",
    "allowed-origins": ["https://app.example"],
    realm_access: { roles: ["default-roles-trunkline", "offline_access", "uma_authorization", "sensor"] },
    resource_access: { account: { roles: ["manage-account", "view-profile"] } },
    scope: "openid profile email",
    email_verified: true,
    tenant_id: "acme",
    preferred_username: "sensor-1",
    ...changes,
  };
}

Deno.test("Security guide: the hub of the Keycloak walk-through takes Keycloak's tokens", async () => {
  await using provider = new OpenIdProvider();
  const server = new HubServer(shownConfig(provider), { logger: new MemoryLogger(), version: "0.0.0-test" });
  await server.start();
  try {
    const port = server.addresses()[0]?.port ?? 0;
    const reachable = { port, url: (path = "/") => `ws://127.0.0.1:${port}${path}` };
    const connect = (changes: Json = {}) =>
      BrokerClient.connect(reachable, "websocket", {
        token: signJwt(keycloakClaims(provider.issuer, changes), provider.key),
      });
    await using sensor = await connect();
    assert.equal(codeOf(await sensor.publish("sensors.a.temp", "21")), "NO_ROUTE_FOUND");
    assert.equal(codeOf(await sensor.publish("commands.stop")), "FORBIDDEN");
    const operatorRoles = { resource_access: { hub: { roles: ["operator"] } }, sub: "operator-1" };
    await using operator = await connect(operatorRoles);
    await operator.subscribe("#", { action: "publish" });
    assert.equal((await sensor.publish("sensors.a.temp", "22")).status, "success");
    assert.equal((await operator.next()).payload, "22");
    await using other = await connect({ ...operatorRoles, tenant_id: "umbrella" });
    assert.deepEqual((await other.request("system.topic.list")).topics, []);
    for (const wrong of [{ aud: "account" }, { tenant_id: undefined }, { iss: ISSUER }]) {
      await assert.rejects(connect(wrong), /401/);
    }
  } finally {
    await server.stop();
  }
});
