import assert from "node:assert/strict";
import type { Encoded } from "../../src/core/transport.ts";
import { LinkPacer } from "../../src/link/link_pacer.ts";
import { StreamStats } from "../../src/link/stream_stats.ts";
import { concat } from "../helpers/prefixed.ts";
import { decoderOf } from "../wire/frames.ts";

/** A pacer in time that goes on when told to. */
function setUp() {
  const clock = { ms: 0, now: () => clock.ms };
  const sent: Encoded[] = [];
  const pacer = new LinkPacer({ clock, turnClock: clock }, new StreamStats());
  return { clock, pacer, sent, send: (heartbeat: Encoded) => void sent.push(heartbeat) };
}

function opaqueOf(heartbeat: Encoded): Uint8Array {
  const { decoder, sink } = decoderOf();
  decoder.feed(concat(heartbeat.parts));
  const [frame] = sink.frames;
  assert.ok(frame?.kind === "heartbeat" && !frame.isAck);
  return frame.opaque;
}

Deno.test("Link pacer: an answer to a later heartbeat answers the earlier ones too", async () => {
  const { pacer, clock, sent, send } = setUp();
  const first = pacer.ping(60_000, send);
  clock.ms = 3;
  const second = pacer.ping(60_000, send);
  clock.ms = 10;
  assert.equal(pacer.acknowledged(opaqueOf(sent[1] ?? assert.fail()), send), true);
  assert.deepEqual(await Promise.all([first, second]), [10, 7]);
});

Deno.test("Link pacer: who only reads asks for the round trip now and then, not each time", () => {
  const { pacer, clock, send } = setUp();
  const asked = pacer.askIfStale();
  assert.ok(asked);
  assert.equal(pacer.askIfStale(), null);
  clock.ms = 4;
  assert.ok(pacer.acknowledged(opaqueOf(asked), send));
  assert.equal(pacer.roundTripMs, 4);
  clock.ms = 10_003;
  assert.equal(pacer.askIfStale(), null);
  clock.ms = 10_004;
  assert.ok(pacer.askIfStale());
});

Deno.test("Link pacer: a heartbeat that never went is no answer", () => {
  const { pacer, send } = setUp();
  assert.equal(pacer.acknowledged(new Uint8Array(8).fill(255), send), false);
});
