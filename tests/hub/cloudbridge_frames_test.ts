/** Clients of the CloudBridge handshake and a real hub: tunnels that are announced, and frames behind the login. */
import assert from "node:assert/strict";
import { StreamCode } from "../../src/core/stream_codes.ts";
import { MAX_TUNNELS } from "../../src/hub/cloudbridge_tunnels.ts";
import { MAX_DIALS_PER_LINK } from "../../src/tunnel/hub_egress.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { connectTokens, member, namesOf, reach, tokenOf } from "../tunnel/connect_scene.ts";
import {
  CloudBridgeClient,
  CREDIT,
  DATA,
  ERROR,
  frame,
  HEARTBEAT,
  type Line,
  OPEN,
} from "./cloudbridge_client.ts";

const HELLO = { type: "hello", version: "1.0", features: ["frames"] };
const PLAIN_HELLO = { type: "hello", version: "1.0" };
const bytesOf = (text: string) => new TextEncoder().encode(text);
const auth = (name: string) => ({ type: "auth", token: tokenOf(name) });

function tunnel(host: unknown, port: unknown, other: Line = {}): Line {
  return {
    type: "tunnel_info",
    tunnel_id: "t",
    local_port: 5432,
    remote_host: host,
    remote_port: port,
    ...other,
  };
}

/** A client that logged in and does not go on with frames. */
async function loggedIn(hub: TestHub, name: string): Promise<CloudBridgeClient> {
  const client = new CloudBridgeClient({ port: hub.port });
  await client.ask(PLAIN_HELLO);
  assert.equal((await client.ask(auth(name)))?.["type"], "auth_response");
  return client;
}

/** A client that logged in and goes on with frames. */
async function framing(hub: TestHub, name: string): Promise<CloudBridgeClient> {
  const client = new CloudBridgeClient({ port: hub.port });
  client.send(HELLO, auth(name));
  assert.equal((await client.line())?.["type"], "hello_response");
  assert.equal((await client.line())?.["type"], "auth_response");
  return client;
}

testPlainAndTls(
  "CloudBridge: a client logs in, asks for a tunnel, and carries bytes",
  async (certificates) => {
    await using echo = await TcpService.echo();
    const rights = connectTokens({ may: [`hub:127.0.0.1:${echo.port}`] });
    await using hub = await TestHub.start([...certificates?.settings ?? [], ...rights]);
    await using plain = new CloudBridgeClient({ port: hub.port, ca: certificates?.ca });
    const greeting = await plain.ask(PLAIN_HELLO);
    assert.deepEqual(greeting?.["features"], ["auth", "heartbeat", "tunnel_info", "frames"]);
    assert.deepEqual(Object.keys(await plain.ask(auth("may")) ?? {}), ["type", "status", "client_id"]);
    assert.deepEqual(await plain.ask({ type: "heartbeat" }), { type: "heartbeat_response" });
    assert.deepEqual(await plain.ask(tunnel("127.0.0.1", echo.port)), {
      type: "tunnel_response",
      status: "ok",
      tunnel_id: "t",
    });
    await using client = new CloudBridgeClient({ port: hub.port, ca: certificates?.ca });
    await client.ask(HELLO);
    const welcome = await client.ask(auth("may"));
    assert.deepEqual([welcome?.["type"], welcome?.["status"]], ["auth_response", "ok"]);
    assert.equal((welcome?.["limits"] as Line)["initialWindow"], 262_144);
    assert.match(String(welcome?.["session"]), /^[0-9a-f-]{36}$/);
    assert.notEqual(welcome?.["session"], welcome?.["client_id"], "an id is told others, a session is not");
    const target = { agent: "hub", host: "127.0.0.1", port: echo.port };
    assert.equal(String(await client.echo(1, target, bytesOf("there and back"))), "there and back");
    const large = crypto.getRandomValues(new Uint8Array(16 * 1024));
    assert.deepEqual(new Uint8Array(await client.echo(3, target, large) as Uint8Array), large);
    assert.equal(await client.echo(5, { ...target, port: 1 }, large), StreamCode.notAllowed);
    assert.equal(await hub.metric('trunkline_connections{transport="json"}'), 1);
    assert.equal(await hub.metric('trunkline_connections{transport="frames"}'), 1);
    assert.equal(await hub.metric("trunkline_agents"), 1);
  },
);

Deno.test("CloudBridge frames: what comes behind auth in the same segment is not lost", async () => {
  await using echo = await TcpService.echo();
  await using hub = await TestHub.start(connectTokens({ may: ["hub:127.0.0.1:*"] }));
  const target = { agent: "hub", host: "127.0.0.1", port: echo.port };
  const frames = [frame(OPEN, 1, { target }), frame(DATA, 1, bytesOf("at once"), 1)];
  await using client = new CloudBridgeClient({ port: hub.port });
  client.send(HELLO, auth("may"), ...frames);
  assert.equal((await client.line())?.["type"], "hello_response");
  assert.equal((await client.line())?.["type"], "auth_response");
  assert.equal(String(await client.collect(1)), "at once");
});

