import assert from "node:assert/strict";
import { StreamCode } from "../../src/core/stream_codes.ts";
import { CutProxy } from "../helpers/cut_proxy.ts";
import { Gatherer, Spoke } from "../helpers/spoke.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { OPEN, openStream, TestServices } from "./stream_services.ts";
import { testWays } from "./ways.ts";

const encoder = new TextEncoder();
const MIB = 1024 * 1024;

testWays("Agent streams: opened by the agent and by the hub, both ways at once", async (way) => {
  const services = new TestServices();
  await using hub = await TestHub.start(way.settings, { frameServices: services });
  await using spoke = await Spoke.member({ port: hub.port, ...way.via, accept: Gatherer.echo });
  const link = await services.link();
  const own = openStream(spoke.transport.mux);
  const hubs = openStream(link);
  own.stream.write(encoder.encode("from the agent"));
  own.stream.end();
  hubs.stream.write(encoder.encode("from the hub"));
  hubs.stream.end();
  assert.deepEqual([await own.gatherer.over, await hubs.gatherer.over], [null, null]);
  assert.equal(own.gatherer.text, "from the agent");
  assert.equal(hubs.gatherer.text, "from the hub");
  assert.deepEqual(services.opens, [OPEN]);
  await hub.metricBecomes("tunnel_streams_active", 0);
  assert.equal(await hub.metric('trunkline_streams_opened_total{by="agent"}'), 1);
  assert.equal(await hub.metric('trunkline_streams_opened_total{by="hub"}'), 1);
  assert.equal(await hub.metric("trunkline_stream_received_bytes_total"), 26);
  assert.ok(await hub.metric("trunkline_stream_sent_bytes_total") >= 26);
});

testWays("Agent streams: many megabytes pass through several at once, beside messages", async (way) => {
  const services = new TestServices();
  await using hub = await TestHub.start(way.settings, { frameServices: services });
  await using spoke = await Spoke.member({ port: hub.port, ...way.via });
  const streams = Array.from({ length: 4 }, () => openStream(spoke.transport.mux));
  const chunk = new Uint8Array(MIB / 4).fill(7);
  for (const { stream } of streams) {
    for (let part = 0; part < 8; part++) stream.write(chunk);
    stream.end();
  }
  const id = crypto.randomUUID();
  assert.match(await spoke.hear() ?? "", /system\.initialize/);
  spoke.say(`request:system.heartbeat:1.0.0:${id}\n{}`);
  assert.equal(await spoke.hear(), `response:system.heartbeat:1.0.0:${id}\n{"status":"success"}`);
  for (const { gatherer } of streams) {
    assert.equal(await gatherer.over, null);
    assert.equal(gatherer.bytes, 2 * MIB);
  }
});

Deno.test("Agent streams: what is said of a connection is what is there", async () => {
  const services = new TestServices();
  await using hub = await TestHub.start([], { frameServices: services });
  const spoke = await Spoke.member({ port: hub.port }, { agentId: "edge", features: ["streams"] });
  const link = await services.link();
  assert.deepEqual(link.name, { tenant: "default", account: "anonymous", agentId: "edge" });
  assert.deepEqual([...link.features], ["streams"]);
  assert.equal(link.principal?.subject, "anonymous");
  assert.equal(link.origin.connectionId, link.id);
  assert.equal(link.streams, 0);
  await spoke[Symbol.asyncDispose]();
  await hub.metricBecomes("trunkline_agents", 0);
  assert.deepEqual(services.gone, [link.id]);
  assert.equal(link.principal, null);
  assert.equal(link.open(OPEN, new Gatherer()), "closed");
});

Deno.test("Agent streams: without services each is refused, by tunnel or by target, as the rights say", async () => {
  const tokens = [
    { token: "may-connect-token", subject: "may", permissions: { connect: ["other:*:*"] } },
    { token: "may-not-connect-token", subject: "may-not", permissions: { publish: ["a"] } },
  ];
  await using hub = await TestHub.start(["auth.mode=required", `auth.tokens=${JSON.stringify(tokens)}`]);
  const target = { target: { agent: "other", host: "db.example", port: 5432 } };
  for (
    const [token, open, code] of [
      ["may-connect-token", OPEN, StreamCode.unknownTunnel],
      ["may-connect-token", target, StreamCode.unknownTunnel],
      ["may-not-connect-token", target, StreamCode.notAllowed],
    ] as const
  ) {
    await using spoke = await Spoke.member({ port: hub.port }, { token, agentId: crypto.randomUUID() });
    const gatherer = new Gatherer();
    spoke.transport.mux.open(open, gatherer);
    const reset = await gatherer.over;
    assert.deepEqual([reset?.code, reset?.notStarted, reset?.origin], [code, true, "peer"]);
  }
  assert.equal(await hub.metric('trunkline_streams_refused_total{code="7"}'), 2);
  assert.equal(await hub.metric('trunkline_streams_refused_total{code="5"}'), 1);
});

