/** Tunnels of the CloudBridge handshake, and frames after it, with a real hub and real services. */
import assert from "node:assert/strict";
import type { TestCertificates } from "../helpers/certificates.ts";
import { JsonClient } from "../helpers/json_client.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { freePort, TcpService } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { CloudBridgeClient } from "./cloudbridge_client.ts";
import { MAX_BRIDGE_TUNNELS } from "../../src/hub/cloudbridge_session.ts";

const TOKEN = "bridge-secret-0001";
const [NOT_ALLOWED, REFUSED] = [5, 1];
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A hub on which the token may reach these destinations from the hub. */
function startHub(connect: readonly string[], certificates?: TestCertificates): Promise<TestHub> {
  const tokens = JSON.stringify([{ token: TOKEN, subject: "bridge", permissions: { connect } }]);
  return TestHub.start(["auth.mode=required", `auth.tokens=${tokens}`, ...certificates?.settings ?? []]);
}

function info(fields: Readonly<Record<string, unknown>>) {
  return {
    type: "tunnel_info",
    tunnel_id: "t1",
    local_port: 15432,
    remote_host: "127.0.0.1",
    remote_port: 5432,
    ...fields,
  };
}

testPlainAndTls(
  "CloudBridge tunnels: a client names a tunnel, and its frames reach the service",
  async (certificates) => {
    await using echo = await TcpService.echo();
    await using hub = await startHub([`hub:127.0.0.1:${echo.port}`], certificates);
    await using client = new CloudBridgeClient({ port: hub.port, ca: certificates?.ca });
    const id = await client.logIn(TOKEN, ["frames"]);
    assert.match(id, /^[0-9a-f-]{36}$/);
    const bytes = crypto.getRandomValues(new Uint8Array(12_000));
    for (let times = 0; times < 2; times++) {
      assert.deepEqual(await client.exchange("127.0.0.1", echo.port, bytes), bytes);
    }
    assert.equal(await client.exchange("127.0.0.2", echo.port, bytes), NOT_ALLOWED);
    const named = await client.exchange("localhost", echo.port, bytes);
    assert.deepEqual(named, bytes, "of the addresses of a name the one that is allowed");
    await hub.metricBecomes('trunkline_egress_connections_total{result="ok"}', 3);
  },
);

testPlainAndTls("CloudBridge tunnels: without frames it is told what it may have", async (certificates) => {
  await using hub = await startHub(["hub:127.0.0.1:5432", "hub:10.0.0.0/8:*"], certificates);
  await using client = new CloudBridgeClient({ port: hub.port, ca: certificates?.ca });
  await client.ask({ type: "hello", version: "1.0" });
  assert.equal((await client.ask(info({})))["code"], "invalid_token");
  await client.ask({ type: "auth", token: TOKEN });
  const ok = { type: "tunnel_response", status: "ok", tunnel_id: "t1" };
  assert.deepEqual(await client.ask(info({})), ok);
  assert.deepEqual(await client.ask(info({ tenant_id: "default" })), ok);
  assert.deepEqual(await client.ask(info({ tunnel_id: "t2", remote_host: "10.9.8.7" })), {
    ...ok,
    tunnel_id: "t2",
  });
  // Answers keep the order of the lines, whatever has to be looked up.
  client.write(info({ remote_host: "localhost" }));
  client.write({ type: "heartbeat" });
  const [named, beat] = [await client.answer(), await client.answer()];
  assert.deepEqual([named["type"], beat["type"]], ["tunnel_response", "heartbeat_response"]);
});

Deno.test("CloudBridge tunnels: what is wrong or not allowed is told, and counted as denied", async () => {
  await using hub = await startHub(["hub:127.0.0.1:5432", "*:*:*", "edge:*:*"]);
  await using client = new CloudBridgeClient({ port: hub.port });
  await client.logIn(TOKEN, []);
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ tunnel_id: undefined }, /tunnel_id/],
    [{ tunnel_id: "a b" }, /tunnel_id/],
    [{ tunnel_id: "x".repeat(65) }, /tunnel_id/],
    [{ local_port: 0 }, /local_port/],
    [{ local_port: "1" }, /local_port/],
    [{ remote_host: "" }, /remote_host/],
    [{ remote_host: "127.1" }, /remote_host/],
    [{ remote_host: 7 }, /remote_host/],
    [{ remote_port: 65536 }, /remote_port/],
    [{ remote_port: 1.5 }, /remote_port/],
    [{ tenant_id: "other" }, /tenant_id/],
    [
      { remote_host: "10.0.0.1" },
      /Cannot reach 10\.0\.0\.1:5432 from the hub: The destination is not allowed/,
    ],
    [{ remote_port: 5433 }, /not allowed/],
    [{ remote_host: "169.254.169.254" }, /not allowed/],
    [{ remote_host: "nobody.invalid" }, /not allowed/],
  ];
  for (const [fields, wanted] of cases) {
    const { type, code, message } = await client.ask(info(fields));
    assert.deepEqual([type, code], ["error", "invalid_tunnel_info"]);
    assert.match(String(message), wanted);
  }
  const denied = cases.filter(([, wanted]) => wanted.source.includes("not allowed"));
  assert.equal(await hub.metric('trunkline_security_events_total{kind="denied"}'), denied.length);
});