Deno.test("CloudBridge frames: behind a login that is refused lines go on, and frames are none", async () => {
  await using hub = await TestHub.start(connectTokens({ may: [] }));
  await using client = new CloudBridgeClient({ port: hub.port });
  const heartbeat = { type: "heartbeat" };
  client.send(
    HELLO,
    { type: "auth", token: "wrong" },
    heartbeat,
    { type: "auth", token: "wrong" },
    frame(OPEN, 1),
  );
  const types = [];
  for (let line = await client.line(); line !== null; line = await client.line()) {
    types.push(line["code"] ?? line["type"]);
  }
  assert.deepEqual(types, [
    "hello_response",
    "invalid_token",
    "heartbeat_response",
    "invalid_token",
    "unknown_message_type",
  ]);
  await hub.metricBecomes('trunkline_connections_closed_total{code="1002"}', 1);
});

Deno.test("CloudBridge frames: frames before the login, or where nobody asked for them, end the connection", async () => {
  await using hub = await TestHub.start(connectTokens({ may: [] }));
  for (const lines of [[HELLO], [HELLO, { type: "heartbeat" }], [PLAIN_HELLO, auth("may")]]) {
    await using client = new CloudBridgeClient({ port: hub.port });
    for (const line of lines) await client.ask(line);
    client.send(frame(OPEN, 1, { target: { agent: "hub", host: "127.0.0.1", port: 1 } }));
    assert.deepEqual(await client.line(), {
      type: "error",
      code: "unknown_message_type",
      message: "A frame came before the login that allows frames",
    });
    assert.equal(await client.line(), null);
  }
});

Deno.test("CloudBridge frames: much that comes before the answer to the login waits, with the client", async () => {
  await using hub = await TestHub.start(connectTokens({ may: [] }));
  await using client = new CloudBridgeClient({ port: hub.port });
  const heartbeats = new Array(20_000).fill({ type: "heartbeat" });
  client.send(HELLO, { type: "auth", token: "wrong" }, ...heartbeats);
  assert.equal((await client.line())?.["type"], "hello_response");
  assert.equal((await client.line())?.["code"], "invalid_token");
  for (const _ of heartbeats) assert.equal((await client.line())?.["type"], "heartbeat_response");
});

Deno.test("CloudBridge frames: what cannot be reached is told apart, and the client is no agent afterwards", async () => {
  await using hub = await TestHub.start(connectTokens({ may: ["hub:127.0.0.1:*"] }));
  {
    await using client = await framing(hub, "may");
    const target = { agent: "hub", host: "127.0.0.1", port: freePort() };
    assert.equal(await client.echo(1, target, bytesOf("x")), StreamCode.localRefused);
    await hub.metricBecomes("trunkline_agents", 1);
  }
  await hub.metricBecomes("trunkline_agents", 0);
  assert.equal(await hub.metric('trunkline_egress_connections_total{result="failed"}'), 1);
});

Deno.test("CloudBridge frames: a client that says messages speaks them", async () => {
  await using hub = await TestHub.start();
  await using client = new CloudBridgeClient({ port: hub.port });
  client.send({ ...HELLO, features: ["frames", "messages"] }, auth("anybody"));
  assert.equal((await client.line())?.["type"], "hello_response");
  assert.equal((await client.line())?.["type"], "auth_response");
  const greeting = await client.frame();
  assert.match(String(greeting?.payload), /^publish:system\.initialize:/);
});

Deno.test("CloudBridge frames: a line behind the login is no frame", async () => {
  await using hub = await TestHub.start(connectTokens({ may: [] }));
  await using client = await framing(hub, "may");
  client.send({ type: "heartbeat" });
  const answer = await client.frame();
  assert.deepEqual([answer?.type, JSON.parse(String(answer?.payload)).closeCode], [ERROR, 1002]);
  assert.equal(await client.frame(), null);
});

Deno.test("CloudBridge frames: more data than credit ends the connection", async () => {
  await using silent = await TcpService.start((socket) => socket.pause());
  await using hub = await TestHub.start(connectTokens({ may: ["hub:127.0.0.1:*"] }));
  await using client = await framing(hub, "may");
  client.send(frame(OPEN, 1, { target: { agent: "hub", host: "127.0.0.1", port: silent.port } }));
  for (let sent = 0; sent <= 64 * 1024 * 1024; sent += 16 * 1024) {
    client.send(frame(DATA, 1, new Uint8Array(16 * 1024)));
  }
  let last = await client.frame();
  while (last?.type === CREDIT) last = await client.frame();
  assert.equal(last?.type, ERROR);
  await hub.metricBecomes("trunkline_egress_connections_active", 0);
});

