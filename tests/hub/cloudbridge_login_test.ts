import assert from "node:assert/strict";
import { systemClock } from "../../src/core/ports.ts";
import { CloudBridgeSession } from "../../src/hub/cloudbridge_session.ts";
import { ClosedEgress } from "./closed_egress.ts";
import { EchoHub, type EchoHubOptions } from "../helpers/echo_hub.ts";
import { FakeLogins, NEVER } from "../helpers/fake_logins.ts";
import { JsonClient } from "../helpers/json_client.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";

const HELLO = { type: "hello", version: "1.0" };
const HEARTBEAT = { type: "heartbeat" };
const TUNNEL = {
  type: "tunnel_info",
  tunnel_id: "t",
  local_port: 1,
  remote_host: "10.0.0.1",
  remote_port: 22,
};

function startHub(options: EchoHubOptions): Promise<EchoHub> {
  const logins = options.logins ?? null;
  const jsonUser = () =>
    new CloudBridgeSession({
      certificate: null,
      clock: systemClock,
      maxMalformed: 20,
      logins,
      egress: new ClosedEgress(),
      frames: null,
    });
  return EchoHub.start({ transports: ["json"], jsonUser, ...options });
}

async function greeted(hub: EchoHub, ca?: string): Promise<JsonClient> {
  const client = await JsonClient.connect({ port: hub.port, ca });
  assert.equal((await client.ask(HELLO))?.["type"], "hello_response");
  return client;
}

testPlainAndTls(
  "CloudBridge login: a good token is let in under the connection's id",
  async (certificates) => {
    const logins = new FakeLogins();
    await using hub = await startHub({ logins, certificates });
    await using client = await greeted(hub, certificates?.ca);
    const answer = await client.ask({ type: "auth", token: "good-alice", tenant_id: "acme" });
    const [connection] = hub.connections.connections.values();
    assert.deepEqual(answer, { type: "auth_response", status: "ok", client_id: connection?.id });
    assert.equal(connection?.principal?.subject, "alice");
    assert.deepEqual(logins.asked.map(({ token, tenant }) => [token, tenant]), [["good-alice", "acme"]]);
    assert.equal((await client.ask(TUNNEL))?.["code"], "invalid_tunnel_info");
  },
);

Deno.test("CloudBridge login: each refusal has its code, and another token may follow", async () => {
  await using hub = await startHub({ logins: new FakeLogins() });
  await using client = await greeted(hub);
  for (
    const [token, code] of [
      ["bad", "invalid_token"],
      ["tenant_required", "tenant_required"],
      ["invalid_tenant", "invalid_tenant"],
      ["rate_limited", "rate_limit_exceeded"],
      ["unavailable", "server_unavailable"],
      ["overloaded", "overloaded"],
    ]
  ) {
    const answer = await client.ask({ type: "auth", token });
    assert.deepEqual([answer?.["type"], answer?.["code"]], ["error", code]);
    if (code === "rate_limit_exceeded") assert.equal(answer?.["retry_after_ms"], 7000);
  }
  assert.equal((await client.ask(TUNNEL))?.["code"], "invalid_token");
  assert.equal((await client.ask({ type: "auth", token: "good" }))?.["type"], "auth_response");
});

Deno.test("CloudBridge login: what is no token or tenant is refused without being asked about", async () => {
  const logins = new FakeLogins();
  await using hub = await startHub({ logins });
  await using client = await greeted(hub);
  for (const auth of [{}, { token: "" }, { token: 1 }, { token: ["good"] }]) {
    assert.equal((await client.ask({ type: "auth", ...auth }))?.["code"], "unknown_message_type");
  }
  for (const tenant of [1, "", null, "t".repeat(129)]) {
    const answer = await client.ask({ type: "auth", token: "good", tenant_id: tenant });
    assert.equal(answer?.["code"], "invalid_tenant");
  }
  assert.deepEqual(logins.asked, []);
});

Deno.test("CloudBridge login: one login at a time", async () => {
  await using hub = await startHub({ logins: new FakeLogins() });
  await using client = await greeted(hub);
  await client.send({ type: "auth", token: NEVER });
  assert.equal((await client.ask({ type: "auth", token: "good" }))?.["code"], "unknown_message_type");
  assert.deepEqual(await client.ask(HEARTBEAT), { type: "heartbeat_response" });
});

Deno.test("CloudBridge login: a second login renews the first", async () => {
  const logins = new FakeLogins();
  await using hub = await startHub({ logins });
  await using client = await greeted(hub);
  for (let i = 0; i < 2; i++) {
    assert.equal((await client.ask({ type: "auth", token: "good" }))?.["type"], "auth_response");
  }
  assert.deepEqual(logins.asked.map(({ renews }) => renews?.principal.subject), [undefined, "somebody"]);
});

Deno.test("CloudBridge login: on a hub without logins every token is let in", async () => {
  await using hub = await startHub({});
  await using client = await greeted(hub);
  assert.equal((await client.ask({ type: "auth", token: "whatever" }))?.["type"], "auth_response");
});

Deno.test("CloudBridge login: who does not log in in time is ended", async () => {
  await using hub = await startHub({ logins: new FakeLogins(), loginTimeoutMs: 20 });
  await using client = await greeted(hub);
  const rest = await client.rest();
  assert.equal(rest.length, 1);
  assert.match(String(rest[0]?.["message"]), /4401|logged in/i);
});