Deno.test("CloudBridge tunnels: nobody's rights but those that name the hub stand for it", async () => {
  await using echo = await TcpService.echo();
  await using open = await TestHub.start();
  await using anybody = new CloudBridgeClient({ port: open.port });
  await anybody.logIn("whatever", ["frames"]);
  assert.equal(await anybody.exchange("127.0.0.1", echo.port, bytesOf("x")), NOT_ALLOWED);
  await using hub = await startHub(["*:*:*"]);
  await using client = new CloudBridgeClient({ port: hub.port });
  await client.logIn(TOKEN, ["frames"]);
  assert.equal(await client.exchange("127.0.0.1", echo.port, bytesOf("x")), NOT_ALLOWED);
  await hub.metricBecomes('trunkline_egress_connections_total{result="denied"}', 1);
});

Deno.test("CloudBridge tunnels: a connection names so many and no more, one again is no other", async () => {
  await using hub = await startHub(["hub:127.0.0.1:5432"]);
  await using client = new CloudBridgeClient({ port: hub.port });
  await client.logIn(TOKEN, []);
  for (let at = 0; at < MAX_BRIDGE_TUNNELS; at++) {
    assert.equal((await client.ask(info({ tunnel_id: `t${at}` })))["status"], "ok");
  }
  assert.equal((await client.ask(info({ tunnel_id: "more" })))["code"], "tenant_limit_reached");
  assert.equal((await client.ask(info({ tunnel_id: "t0" })))["status"], "ok");
});

Deno.test("CloudBridge frames: what comes in one segment with the login is not lost", async () => {
  await using hub = await startHub([]);
  await using client = new CloudBridgeClient({ port: hub.port });
  await client.ask({ type: "hello", version: "1.0", features: ["frames"] });
  client.write({ type: "auth", token: TOKEN });
  const beat = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  client.send({ type: 0, flags: 0, stream: 0, payload: beat });
  assert.equal((await client.answer())["type"], "auth_response");
  const { type, flags, payload } = await client.frame();
  assert.deepEqual([type, flags, payload], [0, 1, beat]);
});

Deno.test("CloudBridge frames: a refused login goes on with lines, those that came meanwhile first", async () => {
  await using hub = await startHub([]);
  await using client = new CloudBridgeClient({ port: hub.port });
  await client.ask({ type: "hello", version: "1.0", features: ["frames"] });
  client.write({ type: "auth", token: "wrong" });
  client.write({ type: "heartbeat" });
  assert.equal((await client.answer())["code"], "invalid_token");
  assert.equal((await client.answer())["type"], "heartbeat_response");
  assert.equal((await client.ask({ type: "auth", token: TOKEN }))["status"], "ok");
});

Deno.test("CloudBridge frames: frames before the login, or where nobody asked for them, end the connection", async () => {
  await using hub = await startHub([]);
  const heartbeat = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8);
  const hello = { type: "hello", version: "1.0", features: ["frames"] };
  const plain = { type: "hello", version: "1.0" };
  for (const lines of [[hello], [hello, { type: "heartbeat" }], [plain, { type: "auth", token: TOKEN }]]) {
    await using client = await JsonClient.connect({ port: hub.port });
    for (const line of lines) await client.ask(line);
    await client.write(heartbeat);
    assert.deepEqual(await client.rest(), [{
      type: "error",
      code: "unknown_message_type",
      message: "A frame came before the login that allows frames",
    }]);
  }
});

Deno.test("CloudBridge frames: much that comes before the answer to the login waits, with the client", async () => {
  await using hub = await startHub([]);
  await using client = await JsonClient.connect({ port: hub.port });
  await client.ask({ type: "hello", version: "1.0", features: ["frames"] });
  const auth = bytesOf(`${JSON.stringify({ type: "auth", token: "wrong" })}\n`);
  const beats = bytesOf(`{"type":"heartbeat"}\n`.repeat(20_000));
  await client.write(Uint8Array.from([...auth, ...beats]));
  assert.equal((await client.next())?.["code"], "invalid_token");
  for (let at = 0; at < 20_000; at++) assert.equal((await client.next())?.["type"], "heartbeat_response");
});

Deno.test("CloudBridge tunnels: of 1,000 in one go each is answered, in order", async () => {
  await using hub = await startHub(["hub:localhost:*"]);
  await using client = await JsonClient.connect({ port: hub.port });
  await client.ask({ type: "hello", version: "1.0" });
  await client.ask({ type: "auth", token: TOKEN });
  const ids = Array.from({ length: 1000 }, (_, at) => `t${at}`);
  const lines = ids.map((tunnel_id) => `${JSON.stringify(info({ tunnel_id, remote_host: "localhost" }))}\n`);
  await client.write(bytesOf(lines.join("")));
  for (const [at, tunnel_id] of ids.entries()) {
    const answer = await client.next();
    if (at < MAX_BRIDGE_TUNNELS) {
      assert.deepEqual(answer, { type: "tunnel_response", status: "ok", tunnel_id });
    } else assert.equal(answer?.["code"], "tenant_limit_reached");
  }
});

Deno.test("CloudBridge frames: what cannot be reached is told apart, and the client is no agent afterwards", async () => {
  await using hub = await startHub(["hub:127.0.0.1:*"]);
  {
    await using client = new CloudBridgeClient({ port: hub.port });
    await client.logIn(TOKEN, ["frames"]);
    assert.equal(await client.exchange("127.0.0.1", await freePort(), bytesOf("x")), REFUSED);
    await hub.metricBecomes("trunkline_agents", 1);
  }
  await hub.metricBecomes("trunkline_agents", 0);
  await hub.metricBecomes('trunkline_egress_connections_total{result="failed"}', 1);
});