Deno.test("CloudBridge frames: on an address without frames nobody goes on with them", async () => {
  const listen = 'hub.listen=[{ address: "127.0.0.1:0", transports: [json] }]';
  await using hub = await TestHub.start([...connectTokens({ may: [] }), listen]);
  await using client = new CloudBridgeClient({ port: hub.port });
  assert.deepEqual((await client.ask(HELLO))?.["features"], ["auth", "heartbeat", "tunnel_info"]);
  await client.ask(auth("may"));
  assert.deepEqual(await client.ask({ type: "heartbeat" }), { type: "heartbeat_response" });
});

Deno.test("CloudBridge frames: the login of a client that goes on can be renewed, and ends when it is revoked", async () => {
  const settings = connectTokens({ may: [], other: [] });
  await using hub = await TestHub.start(settings);
  await using client = new CloudBridgeClient({ port: hub.port });
  await client.ask(HELLO);
  const welcome = await client.ask(auth("may"));
  const login = { agentId: welcome?.["client_id"], session: welcome?.["session"], features: [] };
  const answers = [];
  for (const name of ["may", "other"]) {
    client.send(frame(0x01, 0, { ...login, token: tokenOf(name) }));
    answers.push(JSON.parse(String((await client.frame())?.payload)).ok);
  }
  assert.deepEqual(answers, [true, false]);
  await hub.reload(connectTokens({ other: [] }));
  const last = await client.frame();
  assert.deepEqual([last?.type, JSON.parse(String(last?.payload)).closeCode], [ERROR, 4401]);
});

Deno.test("CloudBridge frames: a hub that stops says goodbye in frames", async () => {
  const hub = await TestHub.start(connectTokens({ may: [] }));
  await using client = await framing(hub, "may");
  const stopping = hub.server.stop();
  const types = [];
  for (let next = await client.frame(); next !== null; next = await client.frame()) types.push(next.type);
  assert.deepEqual(types, [0x7e, ERROR]);
  await client[Symbol.asyncDispose]();
  await stopping;
});

testPlainAndTls(
  "CloudBridge frames: clients that vanish around the change leave nothing",
  async (certificates) => {
    await using hub = await TestHub.start([...certificates?.settings ?? [], ...connectTokens({ may: [] })]);
    for (let lines = 0; lines < 9; lines++) {
      const client = new CloudBridgeClient({ port: hub.port, ca: certificates?.ca });
      client.send(HELLO, auth("may"), frame(HEARTBEAT, 0, new Uint8Array(8)));
      if (lines % 3 > 0) await client.line();
      if (lines % 3 > 1) await client.line();
      await client[Symbol.asyncDispose]();
    }
    for (const transport of ["json", "frames"]) {
      await hub.metricBecomes(`trunkline_connections{transport="${transport}"}`, 0);
    }
    await hub.metricBecomes("trunkline_sockets", 0);
    assert.equal(await hub.metric("trunkline_agents"), 0);
  },
);

Deno.test("CloudBridge tunnels: where the hub may not connect to is refused, by address and by name", async () => {
  const resolve = namesOf({
    "evil.lan": ["127.0.0.1"],
    "db.lan": ["10.0.0.7"],
    "db.example": ["192.0.2.1", "10.0.0.7"],
  });
  const tokens = connectTokens({ may: ["hub:10.0.0.0/8:5432", "hub:*.lan:22"], star: ["*:*:*"] });
  await using hub = await TestHub.start(tokens, { resolve });
  await using client = await loggedIn(hub, "may");
  await using star = await loggedIn(hub, "star");
  for (
    const [host, port, isOk] of [
      ["10.0.0.7", 5432, true],
      ["10.0.0.7", 22, false],
      ["127.0.0.1", 5432, false],
      ["db.lan", 22, true],
      ["db.lan", 5432, true],
      ["evil.lan", 22, false],
      ["no.lan", 22, false],
      ["db.example", 5432, true],
      ["db.example", 22, false],
    ] as const
  ) {
    const answer = await client.ask(tunnel(host, port));
    assert.deepEqual(answer?.["code"], isOk ? undefined : "invalid_tunnel_info", `${host}:${port}`);
    assert.equal((await star.ask(tunnel(host, port)))?.["code"], "invalid_tunnel_info");
  }
  // What is not allowed, and no name that does not exist; nothing is for the other one.
  assert.equal(await hub.metric('trunkline_security_events_total{kind="denied"}'), 4 + 9);
  await using stranger = new CloudBridgeClient({ port: hub.port });
  await stranger.ask(PLAIN_HELLO);
  assert.equal((await stranger.ask(tunnel("10.0.0.7", 5432)))?.["code"], "invalid_token");
});

