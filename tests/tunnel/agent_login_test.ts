import assert from "node:assert/strict";
import type { LoginRefusalCode } from "../../src/core/login_refusal.ts";
import { loginRefusal, placeRefusal } from "../../src/tunnel/agent_refusal.ts";
import { FramesClient } from "../helpers/frames_client.ts";
import { signWithSecret } from "../helpers/jwt.ts";
import { Spoke } from "../helpers/spoke.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";
import { connectionsBecome, LOGIN, testWays } from "./ways.ts";

testWays("Agent login: whoever shows a good token is told who it is and what to keep to", async (way) => {
  await using hub = await TestHub.start([...LOGIN, ...way.settings, "limits.connection.streams=7"]);
  await using spoke = await Spoke.connect({ port: hub.port, ...way.via });
  const response = await spoke.login({ token: "two-token-of-an-agent", agentId: "edge-1", session: "s" });
  assert.ok(response?.ok);
  const { connectionId, resume, ...rest } = response;
  assert.match(connectionId, /^[0-9a-f-]{36}$/);
  assert.match(resume, /^[\w-]{20,}={0,2}$/);
  assert.deepEqual(rest, {
    ok: true,
    agentId: "edge-1",
    accountId: "acme",
    tenant: "default",
    limits: {
      maxStreams: 7,
      initialWindow: 256 * 1024,
      maxWindow: 16 * 1024 * 1024,
      connectionWindow: 64 * 1024 * 1024,
      maxPayload: 64 * 1024,
      heartbeatIntervalMs: 30_000,
      heartbeatTimeoutMs: 60_000,
    },
  });
  assert.match(await spoke.hear() ?? "", /^publish:system\.initialize:1\.0\.0:.*\n\{"serviceId":"/);
});

testWays("Agent login: a bad token is refused, then the connection ends with 4401", async (way) => {
  await using hub = await TestHub.start([...LOGIN, ...way.settings]);
  await using spoke = await Spoke.connect({ port: hub.port, ...way.via });
  const response = await spoke.login({ token: "wrong" });
  assert.deepEqual(response, { ok: false, code: "invalid_token", message: "The token is not accepted" });
  assert.deepEqual(await spoke.ended, { code: 4401, reason: "The token is not accepted" });
  await connectionsBecome(hub, 0);
  assert.equal(await hub.metric("tunnel_connections_total"), 0);
});

Deno.test("Agent login: no token is refused where logins are needed, and fine where they are not", async () => {
  await using strict = await TestHub.start(LOGIN);
  await using refused = await Spoke.connect({ port: strict.port });
  const response = await refused.login();
  assert.deepEqual(response, {
    ok: false,
    code: "invalid_token",
    message: "A login is needed here: send a token",
  });
  assert.equal((await refused.ended).code, 4401);
  await using open = await TestHub.start();
  await using free = await Spoke.connect({ port: open.port });
  const welcome = await free.login({ agentId: "a" });
  assert.ok(welcome?.ok);
  assert.deepEqual([welcome.accountId, welcome.tenant], ["anonymous", "default"]);
});

Deno.test("Agent login: a token in the request of a WebSocket counts, a bad one is refused there", async () => {
  await using hub = await TestHub.start(LOGIN);
  await assert.rejects(WsClient.connect(hub.url("/agent"), { token: "wrong" }));
  await using client = await WsClient.connect(hub.url("/agent"), { token: "two-token-of-an-agent" });
  client.send(authFrame({ agentId: "edge", session: "s", features: [] }));
  const answer = await client.next();
  assert.ok(answer instanceof Uint8Array);
  assert.match(new TextDecoder().decode(answer.subarray(12)), /^\{"ok":true,.*"accountId":"acme"/);
});

Deno.test("Agent login: silence ends with 4401 in time, with logins and without", async () => {
  for (const settings of [LOGIN, []]) {
    await using hub = await TestHub.start([...settings, "hub.auth_timeout=100ms"]);
    await using silent = await FramesClient.connect({ port: hub.port });
    await silent.write(Uint8Array.of(1));
    const last = await silent.find("error");
    assert.deepEqual(last?.error, {
      code: "unauthorized",
      message: "Not logged in in time",
      closeCode: 4401,
    });
    silent.finish();
    await connectionsBecome(hub, 0);
  }
});

Deno.test("Agent login: nothing else is taken before it", async () => {
  await using hub = await TestHub.start(LOGIN);
  const open = { tunnelId: 1, src: { ip: "::1", port: 1 }, dst: { ip: "::1", port: 2 } };
  const early = [
    { kind: "message", message: new TextEncoder().encode("publish:a:1.0.0\n"), isText: true },
    { kind: "open_stream", streamId: 1, open, isEnd: false },
    { kind: "register_tunnel", request: { requestId: "1", kind: "http" } },
    { kind: "datagram", tunnelId: 1, flowId: 1, packet: Uint8Array.of(1) },
  ] as const;
  for (const frame of early) {
    await using client = await FramesClient.connect({ port: hub.port });
    await client.send(frame);
    const last = await client.find("error");
    assert.deepEqual([last?.error.code, last?.error.closeCode], ["unauthorized", 4401], frame.kind);
  }
  assert.equal(await hub.metric("tunnel_connections_total"), 0);
});

Deno.test("Agent login: heartbeats are answered before it", async () => {
  await using hub = await TestHub.start(LOGIN);
  await using client = await FramesClient.connect({ port: hub.port });
  const opaque = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  await client.send({ kind: "heartbeat", opaque, isAck: false });
  const answer = await client.next();
  assert.deepEqual(answer, { kind: "heartbeat", opaque, isAck: true });
});

Deno.test("Agent login: a second one before the answer to the first is an error of the protocol", async () => {
  await using hub = await TestHub.start(LOGIN);
  await using client = await FramesClient.connect({ port: hub.port });
  const request = { token: "one-token-of-an-agent", agentId: "a", session: "s", features: [] };
  await client.send({ kind: "auth_request", request }, { kind: "auth_request", request });
  const last = await client.find("error");
  assert.equal(last?.error.closeCode, 1002);
  client.finish();
  await connectionsBecome(hub, 0);
  assert.equal(await hub.metric("trunkline_agents"), 0);
});

Deno.test("Agent login: who is gone before its answer leaves nothing behind", async () => {
  await using hub = await TestHub.start(LOGIN);
  const request = { token: "one-token-of-an-agent", agentId: "a", session: "s", features: ["messages"] };
  for (let round = 0; round < 20; round++) {
    const client = await FramesClient.connect({ port: hub.port });
    await client.send({ kind: "auth_request", request });
    if (round % 2 === 0) client.reset();
    else client.finish();
    await client[Symbol.asyncDispose]();
  }
  await connectionsBecome(hub, 0);
  assert.equal(await hub.metric("trunkline_agents"), 0);
  assert.equal(await hub.metric('tunnel_connections_per_account{account="acme"}'), 0);
});

Deno.test("Agent login: renewed by the same somebody; a refused renewal changes nothing", async () => {
  await using hub = await TestHub.start(LOGIN);
  await using spoke = await Spoke.member({ port: hub.port }, {
    token: "two-token-of-an-agent",
    session: "s",
  });
  const renew = (request: Parameters<Spoke["login"]>[0]) =>
    spoke.login({ token: "two-token-of-an-agent", session: "s", ...request });
  const again = await renew({});
  assert.ok(again?.ok);
  const refused = [
    [await renew({ token: "wrong" }), "invalid_token"],
    [await renew({ token: "one-token-of-an-agent" }), "invalid_token"],
    [await renew({ session: "another" }), "protocol_error"],
    [await renew({ agentId: "another" }), "protocol_error"],
  ] as const;
  for (const [response, code] of refused) {
    assert.ok(response !== null && !response.ok);
    assert.equal(response.code, code);
  }
  const withoutToken = await spoke.login({ session: "s" });
  assert.ok(withoutToken !== null && !withoutToken.ok);
  assert.equal((await renew({}))?.ok, true, "it goes on");
  assert.equal(await hub.metric("tunnel_connections_total"), 1);
});

Deno.test("Agent login: too many wrong tokens are told when to come back, and end with 4429", async () => {
  await using hub = await TestHub.start([...LOGIN, "auth.lockout={ threshold: 1, duration: 60s }"]);
  await using first = await Spoke.connect({ port: hub.port });
  await first.login({ token: "wrong" });
  await using second = await Spoke.connect({ port: hub.port });
  const response = await second.login({ token: "wrong" });
  assert.ok(response !== null && !response.ok);
  assert.equal(response.code, "rate_limit_exceeded");
  assert.ok((response.retryAfterMs ?? 0) > 0);
  assert.equal((await second.ended).code, 4429);
});

Deno.test("Agent login: one that runs out is told behind the greeting, and ended", async () => {
  const secret = "0123456789abcdef0123456789abcdef";
  await using hub = await TestHub.start([
    "auth.mode=required",
    `auth.jwt.secret=${secret}`,
    "auth.jwt.clock_tolerance=0s",
  ]);
  const claims = {
    sub: "short",
    exp: Math.floor(Date.now() / 1000) + 2,
    roles: [],
    permissions: { publish: ["a"] },
  };
  await using spoke = await Spoke.member({ port: hub.port }, { token: signWithSecret(claims, secret) });
  assert.match(await spoke.hear() ?? "", /^publish:system\.initialize:/);
  assert.match(await spoke.hear() ?? "", /^publish:system\.auth\.expiring:/);
  assert.deepEqual(await spoke.ended, { code: 4401, reason: "The login has run out" });
});

Deno.test("Agent login: other rules end whom they do not know", async () => {
  await using hub = await TestHub.start(LOGIN);
  await using spoke = await Spoke.member({ port: hub.port }, { token: "one-token-of-an-agent" });
  const outcome = await hub.reload([
    "auth.mode=required",
    "auth.tokens=[{ token: two-token-of-an-agent, subject: two }]",
  ]);
  assert.equal(outcome.kind === "loaded" && outcome.ended, 1);
  assert.deepEqual(await spoke.ended, { code: 4401, reason: "The login was revoked" });
  await hub.metricBecomes("trunkline_agents", 0);
});

Deno.test("Agent login: each refusal has its word and its close code", () => {
  const codes: Record<LoginRefusalCode, readonly [string, number]> = {
    invalid_token: ["invalid_token", 4401],
    tenant_required: ["tenant_required", 4401],
    invalid_tenant: ["invalid_tenant", 4401],
    rate_limited: ["rate_limit_exceeded", 4429],
    unavailable: ["server_unavailable", 4503],
    overloaded: ["overloaded", 4503],
  };
  for (const code of Object.keys(codes) as LoginRefusalCode[]) {
    const refusal = loginRefusal({ kind: "refused", code, message: "", retryAfterMs: null });
    assert.deepEqual([refusal.code, refusal.closeCode], codes[code]);
  }
  assert.equal(placeRefusal("name_taken", "a").closeCode, 4409);
  assert.equal(placeRefusal("too_many_connections", "a").closeCode, 4429);
});

Deno.test("Agent login: a web page has to be listed, whatever self and loopback say", async () => {
  const connect = (hub: TestHub, origin: string) => WsClient.connect(hub.url("/agent"), { origin });
  await using hub = await TestHub.start();
  await assert.rejects(connect(hub, `http://127.0.0.1:${hub.port}`));
  await assert.rejects(connect(hub, "http://localhost:3000"));
  assert.equal(await hub.metric('trunkline_connections_refused_total{reason="origin"}'), 2);
  await using listing = await TestHub.start(["hub.origins=[self, https://app.example]"]);
  await using client = await connect(listing, "https://app.example");
  await assert.rejects(connect(listing, "https://evil.example"));
  await client.close();
});

Deno.test("Agent login: an address that does not speak frames says so, also on /agent", async () => {
  await using hub = await TestHub.start(["hub.listen=[{ address: 127.0.0.1:0, transports: [http, text] }]"]);
  await using client = await FramesClient.connect({ port: hub.port });
  await client.write(Uint8Array.of(1));
  assert.equal((await client.find("error"))?.error.code, "server_unavailable");
  await assert.rejects(WsClient.connect(hub.url("/agent")));
});

function authFrame(request: Record<string, unknown>): Uint8Array<ArrayBuffer> {
  const payload = new TextEncoder().encode(JSON.stringify(request));
  const frame = new Uint8Array(12 + payload.length);
  frame.set([1, 1]);
  new DataView(frame.buffer).setUint32(8, payload.length);
  frame.set(payload, 12);
  return frame;
}
