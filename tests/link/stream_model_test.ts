import assert from "node:assert/strict";
import fc from "fast-check";
import { until } from "../helpers/event_loop.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { framesPair, openOn } from "./frames_pair.ts";
import { KIB, MuxPair } from "./mux_pair.ts";
import { StreamModel, streamSteps } from "./stream_model.ts";

/**
 * Windows that are small beside what is written. A piece counts more than its bytes, and the pipe may cut every byte
 * apart: with the usual cap a stream that is not read would be reset for that, as it should.
 */
const SMALL = {
  windows: { initialBytes: 16 * KIB, maxBytes: 64 * KIB, connectionBytes: 1024 * 1024 * KIB },
  peerInitialBytes: 16 * KIB,
};

Deno.test("Streams: every byte arrives in order through a pipe that cuts anywhere, whatever is done", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(streamSteps, cuts, (steps, lengths) => {
      const pair = new MuxPair({ hub: SMALL, spoke: SMALL });
      const { hub, spoke } = pair;
      let cut = 0;
      const model = new StreamModel({
        open: (tag) => (tag % 2 === 0 ? hub : spoke).open(tag),
        accepted: (tag) => (tag % 2 === 0 ? spoke : hub).accepted.find((reader) => reader.tag === tag),
      });
      for (const step of steps) {
        model.apply(step);
        if (step.what !== "turn") continue;
        const end = step.byOpener ? hub : spoke;
        end.flush();
        pair.move(end, { maxBytes: step.bytes, cut: () => lengths[cut++ % lengths.length] ?? 1 });
        end.clock.ms += step.stream;
        const streams = hub.accepted.length + spoke.accepted.length;
        for (const { mux } of [hub, spoke]) assert.ok(mux.unreadBytes <= streams * SMALL.windows.maxBytes);
      }
      model.resumeAll();
      pair.settle();
      assert.deepEqual([hub.fault, spoke.fault], [null, null]);
      assert.ok(model.isDone);
      model.check();
      assert.deepEqual([hub.mux.unreadBytes, spoke.mux.unreadBytes], [0, 0]);
      assert.deepEqual([hub.outbox.heldBytes, spoke.outbox.heldBytes], [0, 0]);
      assert.deepEqual([hub.stats.active, spoke.stats.active], [hub.mux.size, spoke.mux.size]);
    }),
    { numRuns: 200 },
  );
});

testPlainAndTls(
  "Streams: every byte arrives in order over a socket, whatever is done",
  async (certificates) => {
    await fc.assert(
      fc.asyncProperty(streamSteps, async (steps) => {
        await using pair = await framesPair({ certificates, limits: SMALL });
        const { hub, spoke } = pair;
        const model = new StreamModel({
          open: (tag) => openOn(tag % 2 === 0 ? hub : spoke, tag),
          accepted: (tag) =>
            (tag % 2 === 0 ? spoke : hub).owner.accepted.find((reader) => reader.tag === tag),
        });
        for (const step of steps) {
          model.apply(step);
          if (step.what === "turn") await new Promise<void>((next) => setImmediate(next));
        }
        model.resumeAll();
        await until(() => {
          model.resumeAll();
          return model.isDone || hub.owner.events.length > 0;
        });
        assert.deepEqual([hub.owner.events, spoke.owner.events], [[], []]);
        model.check();
      }),
      { numRuns: 15 },
    );
  },
);
