import assert from "node:assert/strict";
import { StreamCode } from "../../src/core/stream_codes.ts";
import { MAX_DIALS_PER_LINK } from "../../src/tunnel/hub_egress.ts";
import type { Resolve } from "../../src/link/resolver.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService } from "../helpers/tcp_echo.ts";
import { Spoke } from "../helpers/spoke.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { connectTokens, echoed, member, namesOf, reach } from "./connect_scene.ts";

const { notAllowed, localRefused } = StreamCode;

function results(hub: TestHub, result: string): Promise<number> {
  return hub.metric(`trunkline_egress_connections_total{result="${result}"}`);
}

Deno.test("Hub egress: whoever has a rule that names the hub is led on, both ways and with each end alone", async () => {
  await using echo = await TcpService.echo();
  await using hub = await TestHub.start(connectTokens({ may: [`hub:127.0.0.1:${echo.port}`] }));
  await using spoke = await member(hub, "may");
  assert.equal(await echoed(spoke, ["hub", "127.0.0.1", echo.port]), "there and back");
  assert.equal(await echoed(spoke, ["hub", "::ffff:127.0.0.1", echo.port]), "there and back");
  assert.equal(await results(hub, "ok"), 2);
  await hub.metricBecomes("trunkline_egress_connections_active", 0);
});

Deno.test("Hub egress: megabytes pass, and a service that ends first is still sent the rest", async () => {
  const size = 4 * 1024 * 1024;
  const heard = Promise.withResolvers<number>();
  await using service = await TcpService.start((socket) => {
    let bytes = 0;
    socket.end("bye");
    socket.on("data", (chunk: Uint8Array) => bytes += chunk.length);
    socket.on("end", () => heard.resolve(bytes));
  });
  await using hub = await TestHub.start(connectTokens({ may: ["hub:127.0.0.1:*"] }));
  await using spoke = await member(hub, "may");
  const { stream, gatherer } = reach(spoke, ["hub", "127.0.0.1", service.port]);
  stream.write(new Uint8Array(size));
  stream.end();
  assert.equal(await gatherer.over, null);
  assert.deepEqual([gatherer.text, await heard.promise], ["bye", size]);
});

Deno.test("Hub egress: nobody else is led on, with no rule or with a star for the agent", async () => {
  await using echo = await TcpService.echo();
  const tokens = connectTokens({ star: ["*:*:*", "h*:*:*"], none: [] });
  await using hub = await TestHub.start(tokens);
  for (const who of ["star", "none"]) {
    await using spoke = await member(hub, who);
    assert.equal(await echoed(spoke, ["hub", "127.0.0.1", echo.port]), notAllowed);
    assert.equal(await echoed(spoke, ["hub", "localhost", echo.port]), notAllowed);
  }
  assert.equal(await results(hub, "denied"), 4);
  assert.equal(await hub.metric('trunkline_security_events_total{kind="denied"}'), 4);
  assert.equal(echo.sockets.size, 0);
});

Deno.test("Hub egress: on a hub without logins nobody is led on, not even its operator", async () => {
  await using echo = await TcpService.echo();
  const resolve = namesOf({});
  await using hub = await TestHub.start([], { resolve });
  await using spoke = await Spoke.member({ port: hub.port });
  assert.equal(await echoed(spoke, ["hub", "127.0.0.1", echo.port]), notAllowed);
  assert.equal(await echoed(spoke, ["hub", "db.example", echo.port]), notAllowed);
  assert.deepEqual(resolve.asked, [], "nothing was resolved for it");
});

Deno.test("Hub egress: a name is checked again by what it leads to", async () => {
  await using echo = await TcpService.echo();
  const resolve = namesOf({
    "evil.lan": ["127.0.0.1"],
    "two.example": ["192.0.2.1", "127.0.0.1"],
    "meta.lan": ["169.254.169.254"],
  });
  const rights = { names: [`hub:*.lan:${echo.port}`], addresses: [`hub:127.0.0.0/8:${echo.port}`] };
  await using hub = await TestHub.start(connectTokens(rights), { resolve });
  await using names = await member(hub, "names", "one");
  await using addresses = await member(hub, "addresses", "two");
  assert.equal(await echoed(names, ["hub", "evil.lan", echo.port]), notAllowed);
  assert.equal(await echoed(names, ["hub", "meta.lan", echo.port]), notAllowed);
  assert.equal(await echoed(names, ["hub", "no.lan", echo.port]), localRefused);
  assert.equal(await echoed(addresses, ["hub", "two.example", echo.port]), "there and back");
  assert.equal(await echoed(addresses, ["hub", "no.example", echo.port]), notAllowed);
  assert.deepEqual(resolve.asked, ["evil.lan", "meta.lan", "no.lan", "two.example", "no.example"]);
  assert.equal(await results(hub, "failed"), 1);
});

