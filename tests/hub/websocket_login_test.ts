import assert from "node:assert/strict";
import { EchoHub, type EchoHubOptions } from "../helpers/echo_hub.ts";
import { until } from "../helpers/event_loop.ts";
import { FakeLogins, NEVER } from "../helpers/fake_logins.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { encodeClientFrame, RawClient, upgradeRequest } from "../helpers/raw_client.ts";
import { TextClient } from "../helpers/text_client.ts";

const PATH = "/echo";

async function answerTo(port: number, fields: Record<string, string>, path = PATH): Promise<string> {
  using client = await RawClient.connect(port);
  await client.write(upgradeRequest({ path, fields }));
  return await client.readText();
}

function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

Deno.test("WebSocket login: a good token in the header is let in, and the desk knows from where", async () => {
  const logins = new FakeLogins();
  await using hub = await EchoHub.start({ logins });
  using client = await RawClient.connect(hub.port);
  await client.write(upgradeRequest({ path: PATH, fields: bearer("good-alice") }));
  assert.match(await client.readHead(), /^HTTP\/1\.1 101 /);
  await client.sendFrame({ opcode: 1, payload: "hello" });
  assert.equal(new TextDecoder().decode((await client.readFrame())?.payload), "hello");
  assert.deepEqual(hub.seen.map(({ principal }) => principal?.subject), ["alice"]);
  assert.deepEqual(logins.asked.map(({ isGone: _, ...asked }) => asked), [{
    token: "good-alice",
    ip: "127.0.0.1",
    via: "header",
    connectionId: hub.seen[0]?.id ?? "",
    tenant: null,
    certificate: null,
    renews: null,
  }]);
});

Deno.test("WebSocket login: what a client sends behind its request waits for the login", async () => {
  await using hub = await EchoHub.start({ logins: new FakeLogins() });
  using client = await RawClient.connect(hub.port);
  const request = new TextEncoder().encode(upgradeRequest({ path: PATH, fields: bearer("good") }));
  const frames = Array.from({ length: 500 }, (_, i) => encodeClientFrame({ opcode: 1, payload: `${i}` }));
  await client.write(new Uint8Array([...request, ...frames.flatMap((frame) => [...frame])]));
  await client.readHead();
  for (let i = 0; i < 500; i++) {
    assert.equal(new TextDecoder().decode((await client.readFrame())?.payload), `${i}`);
  }
});

const REFUSED: readonly { readonly token: string; readonly status: RegExp; readonly code: number }[] = [
  { token: "bad", status: /^HTTP\/1\.1 401 .*WWW-Authenticate: Bearer/s, code: 4401 },
  { token: "tenant_required", status: /^HTTP\/1\.1 401 /, code: 4401 },
  { token: "invalid_tenant", status: /^HTTP\/1\.1 401 /, code: 4401 },
  { token: "rate_limited", status: /^HTTP\/1\.1 429 .*Retry-After: 7\r/s, code: 4429 },
  { token: "unavailable", status: /^HTTP\/1\.1 503 .*Retry-After: /s, code: 4503 },
  { token: "overloaded", status: /^HTTP\/1\.1 503 .*Retry-After: /s, code: 4503 },
];

Deno.test("WebSocket login: a program is refused with a status", async () => {
  await using hub = await EchoHub.start({ logins: new FakeLogins() });
  for (const { token, status } of REFUSED) assert.match(await answerTo(hub.port, bearer(token)), status);
  assert.match(await answerTo(hub.port, {}), /^HTTP\/1\.1 401 /);
  assert.match(await answerTo(hub.port, { Authorization: "Basic Z29vZDo=" }), /^HTTP\/1\.1 401 /);
  assert.match(await answerTo(hub.port, {}, `${PATH}?access_token=good`), /^HTTP\/1\.1 401 /);
  assert.equal(hub.door.refused.get("login"), REFUSED.length + 3);
  assert.equal(hub.websocket.accepted, 0);
});

Deno.test("WebSocket login: what cannot be a login is recorded, with nothing of it", async () => {
  await using hub = await EchoHub.start({ logins: new FakeLogins() });
  const basic = { Authorization: "Basic Z29vZDo=" };
  const two = { ...bearer("good"), "Sec-WebSocket-Protocol": `bearer.${btoa("good").replace(/=+$/, "")}` };
  const tried: readonly (readonly [Record<string, string>, string, string, string])[] = [
    [{}, `${PATH}?access_token=good`, "query_token_off", "query"],
    [basic, PATH, "malformed", "header"],
    [{ "Sec-WebSocket-Protocol": "bearer.!" }, PATH, "malformed", "subprotocol"],
    [two, PATH, "two_credentials", "header"],
  ];
  for (const [fields, path] of tried) {
    assert.match(await answerTo(hub.port, fields, path), /^HTTP\/1\.1 401 /);
  }
  assert.deepEqual(
    hub.events,
    tried.map(([, , reason, via]) => ({
      kind: "login_refused",
      address: "127.0.0.1",
      connectionId: null,
      who: null,
      reason,
      via,
    })),
  );
  assert.match(await answerTo(hub.port, {}), /^HTTP\/1\.1 401 /);
  assert.equal(hub.events.length, tried.length);
});

