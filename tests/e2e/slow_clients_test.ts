/**
 * Clients that are slow on purpose, of every kind on every transport: each is ended by the time-out that is meant for
 * it, counted, and leaves nothing behind. The time-outs are short here.
 */
import assert from "node:assert/strict";
import { targetOf } from "../agent/dialling.ts";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { SlowClient } from "../helpers/slow_client.ts";
import { isFlood, SLOW_KINDS, type SlowDoor, type SlowKind } from "../helpers/slow_kinds.ts";
import { SlowService } from "../helpers/slow_service.ts";
import { TestHub } from "../helpers/test_hub.ts";

/** Long enough for a machine that is busy with something else: all sides of a test are one process. */
const TIMES = [
  "hub.first_byte_timeout=1s",
  "hub.auth_timeout=1s",
  "hub.heartbeat={ interval: 500ms, timeout: 2s }",
  "public.header_timeout=1s",
  "public.idle_timeout=1s",
  "public.response_timeout=3s",
  "public.send_timeout=1500ms",
  "tunnel.idle_timeout=4s",
];
/** Of each kind, as many come at once. */
const EACH = 2;

/** A hub with tunnels of both kinds, and where its doors are. */
async function withDoors(
  isTls: boolean,
  use: (hub: TestHub, doors: { portOf: (door: SlowDoor) => number; ca: string }) => Promise<void>,
): Promise<void> {
  using certificates = await TestCertificates.create();
  const { certPath, keyPath, ca } = certificates;
  const tls = [...certificates.settings, `public.tls={ cert: ${certPath}, key: ${keyPath} }`];
  await using service = await SlowService.start();
  await using hub = await TestHub.start([...TIMES, ...(isTls ? tls : [])]);
  const url = isTls ? `tls://localhost:${hub.port}` : `tcp://127.0.0.1:${hub.port}`;
  const tunnels = `[
    { name: web, kind: http, local: ${service.httpPort}, subdomain: app },
    { name: tcp, kind: tcp, local: ${service.tcpPort} }]`;
  await using edge = new TunnelAgent(url, tunnels, isTls ? { target: targetOf(url, { ca }) } : {});
  await edge.reached("web", "up");
  const tcp = await edge.port("tcp");
  const ports = { hub: hub.port, hubTls: hub.port, public: hub.publicPort, publicTls: hub.publicPort, tcp };
  await use(hub, { portOf: (door) => ports[door], ca });
}

/** Until all that were opened are gone, without a trace but the counts. */
async function nothingIsLeft(hub: TestHub): Promise<void> {
  // The agent's connection stays.
  await hub.metricBecomes("trunkline_sockets", 1);
  await hub.metricBecomes("trunkline_visitor_connections", 0);
  await hub.metricBecomes("tunnel_streams_active", 0);
  for (const transport of ["websocket", "text", "frames", "json"]) {
    await hub.metricBecomes(`trunkline_unfinished_bytes{transport="${transport}"}`, 0);
  }
}

async function openAll(
  kinds: readonly SlowKind[],
  { portOf, ca }: { portOf: (door: SlowDoor) => number; ca: string },
): Promise<SlowClient[]> {
  const all = kinds.flatMap((kind) => Array.from({ length: EACH }, () => kind));
  return await Promise.all(all.map((kind) => {
    const isTls = kind.door.endsWith("Tls");
    return SlowClient.connect(kind, { port: portOf(kind.door), ...(isTls ? { ca } : {}) });
  }));
}

/** How many ended by each series, once as many ended as came. */
async function endsOf(hub: TestHub, kinds: readonly SlowKind[]): Promise<Map<string, number>> {
  const all = [...new Set(SLOW_KINDS.map(({ counted }) => counted))];
  for (;;) {
    const counts = await Promise.all(all.map(async (series) => [series, await hub.metric(series)] as const));
    const sum = counts.reduce((total, [, count]) => total + count, 0);
    if (sum >= EACH * kinds.length) return new Map(counts.filter(([, count]) => count > 0));
  }
}

function wantedOf(kinds: readonly SlowKind[]): Map<string, number> {
  const wanted = new Map<string, number>();
  for (const { counted } of kinds) wanted.set(counted, (wanted.get(counted) ?? 0) + EACH);
  return wanted;
}

function testKinds(what: string, isWanted: (kind: SlowKind) => boolean): void {
  const kinds = SLOW_KINDS.filter(isWanted);
  Deno.test(`Slow clients: ${what}: each is ended in its time, counted, and leaves nothing`, async () => {
    assert.ok(kinds.length > 0);
    const isTls = kinds.some(({ door }) => door.endsWith("Tls"));
    await withDoors(isTls, async (hub, doors) => {
      using open = new DisposableStack();
      const clients = await openAll(kinds, doors);
      for (const client of clients) open.use(client);
      assert.deepEqual(sorted(await endsOf(hub, kinds)), sorted(wantedOf(kinds)));
      await Promise.all(clients.filter(({ kind }) => kind.reads !== false).map(({ ended }) => ended));
      await nothingIsLeft(hub);
    });
  });
}

const sorted = (counts: Map<string, number>) => [...counts].sort();

// Floods take so much of the one process of a test that the times of others run out: they come alone.
testKinds("on the hub's port", ({ door }) => door === "hub");
testKinds("on the hub's port, over TLS", ({ door }) => door === "hubTls");
testKinds("visitors over HTTP", (kind) => kind.door === "public" && !isFlood(kind));
testKinds("visitors over HTTPS", (kind) => kind.door === "publicTls" && !isFlood(kind));
testKinds("visitors who pipeline over HTTP", (kind) => kind.door === "public" && isFlood(kind));
testKinds("visitors who pipeline over HTTPS", (kind) => kind.door === "publicTls" && isFlood(kind));
testKinds("at the port of a TCP tunnel", ({ door }) => door === "tcp");