Deno.test("Hub egress: a service that refuses, and one that resets, are told apart", async () => {
  await using rude = await TcpService.start((socket) => {
    socket.once("data", () => socket.resetAndDestroy());
  });
  await using hub = await TestHub.start(connectTokens({ may: ["hub:127.0.0.1:*"] }));
  await using spoke = await member(hub, "may");
  const refused = await reach(spoke, ["hub", "127.0.0.1", freePort()]).gatherer.over;
  assert.deepEqual([refused?.code, refused?.notStarted], [localRefused, true]);
  const { stream, gatherer } = reach(spoke, ["hub", "127.0.0.1", rude.port]);
  stream.write(Uint8Array.of(1));
  const reset = await gatherer.over;
  assert.deepEqual([reset?.code, reset?.notStarted], [StreamCode.localReset, false]);
});

/** A resolver that answers when a test says so, and knows what it was asked. */
function slowNames() {
  const asked: string[] = [];
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  const names: Resolve = (name) => {
    asked.push(name);
    return promise;
  };
  return { resolve: names, asked, answer: () => resolve(["127.0.0.1"]) };
}

Deno.test("Hub egress: a stream that is reset while its name is looked up leaves nothing", async () => {
  const { resolve, asked, answer } = slowNames();
  await using hub = await TestHub.start(connectTokens({ may: ["hub:*:*"] }), { resolve });
  await using spoke = await member(hub, "may");
  const { stream } = reach(spoke, ["hub", "db.example", 22]);
  await hub.metricBecomes("trunkline_egress_connections_active", 1);
  stream.reset(StreamCode.cancelled);
  await hub.metricBecomes("trunkline_egress_connections_active", 0);
  assert.equal(await results(hub, "cancelled"), 1);
  answer();
  assert.deepEqual(asked, ["db.example"]);
});

Deno.test("Hub egress: so many dials of one spoke are in progress, and others still have theirs", async () => {
  const { resolve, answer } = slowNames();
  const tokens = connectTokens({ may: ["hub:*:*"], else: ["hub:*:*"] });
  await using hub = await TestHub.start(tokens, { resolve });
  await using spoke = await member(hub, "may", "one");
  for (let at = 0; at < MAX_DIALS_PER_LINK; at++) reach(spoke, ["hub", "db.example", 22]);
  for (let times = 0; times < 3; times++) {
    assert.equal(await echoed(spoke, ["hub", "127.0.0.1", 22]), StreamCode.overLimit);
  }
  assert.equal(await results(hub, "over_limit"), 3);
  assert.equal(await hub.metric('trunkline_egress_over_limit_total{limit="dials"}'), 3);
  await using echo = await TcpService.echo();
  await using other = await member(hub, "else", "two");
  assert.equal(await echoed(other, ["hub", "127.0.0.1", echo.port]), "there and back");
  await spoke[Symbol.asyncDispose]();
  await hub.metricBecomes("trunkline_egress_connections_active", 0);
  assert.equal(await results(hub, "cancelled"), MAX_DIALS_PER_LINK);
  answer();
});

Deno.test("Hub egress: whoever opens and resets, on as many connections as he likes, looks up no more", async () => {
  const { resolve, asked, answer } = slowNames();
  const tokens = connectTokens({ attacker: ["hub:*:*"], may: ["hub:localhost:*"] });
  await using hub = await TestHub.start(tokens, {
    resolve: (name) => name === "localhost" ? Promise.resolve(["127.0.0.1"]) : resolve(name),
  });
  const overLimit = 'trunkline_egress_connections_total{result="over_limit"}';
  for (let connection = 0; connection < 5; connection++) {
    await using spoke = await member(hub, "attacker", `attacker-${connection}`);
    const streams = [];
    for (let at = 0; at < MAX_DIALS_PER_LINK; at++) {
      streams.push(reach(spoke, ["hub", `x${connection}-${at}.example`, 22]).stream);
    }
    if (connection < 2) await hub.metricBecomes("trunkline_egress_connections_active", MAX_DIALS_PER_LINK);
    else await hub.metricBecomes(overLimit, MAX_DIALS_PER_LINK * (connection - 1));
    for (const stream of streams) stream.reset(StreamCode.cancelled);
    await hub.metricBecomes("trunkline_egress_connections_active", 0);
  }
  // Each counts until the system has answered, not until nobody waits any more.
  assert.equal(asked.length, 8);
  assert.equal(
    await hub.metric('trunkline_egress_over_limit_total{limit="lookups"}'),
    3 * MAX_DIALS_PER_LINK,
  );
  await using echo = await TcpService.echo();
  await using other = await member(hub, "may");
  assert.equal(await echoed(other, ["hub", "localhost", echo.port]), "there and back");
  answer();
});

Deno.test("Hub egress: no agent is called as the hub is", async () => {
  await using hub = await TestHub.start();
  await using spoke = await Spoke.connect({ port: hub.port });
  const response = await spoke.login({ agentId: "hub" });
  assert.deepEqual(response, {
    ok: false,
    code: "name_not_allowed",
    message: 'No agent may be called "hub": the hub itself is; give it another id',
  });
  assert.equal((await spoke.ended).code, 4403);
});