Deno.test("Agent streams: one over the limit is refused with 6, the others go on", async () => {
  const services = new TestServices();
  await using hub = await TestHub.start(["limits.connection.streams=2"], { frameServices: services });
  await using spoke = await Spoke.member({ port: hub.port });
  const streams = Array.from({ length: 3 }, () => openStream(spoke.transport.mux));
  const refused = await streams[2]?.gatherer.over;
  assert.deepEqual([refused?.code, refused?.notStarted], [StreamCode.overLimit, true]);
  assert.equal(await hub.metric('trunkline_streams_refused_total{code="6"}'), 1);
  assert.equal(await hub.metric("tunnel_streams_active"), 2);
  streams[0]?.stream.end();
  assert.equal(await streams[0]?.gatherer.over, null);
});

Deno.test("Agent streams: windows are as the configuration says, and what is unread is counted", async () => {
  const services = new TestServices();
  const kib = 1024;
  const settings = ["tunnel.window={ initial: 256KiB, max: 256KiB, connection: 512KiB }"];
  await using hub = await TestHub.start(settings, { frameServices: services });
  await using spoke = await Spoke.member({ port: hub.port });
  // Nobody passes on what this one gets.
  services.take = () => new Gatherer();
  const { stream } = openStream(spoke.transport.mux);
  stream.write(new Uint8Array(300 * kib));
  await hub.metricBecomes("trunkline_stream_buffered_bytes", 256 * kib);
  assert.equal(await hub.metric("trunkline_stream_window_bytes"), 256 * kib);
  stream.reset(StreamCode.cancelled);
  await hub.metricBecomes("trunkline_stream_buffered_bytes", 0);
  assert.equal(await hub.metric('trunkline_streams_reset_total{code="0"}'), 1);
});

Deno.test("Agent streams: kinds of tunnels that are not there are answered so, datagrams are not", async () => {
  await using hub = await TestHub.start();
  await using spoke = await Spoke.member({ port: hub.port });
  spoke.send({ kind: "datagram", tunnelId: 1, flowId: 1, packet: Uint8Array.of(1) });
  for (const kind of ["udp", "tun"] as const) {
    spoke.send({ kind: "register_tunnel", request: { requestId: kind, kind } });
    const message = `Tunnels of kind ${kind} are not part of this version`;
    const response = { requestId: kind, ok: false, code: "unsupported_kind", message };
    assert.deepEqual(await spoke.frames.next(), { kind: "tunnel_response", response });
  }
});

testWays(
  "Agent streams: a link that dies without a word is noticed, and its streams end with an error",
  async (way) => {
    const services = new TestServices();
    const beat = "hub.heartbeat={ interval: 100ms, timeout: 200ms }";
    await using hub = await TestHub.start([...way.settings, beat], { frameServices: services });
    await using proxy = await CutProxy.open(hub.port);
    await using spoke = await Spoke.member({ port: proxy.port, ...way.via, accept: Gatherer.echo });
    const link = await services.link();
    const { gatherer } = openStream(link);
    openStream(spoke.transport.mux);
    await hub.metricBecomes("tunnel_streams_active", 2);
    proxy.stall();
    const reset = await gatherer.over;
    assert.deepEqual([reset?.origin, reset?.reason], ["link", "No sign of life"]);
    assert.equal((await services.taken[0]?.over)?.origin, "link");
    await hub.metricBecomes("trunkline_agents", 0);
    proxy.cut();
    await hub.metricBecomes('trunkline_connections_closed_total{code="4408"}', 1);
  },
);

Deno.test("Agent streams: an agent that answers heartbeats stays, however long it says nothing", async () => {
  const services = new TestServices();
  const beat = "hub.heartbeat={ interval: 100ms, timeout: 200ms }";
  await using hub = await TestHub.start([beat], { frameServices: services });
  await using _spoke = await Spoke.member({ port: hub.port });
  const link = await services.link();
  const received = () => hub.metric('trunkline_received_bytes_total{transport="frames"}');
  const before = await received();
  // Nothing but the answers to heartbeats, of 20 bytes each: more of them than the time-out has intervals.
  while (await received() < before + 4 * 20);
  assert.notEqual(link.roundTripMs, null);
  assert.equal(await hub.metric("trunkline_agents"), 1);
  assert.ok(await hub.metric("trunkline_agent_round_trip_max_seconds") >= 0);
});