Deno.test("CloudBridge tunnels: a field that is wrong is told by its name", async () => {
  await using hub = await TestHub.start(connectTokens({ may: ["hub:*:*"] }));
  await using client = await loggedIn(hub, "may");
  const good = tunnel("10.0.0.7", 5432);
  for (
    const [field, values] of [
      ["tunnel_id", [undefined, "", 1, "x".repeat(65), "a\nb", "a b", null]],
      ["local_port", [undefined, 0, 65_536, 1.5, "22", null, -1]],
      ["remote_host", [undefined, "", 1, "127.1", "0x7f.1", "a b", "10.0.0.0/8", "*", "x".repeat(300), [
        "10.0.0.1",
      ]]],
      ["remote_port", [undefined, 0, 65_536, 1.5, "22", null]],
      ["tenant_id", [1, "", "x".repeat(129)]],
    ] as const
  ) {
    for (const value of values) {
      const { code, message } = await client.ask({ ...good, [field]: value }) ?? {};
      assert.equal(code, "invalid_tunnel_info", `${field} ${value}`);
      assert.ok(String(message).startsWith(`Cannot take the tunnel_info: ${field} `), String(message));
    }
  }
  assert.equal((await client.ask(good))?.["status"], "ok");
  assert.equal((await client.ask({ ...good, tenant_id: "default" }))?.["status"], "ok");
  assert.equal((await client.ask({ ...good, tenant_id: "acme" }))?.["code"], "invalid_tenant");
});

Deno.test("CloudBridge tunnels: of 1,000 that are announced in one go as many are taken as there may be", async () => {
  const resolve = namesOf({ "db.lan": ["10.0.0.7"] });
  await using hub = await TestHub.start(connectTokens({ may: ["hub:*.lan:*"] }), { resolve });
  await using client = await loggedIn(hub, "may");
  const ids = Array.from({ length: 1000 }, (_, at) => `t${at}`);
  client.send(
    ...ids.map((tunnel_id) => tunnel("db.lan", 22, { tunnel_id })),
    tunnel("db.lan", 22, { tunnel_id: "t0" }),
  );
  for (const [at, tunnel_id] of ids.entries()) {
    const answer = await client.line();
    if (at < MAX_TUNNELS) assert.deepEqual(answer, { type: "tunnel_response", status: "ok", tunnel_id });
    else assert.equal(answer?.["code"], "tenant_limit_reached");
  }
  assert.equal((await client.line())?.["status"], "ok", "one that is announced again is not one more");
  assert.equal(resolve.asked.length, MAX_TUNNELS + 1, "what is over the limit is not resolved");
});

Deno.test("CloudBridge tunnels: while one is looked at the others wait, and a client that leaves leaves nothing", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<string[]>();
  const resolve = () => {
    asked.resolve();
    return answer.promise;
  };
  await using hub = await TestHub.start(connectTokens({ may: ["hub:*.lan:*"] }), { resolve });
  await using client = await loggedIn(hub, "may");
  await using leaving = await loggedIn(hub, "may");
  leaving.send(tunnel("db.lan", 22));
  client.send(tunnel("db.lan", 22), { type: "heartbeat" });
  await asked.promise;
  await leaving[Symbol.asyncDispose]();
  answer.resolve(["10.0.0.7"]);
  assert.equal((await client.line())?.["type"], "tunnel_response");
  assert.equal((await client.line())?.["type"], "heartbeat_response");
  await hub.metricBecomes('trunkline_connections{transport="json"}', 1);
});

Deno.test("CloudBridge tunnels: whoever has as many look-ups as he may have is told to come back", async () => {
  const { promise, resolve: answer } = Promise.withResolvers<readonly string[]>();
  const rights = connectTokens({ may: ["hub:*.lan:*"], other: ["hub:*.lan:*"] });
  await using hub = await TestHub.start(rights, {
    resolve: (name) => name === "db.lan" ? Promise.resolve(["10.0.0.7"]) : promise,
  });
  await using one = await member(hub, "may", "one");
  await using two = await member(hub, "may", "two");
  for (const spoke of [one, two]) {
    for (let at = 0; at < MAX_DIALS_PER_LINK; at++) reach(spoke, ["hub", "slow.lan", 22]);
  }
  await hub.metricBecomes("trunkline_egress_connections_active", 2 * MAX_DIALS_PER_LINK);
  await using client = await loggedIn(hub, "may");
  assert.deepEqual(await client.ask(tunnel("db.lan", 22)), {
    type: "error",
    code: "server_unavailable",
    message: "Cannot take the tunnel_info now: too many names are looked up",
  });
  assert.equal(await hub.metric('trunkline_egress_over_limit_total{limit="lookups"}'), 1);
  await using other = await loggedIn(hub, "other");
  assert.equal((await other.ask(tunnel("db.lan", 22)))?.["status"], "ok");
  answer([]);
});
