import assert from "node:assert/strict";
import fc from "fast-check";
import { OpenReader, OpenWriter } from "../../src/link/open_refs.ts";
import { encodeFrame, encodeOpenStream, type OtherFrame } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { MAX_REFS, type OpenStream, SharedOpen } from "../../src/wire/frame_payloads.ts";
import { framesPair } from "./frames_pair.ts";

const HEADER_BYTES = 12;
const FIRST = new TextEncoder().encode("1\n2");

function openFor(port: number): OpenStream {
  const end = { ip: "192.0.2.1", port };
  return { tunnelId: 1 + port % 3, src: end, dst: end };
}

/** Both ends, with the codec between them. */
class Ends {
  readonly writer = new OpenWriter();
  readonly #reader = new OpenReader();
  readonly #decoder = new FrameDecoder(0, {
    data: () => null,
    frame: (frame) => {
      this.#last = frame;
      return null;
    },
    isSpent: () => false,
  });
  #last: OtherFrame | null = null;
  /** Of the last frame, its header aside. */
  payloadBytes = 0;

  pass(open: OpenStream | SharedOpen): OpenStream | undefined {
    const [streamId, ref] = [2, this.writer.refOf(open)];
    const { parts, bytes } = ref === undefined
      ? encodeOpenStream({ streamId, open: this.writer.told(open), isEnd: false })
      : encodeFrame({ kind: "open_again", streamId, ref, payload: FIRST, isEnd: false });
    for (const part of parts) this.#decoder.feed(part);
    assert.equal(this.#decoder.fault, null);
    this.payloadBytes = bytes - HEADER_BYTES;
    const frame = this.#last;
    if (frame?.kind === "open_again") {
      assert.deepEqual(new Uint8Array(frame.payload), FIRST);
      return this.#reader.get(frame.ref);
    }
    assert.ok(frame?.kind === "open_stream");
    this.#reader.keep(frame.open);
    return frame.open;
  }
}

function withoutRef(open: OpenStream | undefined): unknown {
  const { ref: _, ...rest } = { ref: 0, ...open };
  return rest;
}

Deno.test("Open refs: whatever is opened again, the other end opens the same", () => {
  const shared = Array.from({ length: MAX_REFS + 200 }, (_, port) => new SharedOpen(openFor(port)));
  const use = fc.record({ at: fc.nat(shared.length - 1), isShared: fc.boolean() });
  fc.assert(
    fc.property(fc.array(use, { maxLength: 5000, size: "max" }), (uses) => {
      const ends = new Ends();
      ends.writer.allowRefs();
      for (const { at, isShared } of uses) {
        const open = shared[at];
        assert.ok(open !== undefined);
        assert.deepEqual(withoutRef(ends.pass(isShared ? open : open.open)), open.open);
      }
    }),
    { numRuns: 20 },
  );
});

Deno.test("Open refs: the second time takes a few bytes, and again after its ref went to another", () => {
  const ends = new Ends();
  ends.writer.allowRefs();
  const first = new SharedOpen(openFor(1));
  ends.pass(first);
  assert.ok(ends.payloadBytes > 50);
  ends.pass(first);
  assert.ok(ends.payloadBytes <= 4 + 1 + FIRST.length);
  for (let port = 2; port < 2 + MAX_REFS; port++) ends.pass(new SharedOpen(openFor(port)));
  assert.deepEqual(withoutRef(ends.pass(first)), first.open);
  assert.ok(ends.payloadBytes > 50);
});

Deno.test("Open refs: who does not know them gets all of it each time, and no ref", () => {
  const ends = new Ends();
  const open = new SharedOpen(openFor(1));
  for (const _ of [1, 2]) assert.deepEqual(ends.pass(open), open.open);
});

for (const [name, from] of [["that was never given", "hub"], ["of an agent", "spoke"]] as const) {
  Deno.test(`Open refs: one ${name} ends the connection`, async () => {
    await using pair = await framesPair();
    const far = from === "hub" ? pair.spoke : pair.hub;
    const near = from === "hub" ? pair.hub : pair.spoke;
    const streamId = from === "hub" ? 2 : 1;
    near.transport.outbox.push(
      "control",
      encodeFrame({ kind: "open_again", streamId, ref: 3, payload: FIRST, isEnd: false }),
    );
    await far.owner.closed;
    const message = `Stream ${streamId} is opened by a ref that means nothing`;
    assert.deepEqual(far.owner.events, [`closing 1002 ${message}`, "closed"]);
  });
}
