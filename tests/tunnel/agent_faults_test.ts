import assert from "node:assert/strict";
import { encodeFrame, type Frame } from "../../src/wire/frame.ts";
import { BrokerClient } from "../broker/broker_client.ts";
import { FramesClient } from "../helpers/frames_client.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { concat } from "../helpers/prefixed.ts";
import { Gatherer } from "../helpers/spoke.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";
import { OPEN, TestServices } from "./stream_services.ts";

const KIB = 1024;
const REQUEST = { agentId: "a", session: "s", features: [] };
const AUTH: Frame = { kind: "auth_request", request: REQUEST };

/** A raw connection that is logged in. */
async function loggedIn(port: number, ca?: string): Promise<FramesClient> {
  const client = await FramesClient.connect({ port, ca });
  await client.send({ kind: "auth_request", request: { ...REQUEST, agentId: crypto.randomUUID() } });
  assert.equal((await client.find("auth_response"))?.response.ok, true);
  return client;
}

function header(...bytes: number[]): Uint8Array {
  return Uint8Array.from({ length: 12 }, (_, at) => bytes[at] ?? 0);
}

function open(streamId: number, isEnd = false): Frame {
  return { kind: "open_stream", streamId, open: OPEN, isEnd };
}

function data(streamId: number, bytes: number, isEnd = false): Frame {
  return { kind: "data", streamId, payload: new Uint8Array(bytes), isEnd };
}

function frames(...all: Frame[]): Uint8Array {
  return concat(all.flatMap((frame) => [...encodeFrame(frame).parts]));
}

const FAULTS: readonly (readonly [name: string, bytes: Uint8Array, says: RegExp, code?: number])[] = [
  ["another version", header(2, 0), /version 2/],
  ["an unknown type", header(1, 0x7f), /type 127/],
  ["an unknown flag", header(1, 0x00, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 8), /flags like 2/],
  ["a reserved byte", header(1, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8), /reserved/],
  ["Data of 4 GiB", header(1, 0x21, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff), /4294967295 bytes/],
  ["a message of 4 GiB", header(1, 0x30, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), /too long/, 1009],
  ["a login of 4 GiB", header(1, 0x01, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), /4294967295 bytes/],
  ["a stream of the hub's parity", frames(open(2)), /cannot be opened by this side/],
  ["a stream id that was there", frames(open(3), open(3)), /has been there/],
  ["data of a stream that never was", frames(data(9, 1)), /never opened/],
  ["data after END", frames(open(1, true), data(1, 1)), /after its END/],
  [
    "more data than credit",
    frames(open(1), ...Array.from({ length: 17 }, () => data(1, 16 * KIB))),
    /credit/,
  ],
  [
    "more credit than there is",
    frames(
      open(1),
      { kind: "window_update", streamId: 1, credit: 0x7fff_ffff },
    ),
    /credit/,
  ],
  ["an answer to a heartbeat that never went", frames(heartbeatAck()), /never went/],
  [
    "an answer to a login",
    frames({ kind: "auth_response", response: { ok: false, code: "a", message: "b" } }),
    /Only hubs/,
  ],
];

function heartbeatAck(): Frame {
  return { kind: "heartbeat", opaque: Uint8Array.of(0, 0, 0, 0, 0, 0, 9, 9), isAck: true };
}

for (const [name, bytes, says, code = 1002] of FAULTS) {
  Deno.test(`Agent faults: ${name} is told in an Error frame, then the connection ends`, async () => {
    const services = new TestServices();
    services.take = () => new Gatherer();
    await using hub = await TestHub.start([], { frameServices: services });
    await using client = await loggedIn(hub.port);
    await client.write(bytes);
    const last = await client.find("error");
    assert.match(last?.error.message ?? "", says);
    assert.equal(last?.error.code, "protocol_error");
    assert.equal(last?.error.closeCode, code);
    assert.equal(await client.next(), null);
    client.finish();
    await hub.metricBecomes("trunkline_agents", 0);
    await hub.metricBecomes(`trunkline_connections_closed_total{code="${code}"}`, 1);
    assert.equal(await hub.metric("tunnel_streams_active"), 0);
  });
}

testPlainAndTls("Agent faults: half a frame and then silence is noticed", async (certificates) => {
  const settings = ["hub.heartbeat={ interval: 100ms, timeout: 200ms }", ...certificates?.settings ?? []];
  await using hub = await TestHub.start(settings);
  await using client = await loggedIn(hub.port, certificates?.ca);
  await client.write(header(1, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0));
  assert.equal((await client.find("error"))?.error.closeCode, 4408);
  await hub.metricBecomes("trunkline_agents", 0);
});

testPlainAndTls("Agent faults: half a login and then silence is noticed", async (certificates) => {
  await using hub = await TestHub.start(["hub.auth_timeout=100ms", ...certificates?.settings ?? []]);
  await using client = await FramesClient.connect({ port: hub.port, ca: certificates?.ca });
  await client.write(frames(AUTH).subarray(0, 20));
  assert.equal((await client.find("error"))?.error.closeCode, 4401);
});

