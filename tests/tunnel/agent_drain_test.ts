import assert from "node:assert/strict";
import { StreamCode } from "../../src/core/stream_codes.ts";
import { Gatherer, Spoke } from "../helpers/spoke.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { OPEN, openStream, TestServices } from "./stream_services.ts";
import { testWays } from "./ways.ts";

const encoder = new TextEncoder();

testWays(
  "Agent drain: streams that run finish, new ones are refused, then it is told to come back",
  async (way) => {
    const services = new TestServices();
    await using hub = await TestHub.start(way.settings, { frameServices: services });
    await using spoke = await Spoke.member({ port: hub.port, ...way.via, accept: Gatherer.echo });
    const link = await services.link();
    const own = openStream(spoke.transport.mux);
    own.stream.write(encoder.encode("before"));
    await hub.metricBecomes("tunnel_streams_active", 1);
    await using idle = await Spoke.member({ port: hub.port, ...way.via }, { agentId: "idle" });
    const stopped = hub.server.stop();
    const goAway = await spoke.goAways.next();
    assert.equal(goAway?.reason, "The hub stops");
    assert.ok((goAway?.retryAfterMs ?? -1) >= 0);
    assert.deepEqual(await idle.ended, { code: 4503, reason: "" }, "who has no streams goes at once");
    assert.equal(link.open(OPEN, new Gatherer()), "going_away");
    own.stream.write(encoder.encode(" and after"));
    own.stream.end();
    assert.equal(await own.gatherer.over, null);
    assert.equal(own.gatherer.text, "before and after");
    assert.equal((await spoke.ended).code, 4503);
    await stopped;
  },
);

Deno.test("Agent drain: an agent that opens a stream all the same is refused with 8", async () => {
  const services = new TestServices();
  await using hub = await TestHub.start([], { frameServices: services });
  await using spoke = await Spoke.member({ port: hub.port, accept: () => new Gatherer() });
  const link = await services.link();
  const running = openStream(link);
  await hub.metricBecomes("tunnel_streams_active", 1);
  const stopped = hub.server.stop();
  // Opened before the word arrives: nothing of the hub was read yet.
  const late = openStream(spoke.transport.mux);
  const reset = await late.gatherer.over;
  assert.deepEqual([reset?.code, reset?.notStarted], [StreamCode.draining, true]);
  running.stream.reset(StreamCode.cancelled);
  assert.equal((await spoke.ended).code, 4503);
  await stopped;
});

Deno.test("Agent drain: streams that do not finish end with the time of grace", async () => {
  const services = new TestServices();
  await using hub = await TestHub.start(["shutdown.grace=50ms"], { frameServices: services });
  await using spoke = await Spoke.member({ port: hub.port, accept: () => new Gatherer() });
  const { gatherer } = openStream(await services.link());
  await hub.metricBecomes("tunnel_streams_active", 1);
  await hub.server.stop();
  assert.equal((await gatherer.over)?.origin, "link");
  assert.equal((await spoke.ended).code, 4503);
});
