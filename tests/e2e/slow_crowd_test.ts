/** A crowd of slow clients of all kinds at one hub, as it is shipped, and the clients who use it meanwhile. */
import assert from "node:assert/strict";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { isFlood, SLOW_KINDS } from "../helpers/slow_kinds.ts";
import { openSlow, SlowScene } from "../helpers/slow_scene.ts";
import { SlowService } from "../helpers/slow_service.ts";
import { WsClient } from "../helpers/ws_client.ts";

const MIB = 1024 * 1024;
const CROWD = 200;
const WELL_BEHAVED = 20;
/** What the crowd may add to the memory of the hub: windows and socket buffers of those who read nothing are most of it. */
const MAX_GROWTH_BYTES = 192 * MIB;
const TIMES = [
  "hub.first_byte_timeout=2s",
  "hub.auth_timeout=2s",
  "hub.heartbeat={ interval: 1s, timeout: 4s }",
  "public={ header_timeout: 2s, idle_timeout: 2s, response_timeout: 4s, send_timeout: 3s }",
  "tunnel.idle_timeout=4s",
];
const ENDED = /^trunkline_(connections_refused|connections_closed|visitors_ended)_total\{/;
const CONNECTED = /^trunkline_(sockets|visitor_connections|tunnel_connections_active)[ {]/;
const RESIDENT = /^process_resident_memory_bytes /;

/** Sends to itself through a room of its own until it is told to stop; gives how many came back, in their order. */
async function converse(client: WsClient, isOver: () => boolean): Promise<number> {
  let count = 0;
  for (; !isOver(); count++) {
    client.send(`${count}`);
    assert.equal(await client.next(), `${count}`);
  }
  return count;
}

Deno.test("Slow crowd: 200 of all kinds at once all end, memory is bounded, and 20 others get every message", async () => {
  await using service = await SlowService.start();
  await using scene = await SlowScene.start(TIMES);
  const tunnels = `[
    { name: web, kind: http, local: ${service.httpPort}, subdomain: app },
    { name: tcp, kind: tcp, local: ${service.tcpPort} }]`;
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${scene.port}`, tunnels);
  const doors = scene.doors(await edge.port("tcp"));
  const url = (room: number) => `ws://127.0.0.1:${scene.port}/relay/r${room}`;
  const clients = await Promise.all(
    Array.from({ length: WELL_BEHAVED }, (_, room) => WsClient.connect(url(room))),
  );
  let isOver = false;
  const talks = clients.map((client) => converse(client, () => isOver));
  const before = await scene.sum(RESIDENT);
  const connected = await scene.sum(CONNECTED);
  const kinds = SLOW_KINDS.filter((kind) => kind.door !== "publicTls" && !isFlood(kind));
  using open = new DisposableStack();
  const crowd = Array.from({ length: CROWD }, (_, at) => kinds[at % kinds.length]).flatMap((kind) =>
    kind ?? []
  );
  for (const client of await Promise.all(crowd.map((kind) => openSlow(kind, doors)))) open.use(client);
  let most = 0;
  while (await scene.sum(ENDED) < CROWD || await scene.sum(CONNECTED) > connected) {
    most = Math.max(most, await scene.sum(RESIDENT));
  }
  isOver = true;
  for (const count of await Promise.all(talks)) assert.ok(count > 0);
  assert.ok(most - before < MAX_GROWTH_BYTES, `memory grew by ${(most - before) / MIB} MiB`);
  for (const client of clients) await client.close();
});