testPlainAndTls(
  "Agent faults: streams opened and reset without end are over, others do not notice",
  async (certificates) => {
    const services = new TestServices();
    await using hub = await TestHub.start(certificates?.settings, { frameServices: services });
    await using quiet = await loggedIn(hub.port, certificates?.ca);
    await using client = await loggedIn(hub.port, certificates?.ca);
    const reset = (streamId: number): Frame => ({
      kind: "close_stream",
      streamId,
      code: 0,
      notStarted: false,
      reason: "",
    });
    await client.write(
      frames(...Array.from({ length: 1000 }, (_, at) => [open(2 * at + 1), reset(2 * at + 1)]).flat()),
    );
    const last = await client.find("error");
    assert.equal(last?.error.closeCode, 1008);
    assert.match(last?.error.message ?? "", /More than 200 streams a second/);
    await hub.metricBecomes("trunkline_agents", 1);
    assert.equal(await hub.metric("tunnel_streams_active"), 0);
    await quiet.send(open(1));
    await hub.metricBecomes("tunnel_streams_active", 1);
  },
);

Deno.test("Agent faults: refused streams without end are over, too", async () => {
  await using hub = await TestHub.start();
  await using client = await loggedIn(hub.port);
  await client.send(...Array.from({ length: 1000 }, (_, at) => open(2 * at + 1)));
  assert.equal((await client.find("error"))?.error.closeCode, 1008);
});

const FLOODS: readonly (readonly [name: string, frame: Frame])[] = [
  ["heartbeats", { kind: "heartbeat", opaque: new Uint8Array(8), isAck: false }],
  ["messages", { kind: "message", message: new TextEncoder().encode("publish:a:1.0.0\n"), isText: false }],
  ["datagrams", { kind: "datagram", tunnelId: 1, flowId: 1, packet: new Uint8Array(0) }],
  ["empty data", data(1, 0)],
];
for (const [name, frame] of FLOODS) {
  Deno.test(`Agent faults: a flood of ${name} is read within its budget`, async () => {
    const services = new TestServices();
    services.take = () => new Gatherer();
    await using hub = await TestHub.start([], { frameServices: services });
    await using client = await FramesClient.connect({ port: hub.port });
    await client.send({ kind: "auth_request", request: { ...REQUEST, features: ["messages"] } });
    assert.equal((await client.find("auth_response"))?.response.ok, true);
    await client.send(open(1));
    await using other = await BrokerClient.connect(hub);
    const one = frames(frame);
    const last = frames({ kind: "heartbeat", opaque: new Uint8Array(8).fill(9), isAck: false });
    const written = client.write(concat([...Array.from({ length: 20_000 }, () => one), last]));
    const flood = (async () => {
      for (
        let ack = await client.find("heartbeat");
        ack?.opaque[0] !== 9;
        ack = await client.find("heartbeat")
      ) {
        assert.ok(ack !== null, "the flood ended the connection");
      }
      return "the flood";
    })();
    const request = other.request("system.heartbeat").then(() => "the other");
    assert.equal(await Promise.race([flood, request]), "the other");
    assert.equal(await flood, "the flood");
    await written;
  });
}

const MESSAGES: readonly (readonly [name: string, message: string | Uint8Array<ArrayBuffer>])[] = [
  ["text", "text"],
  ["an empty message", new Uint8Array(0)],
  ["half a header", Uint8Array.of(1, 0, 0)],
  ["half a frame", Uint8Array.from(frames(AUTH).subarray(0, 20))],
  ["a frame and a half", Uint8Array.from(concat([frames(AUTH), frames(AUTH).subarray(0, 20)]))],
];
for (const [name, message] of MESSAGES) {
  Deno.test(`Agent faults: ${name} in a WebSocket ends it with 1002`, async () => {
    await using hub = await TestHub.start();
    await using client = await WsClient.connect(hub.url("/agent"));
    client.send(message);
    const { code } = await client.closed;
    assert.equal(code, 1002);
    await hub.metricBecomes('trunkline_connections{transport="frames"}', 0);
  });
}

Deno.test("Agent faults: a wrong frame in a WebSocket is told in an Error frame", async () => {
  await using hub = await TestHub.start();
  await using client = await WsClient.connect(hub.url("/agent"));
  client.send(Uint8Array.from(header(1, 0x7f)));
  const answer = await client.next();
  assert.ok(answer instanceof Uint8Array);
  assert.match(new TextDecoder().decode(answer.subarray(12)), /"protocol_error".*type 127/);
  assert.equal((await client.closed).code, 1000);
});

Deno.test("Agent faults: before its login a message is refused at its header, nothing of it is waited for", async () => {
  await using hub = await TestHub.start();
  await using client = await FramesClient.connect({ port: hub.port });
  await client.write(header(1, 0x30, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0));
  const error = (await client.find("error"))?.error;
  assert.equal(error?.closeCode, 4401);
  assert.match(error?.message ?? "", /^Log in first/);
});
