/** Reading whole messages where they lie and the rest with the receiver of `ws` is as if it had read everything. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ClientFrames } from "../../src/wire/client_frames.ts";
// @ts-types="../../src/link/ws_types.d.ts"
import { Receiver } from "ws";

const MAX_BYTES = 300;

/** A receiver as the transport has it, and what it said. */
function receiver() {
  const events: string[] = [];
  const state = { isOver: false };
  const one = new Receiver({
    isServer: true,
    maxPayload: MAX_BYTES,
    maxFragments: 3,
    maxBufferedChunks: 1024,
    skipUTF8Validation: false,
    allowSynchronousEvents: true,
  });
  const say = (...words: unknown[]) => void events.push(words.join(" "));
  const end = (...words: unknown[]) => {
    say(...words);
    state.isOver = true;
  };
  one.on("message", (data, isBinary) => say("message", isBinary, [...data]));
  one.on("ping", (data) => say("ping", [...data])).on("pong", (data) => say("pong", [...data]));
  one.on("conclude", (code, reason) => end("conclude", code, [...reason]));
  one.on("error", ({ code, message }) => end("error", code, message));
  return { one, events, state, say };
}

/** Waits until what was written was handled: an error is told a little later. */
async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

/** All bytes to the receiver, one by one. */
async function readWith(bytes: Uint8Array): Promise<string[]> {
  const { one, events, state } = receiver();
  for (let at = 0; at < bytes.length; at++) {
    if (state.isOver) break;
    one.write(bytes.slice(at, at + 1));
  }
  await settled();
  one.destroy();
  return events;
}

/** As the transport does it; `wholes` counts what was read where it lay. */
async function readBoth(chunks: readonly Uint8Array[], sliceBytes: number) {
  const { one, events, state, say } = receiver();
  const frames = new ClientFrames(MAX_BYTES);
  let wholes = 0;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length && !state.isOver;) {
      const message = frames.wholeMessage(chunk, at);
      if (message !== null) {
        wholes++;
        say("message", chunk[at] === 0x82, [...message]);
        at = message.byteOffset - chunk.byteOffset + message.length;
        continue;
      }
      const stop = frames.follow(chunk, at, Math.min(at + sliceBytes, chunk.length));
      assert.ok(stop > at && stop <= at + sliceBytes, "it goes on");
      one.write(chunk.subarray(at, stop));
      // The stream tells of an error only later.
      if (one.errored !== null) state.isOver = true;
      at = stop;
    }
  }
  await settled();
  one.destroy();
  return { events, wholes };
}

interface Frame {
  readonly first: number;
  readonly payload: Uint8Array;
  readonly mask: Uint8Array | null;
  /** Bytes of the length that are more than it needs. */
  readonly form: 0 | 2 | 8;
}

function encode({ first, payload, mask, form }: Frame): Uint8Array {
  const { length } = payload;
  const least = length < 126 ? 0 : 2;
  const lengthBytes = Math.max(form, least);
  const short = lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127;
  const head = [first, (mask === null ? 0 : 0x80) | short];
  for (let i = lengthBytes - 1; i >= 0; i--) head.push(i > 3 ? 0 : (length >>> (8 * i)) & 0xff);
  const masked = mask === null ? payload : payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return Uint8Array.from([...head, ...mask ?? [], ...masked]);
}

const texts = fc.string({ unit: "binary", maxLength: 60 }).map((text) => new TextEncoder().encode(text));
const payloads = fc.oneof(
  { weight: 6, arbitrary: texts },
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 160 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 280, maxLength: 320 }) },
);
const masks = fc.oneof(
  { weight: 20, arbitrary: fc.uint8Array({ minLength: 4, maxLength: 4 }) },
  { weight: 4, arbitrary: fc.constant(new Uint8Array(4)) },
  { weight: 1, arbitrary: fc.constant(null) },
);
const frames: fc.Arbitrary<Frame> = fc.record({
  // Whole texts and binaries, their first and later pieces, ping, pong, close, and what is none of them.
  first: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(0x81, 0x82) },
    { weight: 8, arbitrary: fc.constantFrom(0x01, 0x02, 0x00, 0x00, 0x80, 0x89, 0x8a) },
    { weight: 1, arbitrary: fc.constantFrom(0x88, 0x83, 0xc1, 0x91, 0x09) },
  ),
  payload: payloads,
  mask: masks,
  form: fc.constantFrom(0, 0, 0, 0, 2, 8 as const),
});
const ill = fc.record({ at: fc.nat(), bits: fc.integer({ min: 1, max: 255 }) });
const cuts = fc.array(fc.nat(400), { maxLength: 30 });

const MASK = Uint8Array.of(1, 2, 3, 4);
const frame = (first: number, ...payload: number[]): Frame => (
  { first, payload: Uint8Array.from(payload), mask: MASK, form: 0 }
);
/** What chance may leave out. */
const CERTAIN: readonly Frame[][] = [
  [frame(0x01, 97), ...Array.from({ length: 4 }, () => frame(0x00, 98))],
  [frame(0x81, 97), frame(0x88, 3, 232, 98, 121)],
];

function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    chunks.push(bytes.slice(at, at + length));
    at += length;
  }
  return [...chunks, bytes.slice(at)];
}

Deno.test("Client frames: whatever comes in whatever pieces, it is read as the receiver alone reads it", async () => {
  let wholes = 0;
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(frames, { maxLength: 12 }),
      fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(ill, { maxLength: 3 })),
      fc.oneof(fc.constant([]), cuts),
      fc.integer({ min: 1, max: 1024 }),
      async (sent, ills, lengths, sliceBytes) => {
        const bytes = Uint8Array.from(sent.flatMap((frame) => [...encode(frame)]));
        for (const { at, bits } of ills) if (bytes.length > 0) (bytes[at % bytes.length] as number) ^= bits;
        const expected = await readWith(bytes);
        const got = await readBoth(cut(bytes, lengths), sliceBytes);
        assert.deepEqual(got.events, expected);
        wholes += got.wholes;
        for (const event of expected) {
          const kind = event.split(" ").slice(0, event.startsWith("error") ? 2 : 1).join(" ");
          seen.set(kind, (seen.get(kind) ?? 0) + 1);
        }
      },
    ),
    {
      numRuns: 3000,
      examples: CERTAIN.map((sent): [Frame[], [], [], number] => [sent, [], [], 1024]),
    },
  );
  // It was about something.
  assert.ok(wholes > 1000, `${wholes} were read where they lay`);
  const codes = [
    "INVALID_UTF8",
    "UNSUPPORTED_MESSAGE_LENGTH",
    "EXPECTED_MASK",
    "INVALID_OPCODE",
    "TOO_MANY_BUFFERED_PARTS",
  ];
  for (
    const kind of [
      "message",
      "ping",
      "pong",
      "conclude",
      ...codes.map((code) => `error WS_ERR_${code}`),
    ]
  ) {
    assert.ok(seen.has(kind), `${kind} never came: ${[...seen.keys()]}`);
  }
});

Deno.test("Client frames: a message is a view of what came, unmasked in place", () => {
  const payload = new TextEncoder().encode("hello");
  const chunk = encode({ first: 0x81, payload, mask: Uint8Array.of(1, 2, 3, 4), form: 0 });
  const frames = new ClientFrames(MAX_BYTES);
  const message = frames.wholeMessage(chunk, 0);
  assert.ok(message);
  assert.equal(message.buffer, chunk.buffer);
  assert.equal(message.byteOffset + message.length, chunk.byteOffset + chunk.length);
  assert.deepEqual([...message], [...payload]);
});