Deno.test("WebSocket login: a browser is refused with a close code behind its handshake", async () => {
  await using hub = await EchoHub.start({ logins: new FakeLogins() });
  for (const { token, code } of REFUSED) {
    using client = await RawClient.connect(hub.port);
    const fields = { ...bearer(token), Origin: "http://127.0.0.1" };
    await client.write(upgradeRequest({ path: PATH, fields }));
    assert.match(await client.readHead(), /^HTTP\/1\.1 101 /);
    assert.equal(await client.readCloseCode(), code);
    await client.readToEnd();
  }
  assert.equal(hub.websocket.accepted, 0);
});

Deno.test("WebSocket login: the token of the query is taken only where that is on", async () => {
  await using hub = await EchoHub.start({ logins: new FakeLogins(), queryToken: true });
  using client = await RawClient.upgraded(hub.port, `${PATH}?access_token=good`);
  await client.sendFrame({ opcode: 1, payload: "hello" });
  assert.equal(new TextDecoder().decode((await client.readFrame())?.payload), "hello");
});

Deno.test("WebSocket login: the subprotocol of a credential is never selected", async () => {
  await using hub = await EchoHub.start({ logins: new FakeLogins(), subprotocols: ["spoken.v1"] });
  using client = await RawClient.connect(hub.port);
  const offered = `bearer.${btoa("good").replace(/=+$/, "")}, spoken.v1`;
  await client.write(upgradeRequest({ path: PATH, fields: { "Sec-WebSocket-Protocol": offered } }));
  assert.match(await client.readHead(), /^HTTP\/1\.1 101 .*Sec-WebSocket-Protocol: spoken\.v1\r/s);
});

Deno.test("WebSocket login: a desk that does not answer in time refuses", async () => {
  await using hub = await EchoHub.start({ logins: new FakeLogins(), loginTimeoutMs: 20 });
  assert.match(await answerTo(hub.port, bearer(NEVER)), /^HTTP\/1\.1 503 /);
});

Deno.test("WebSocket login: who leaves meanwhile leaves nothing behind", async () => {
  await using hub = await EchoHub.start({ logins: new FakeLogins(), loginTimeoutMs: 50 });
  {
    using client = await RawClient.connect(hub.port);
    await client.write(upgradeRequest({ path: PATH, fields: bearer(NEVER) }));
    await until(() => hub.door.firstBytes.http === 1);
  }
  await until(() => hub.door.sockets === 0);
  assert.equal(hub.websocket.accepted, 0);
});

Deno.test("WebSocket login: a hub that stops meanwhile leaves no timer behind", async () => {
  const logins = new FakeLogins();
  using client = await (async () => {
    await using hub = await EchoHub.start({ logins, loginTimeoutMs: 60_000 });
    const client = await RawClient.connect(hub.port);
    await client.write(upgradeRequest({ path: PATH, fields: bearer(NEVER) }));
    await until(() => logins.asked.length === 1);
    return client;
  })();
  await client.readToEnd();
  assert.equal(logins.asked[0]?.isGone(), true);
});

Deno.test("WebSocket login: on a path for everybody nobody is asked", async () => {
  const logins = new FakeLogins();
  await using hub = await EchoHub.start({ logins, login: "none" });
  using client = await RawClient.connect(hub.port);
  await client.write(upgradeRequest({ path: PATH, fields: bearer("bad") }));
  assert.match(await client.readHead(), /^HTTP\/1\.1 101 /);
  await until(() => hub.seen.length === 1);
  assert.deepEqual(hub.seen.map(({ principal }) => principal?.rights.isAdmin), [false]);
  assert.deepEqual(logins.asked, []);
});

Deno.test("WebSocket login: on a hub without logins a token is not looked at", async () => {
  await using hub = await EchoHub.start();
  using client = await RawClient.connect(hub.port);
  await client.write(upgradeRequest({ path: PATH, fields: bearer("bad") }));
  assert.match(await client.readHead(), /^HTTP\/1\.1 101 /);
});

testPlainAndTls("Login by message: who does not log in in time is ended with 4401", async (certificates) => {
  const options: EchoHubOptions = {
    certificates,
    logins: new FakeLogins(),
    login: "message",
    loginTimeoutMs: 20,
  };
  await using hub = await EchoHub.start(options);
  await using client = await TextClient.connect({ port: hub.port, ca: certificates?.ca });
  await client.send("ignored");
  assert.equal((await client.lastWords()).code, 4401);
  assert.deepEqual(hub.seen, []);
});
