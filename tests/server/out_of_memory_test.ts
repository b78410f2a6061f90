/** A hub that has no memory for new connections: what they are told on real sockets, and that those who are there go on. */
import assert from "node:assert/strict";
import { connect } from "node:tls";
import type { MemoryUse } from "../../src/server/memory_stage.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { RawClient, upgradeRequest } from "../helpers/raw_client.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";

const MIB = 1024 * 1024;
const REFUSED = 'trunkline_connections_refused_total{reason="memory"}';
const REFUSING = 'trunkline_memory_stage{stage="refuse"}';

/** A hub that is told what it takes. */
async function startHub(set: readonly string[] = []) {
  const memory = { residentMib: 100 };
  const readMemory = (): MemoryUse => ({
    residentBytes: memory.residentMib * MIB,
    baseBytes: 100 * MIB,
    heldBytes: memory.residentMib * MIB,
    heapBytes: 0,
  });
  const hub = await TestHub.start(["performance.memory=200MiB", ...set], { readMemory });
  return {
    hub,
    fill: async () => {
      memory.residentMib = 199;
      await hub.metricBecomes(REFUSING, 1);
    },
    empty: async () => {
      memory.residentMib = 100;
      await hub.metricBecomes(REFUSING, 0);
    },
    [Symbol.asyncDispose]: async () => {
      await hub.metricBecomes("trunkline_sockets", 0);
      await hub[Symbol.asyncDispose]();
    },
  };
}

Deno.test("Out of memory: who is there goes on, new ones get 503, and are let in again afterwards", async () => {
  await using world = await startHub();
  const { hub } = world;
  await using member = await WsClient.connect(hub.url());
  await world.fill();
  using refused = await RawClient.connect(hub.port);
  await refused.write(upgradeRequest());
  assert.match(await refused.readText(), /^HTTP\/1\.1 503 .*Retry-After: \d+\r\n.*no memory/s);
  assert.equal(await hub.metric(REFUSED), 1);
  assert.equal(
    (await fetch(`http://127.0.0.1:${hub.metricsPort}/readyz`).then((r) => r.json())).status,
    "unready",
  );
  member.send("still here");
  assert.equal(await member.next(), "still here");
  await world.empty();
  await using next = await WsClient.connect(hub.url());
  next.send("in");
  assert.equal(await member.next(), "in");
});

Deno.test("Out of memory: other transports close with 4503 in their own words", async () => {
  await using world = await startHub();
  await world.fill();
  const words = [
    [Uint8Array.of(0, 0), /publish:system\.close:.*"code":4503,.*"retryAfterMs":\d+/s],
    [Uint8Array.of(1, 1), /"code":"server_unavailable".*"closeCode":4503.*"retryAfterMs":\d+/s],
    ["{", /"code":"server_unavailable".*"retry_after_ms":\d+/s],
  ] as const;
  for (const [first, told] of words) {
    using client = await RawClient.connect(world.hub.port);
    await client.write(first);
    assert.match(await client.readText(), told);
  }
});

Deno.test("Out of memory: an address of text alone tells who did not speak yet", async () => {
  await using world = await startHub(["hub.listen=[{address: '127.0.0.1:0', transports: [text]}]"]);
  await world.fill();
  using client = await RawClient.connect(world.hub.port);
  assert.match(await client.readText(), /"code":4503,.*"retryAfterMs":\d+/s);
});

Deno.test("Out of memory: over TLS the same is told behind the handshake", async () => {
  using certificates = await TestCertificates.create();
  await using world = await startHub(certificates.settings);
  await world.fill();
  const socket = connect({
    port: world.hub.port,
    host: "127.0.0.1",
    servername: "localhost",
    ca: certificates.ca,
  });
  socket.write(upgradeRequest());
  let text = "";
  for await (const chunk of socket) text += new TextDecoder().decode(chunk);
  assert.match(text, /^HTTP\/1\.1 503 .*Retry-After: \d+/s);
});

Deno.test("Out of memory: a PROXY header goes before the refusal", async () => {
  await using world = await startHub(["hub.proxy_protocol=[127.0.0.1]"]);
  await world.fill();
  using client = await RawClient.connect(world.hub.port);
  await client.write(`PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n${upgradeRequest()}`);
  assert.match(await client.readText(), /^HTTP\/1\.1 503 .*Retry-After/s);
});

Deno.test("Out of memory: visitors of tunnels get 503 with Retry-After", async () => {
  await using world = await startHub();
  await world.fill();
  using visitor = await RawClient.connect(world.hub.publicPort);
  await visitor.write("GET / HTTP/1.1\r\nHost: app.localhost\r\n\r\n");
  assert.match(await visitor.readText(), /^HTTP\/1\.1 503 .*Retry-After: \d+/s);
  assert.equal(await world.hub.metric(REFUSED), 1);
  await world.empty();
  using next = await RawClient.connect(world.hub.publicPort);
  await next.write("GET / HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\n\r\n");
  assert.match(await next.readText(), /^HTTP\/1\.1 404 /);
});

Deno.test("Out of memory: those who are told are bounded themselves", async () => {
  await using world = await startHub();
  await world.fill();
  const clients = await Promise.all(Array.from({ length: 600 }, () => RawClient.connect(world.hub.port)));
  await world.hub.metricBecomes(REFUSED, 600);
  assert.ok(await world.hub.metric("trunkline_sockets") <= 256);
  for (const client of clients) client[Symbol.dispose]();
  await world.hub.metricBecomes("trunkline_sockets", 0);
});

Deno.test("Out of memory: the bound of memory and the mode change without a restart", async () => {
  await using world = await startHub();
  const outcome = await world.hub.reload(["performance={memory: 400MiB, mode: throughput}"]);
  assert.deepEqual(outcome, {
    kind: "loaded",
    changed: ["performance.mode", "performance.memory"],
    needRestart: [],
    ended: 0,
  });
  assert.equal(await world.hub.metric("trunkline_memory_limit_bytes"), 400 * MIB);
  assert.equal(await world.hub.metric("trunkline_outbox_limit_bytes"), 100 * MIB);
  assert.equal(await world.hub.metric("trunkline_tuning_join_window_seconds"), 0.002);
});
