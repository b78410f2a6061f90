import assert from "node:assert/strict";
import fc from "fast-check";
import { StreamQueue, type StreamSource } from "../../src/link/stream_queue.ts";
import { End, KIB, pattern } from "./mux_pair.ts";

class Source implements StreamSource {
  isQueued = false;
  isOver = false;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }

  peekBytes(): number {
    return this.isOver ? 0 : 1;
  }

  take() {
    this.isOver = true;
    return { parts: [Uint8Array.of(this.name)], bytes: 1 };
  }
}

Deno.test("Stream queue: a turn has as many frames as fit into its bytes, and one at least", () => {
  for (
    const [turnBytes, wanted] of [[1, "abcabc"], [10, "abcabc"], [11, "aabbcc"], [1000, "aabbcc"]] as const
  ) {
    const pacer = { isFull: false, turnBytes, sent: () => null };
    const control = { bytes: 0, takeInto: () => 0, clear: () => {} };
    const queue = new StreamQueue({ pacer, control, wake: () => {} });
    let order = "";
    for (const name of ["a", "b", "c"]) {
      let left = 2;
      queue.add({
        isQueued: false,
        peekBytes: () => left > 0 ? 10 : 0,
        take: () => {
          left--;
          order += name;
          return { parts: [], bytes: 10 };
        },
      });
    }
    while (queue.take() !== undefined);
    assert.equal(order, wanted, `${turnBytes}`);
  }
});

Deno.test("Stream queue: whatever is over in between, the others keep their turns and their order", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 250 }), (isDropped) => {
      const pacer = { isFull: true, turnBytes: 1, sent: () => null };
      const control = { bytes: 0, takeInto: () => 0, clear: () => {} };
      const queue = new StreamQueue({ pacer, control, wake: () => {} });
      const sources = isDropped.map((_, name) => new Source(name));
      for (const source of sources) queue.add(source);
      const dropped = sources.filter(({ name }) => isDropped[name] === true);
      for (const source of dropped) {
        source.isOver = true;
        queue.drop(source);
      }
      const left = sources.length - dropped.length;
      assert.ok(queue.bytes <= 12 * Math.max(2 * left, left + 33), `${queue.bytes} bytes`);
      pacer.isFull = false;
      const taken: number[] = [];
      for (let next = queue.take(); next !== undefined; next = queue.take()) {
        taken.push(next.parts[0]?.[0] ?? -1);
      }
      assert.deepEqual(
        taken,
        sources.filter(({ name }) => isDropped[name] === false).map(({ name }) => name),
      );
      assert.deepEqual([queue.bytes, queue.length], [0, 0]);
    }),
  );
});

Deno.test("Stream mux: streams that are over do not wait for a peer that reads nothing", () => {
  const hub = new End("hub", { peerInitialBytes: 64 * 1024 * KIB });
  // Nobody takes what the socket holds.
  for (let i = 0; i < 8; i++) hub.open().stream.write(pattern(1024 * KIB));
  while (!hub.mux.measured.isFull) hub.flush();
  const before = hub.mux.queue.bytes;
  for (let i = 0; i < 5000; i++) {
    const { stream } = hub.open();
    stream.write(pattern(10));
    stream.reset(0);
  }
  assert.ok(hub.mux.queue.bytes - before < 1000, `${hub.mux.queue.bytes - before} bytes more`);
});
