/** Hubs without logins: who is their administrator, and what is said of them at the start. */
import assert from "node:assert/strict";
import { BrokerClient, codeOf, newId } from "../broker/broker_client.ts";
import { encodeClientFrame, RawClient, upgradeRequest } from "../helpers/raw_client.ts";
import { TestHub } from "../helpers/test_hub.ts";

const LEVEL = '{"level":"info"}';

/** What somebody is answered who asks for administration over a WebSocket whose handshake had these fields. */
async function administers(hub: TestHub, { fields = {}, before = "" } = {}): Promise<string | undefined> {
  using client = await RawClient.connect(hub.port);
  await client.write(before + upgradeRequest({ path: "/", fields }));
  assert.match(await client.readHead(), /^HTTP\/1\.1 101 /);
  const payload = `request:system.control.log_level:1.0.0:${newId()}\n${LEVEL}`;
  await client.write(encodeClientFrame({ opcode: 1, payload }));
  await client.readFrame();
  const answer = new TextDecoder().decode((await client.readFrame())?.payload);
  return codeOf(JSON.parse(answer.slice(answer.indexOf("\n") + 1)));
}

/** The hub of these tests has no log that can be changed, which is what its administrators are told. */
const MAY = "SERVICE_UNAVAILABLE";
const MAY_NOT = "FORBIDDEN";

Deno.test("Hub without logins: a program on its machine administers it", async () => {
  await using hub = await TestHub.start();
  assert.equal(await administers(hub), MAY);
  await using client = await BrokerClient.connect(hub, "text");
  assert.equal(codeOf(await client.request("system.control.log_level", { level: "info" })), MAY);
});

Deno.test("Hub without logins: a web page does not, whatever machine it comes from", async () => {
  await using hub = await TestHub.start();
  for (const origin of ["http://127.0.0.1", "http://localhost:5173", "http://[::1]"]) {
    assert.equal(await administers(hub, { fields: { Origin: origin } }), MAY_NOT);
  }
});

Deno.test("Hub without logins: who comes through a proxy on its machine does not", async () => {
  await using hub = await TestHub.start();
  const said = {
    "X-Forwarded-For": "127.0.0.1",
    "X-Real-IP": "::1",
    "Forwarded": "for=127.0.0.1",
    "Via": "1.1 p",
  };
  for (const [name, value] of Object.entries(said)) {
    assert.equal(await administers(hub, { fields: { [name]: value } }), MAY_NOT, name);
  }
  await using behind = await TestHub.start(["hub.proxy_protocol=[127.0.0.1]"]);
  for (
    const line of [
      "PROXY UNKNOWN",
      "PROXY TCP4 127.0.0.1 127.0.0.1 1 2",
      "PROXY TCP4 203.0.113.1 127.0.0.1 1 2",
    ]
  ) {
    assert.equal(await administers(behind, { before: `${line}\r\n` }), MAY_NOT, line);
  }
  await using client = await BrokerClient.connect(behind, "text", { from: "127.0.0.1" });
  assert.equal(codeOf(await client.request("system.control.log_level", { level: "info" })), MAY_NOT);
});

Deno.test("Hub without logins: it says at the start that others come, and which limits hold for nobody", async () => {
  const warningsOf = async (set: readonly string[]) => {
    await using hub = await TestHub.start(set);
    return hub.logger.lines.filter(({ level }) => level === "warning").map(({ fields }) => fields["setting"]);
  };
  const open = ["hub.listen=0.0.0.0:0", "hub.allow_insecure=true", "auth.allow_anonymous=true"];
  assert.deepEqual(await warningsOf([]), []);
  assert.deepEqual(await warningsOf(["hub.proxy_protocol=[127.0.0.1]"]), ["hub.proxy_protocol"]);
  assert.deepEqual(await warningsOf(open), ["auth.allow_anonymous"]);
  assert.deepEqual(await warningsOf(["limits.default.tunnels=7"]), ["limits.default"]);
  assert.deepEqual(await warningsOf(["limits.accounts={ acme: { tunnels: 7 } }"]), ["limits.accounts"]);
  assert.deepEqual(await warningsOf(["limits.tenants={ default: { tunnels: 7 } }"]), []);
  const login = ["auth.mode=required", "auth.tokens=[{ token: sixteen-or-more-chars, subject: s }]"];
  assert.deepEqual(
    await warningsOf([...login, "hub.proxy_protocol=[127.0.0.1]", "limits.default.tunnels=7"]),
    [],
  );
});
