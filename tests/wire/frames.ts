/** Frames of every kind for property tests, and a sink that writes down what a decoder gives. */
import fc from "fast-check";
import type { Frame, OtherFrame } from "../../src/wire/frame.ts";
import { FrameDecoder, type FrameSink } from "../../src/wire/frame_decoder.ts";
import type { FrameFault } from "../../src/wire/frame_header.ts";
import { MAX_REFS } from "../../src/wire/frame_payloads.ts";

/** The longest Message of the tests. */
export const MAX_MESSAGE_BYTES = 20_000;

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const big = fc.nat(16 * 1024).map((length) => new Uint8Array(length).map((_, i) => i * 7 + (i >> 8)));
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const streamId = fc.oneof(fc.integer({ min: 1, max: 0xffff_ffff }), fc.constantFrom(1, 2, 0xffff_ffff));
const word = fc.string({ minLength: 1, maxLength: 20 });
const port = fc.nat(65_535);
const endpoint = fc.record({ ip: fc.ipV4(), port });
const retryAfterMs = fc.nat(100_000);

const open = fc.oneof(
  fc.record({ tunnelId: uint32, src: endpoint, dst: endpoint, sni: word, ref: fc.nat(MAX_REFS - 1) }, {
    requiredKeys: ["tunnelId", "src", "dst"],
  }),
  fc.record({ target: fc.record({ agent: word, host: word, port }), src: endpoint }, {
    requiredKeys: ["target"],
  }),
);
const authRequest = fc.record(
  { token: word, agentId: word, session: word, tenant: word, resume: word, features: fc.array(word) },
  { requiredKeys: ["agentId", "session", "features"] },
);
const authResponse = fc.oneof(
  fc.record({
    ok: fc.constant(true as const),
    connectionId: word,
    agentId: word,
    accountId: word,
    tenant: word,
    resume: word,
    limits: fc.constant({ streams: 5 }),
  }),
  fc.record({ ok: fc.constant(false as const), code: word, message: word, retryAfterMs }, {
    requiredKeys: ["ok", "code", "message"],
  }),
);
const registerTunnel = fc.record(
  {
    requestId: word,
    kind: fc.constantFrom("http" as const, "tcp" as const, "udp" as const, "tun" as const),
    subdomain: word,
    remotePort: port,
    weight: fc.nat(100),
  },
  { requiredKeys: ["requestId", "kind"] },
);
const tunnelResponse = fc.oneof(
  fc.record({ requestId: word, ok: fc.constant(true as const), tunnelId: uint32, url: word }),
  fc.record({ requestId: word, ok: fc.constant(false as const), code: word, message: word }),
);
const error = fc.record(
  { code: word, message: word, closeCode: fc.integer({ min: 1000, max: 4999 }), retryAfterMs },
  { requiredKeys: ["code", "message"] },
);

function of<K extends string, T extends Record<string, fc.Arbitrary<unknown>>>(kind: K, fields: T) {
  // The clone has ordinary prototypes, as parsed JSON does.
  const record = fc.record({ kind: fc.constant(kind), ...fields }).map((frame) => structuredClone(frame));
  return record as unknown as fc.Arbitrary<Frame>;
}

/** Any frame. */
export const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
  of("heartbeat", { opaque: fc.uint8Array({ minLength: 8, maxLength: 8 }), isAck: fc.boolean() }),
  of("auth_request", { request: authRequest }),
  of("auth_response", { response: authResponse }),
  of("register_tunnel", { request: registerTunnel }),
  of("unregister_tunnel", { request: fc.record({ requestId: word, tunnelId: uint32 }) }),
  of("tunnel_response", { response: tunnelResponse }),
  of("open_stream", { streamId, open, isEnd: fc.boolean() }),
  of("open_again", { streamId, ref: fc.nat(MAX_REFS - 1), payload: bytes(50), isEnd: fc.boolean() }),
  of("data", { streamId, payload: fc.oneof(bytes(50), big), isEnd: fc.boolean() }),
  of("close_stream", { streamId, code: uint32, notStarted: fc.boolean(), reason: word }),
  of("window_update", { streamId, credit: fc.integer({ min: 1, max: 0x7fff_ffff }) }),
  of("message", { message: fc.oneof(bytes(50), big), isText: fc.boolean() }),
  of("datagram", { tunnelId: uint32, flowId: fc.nat(0xffff), packet: fc.oneof(bytes(50), big) }),
  of("go_away", {
    goAway: fc.record({ reason: word, retryAfterMs }, { requiredKeys: ["reason"] }),
  }),
  of("error", { error }),
);

/** Writes down what it gets; Data frames that came in pieces are put together again. */
export class RecordingSink implements FrameSink {
  readonly frames: Frame[] = [];
  /** Data as it came, piece by piece. */
  readonly pieces: Uint8Array[] = [];
  spentAfter = Infinity;

  data(streamId: number, payload: Uint8Array, isEnd: boolean): FrameFault | null {
    this.pieces.push(payload);
    this.frames.push({ kind: "data", streamId, payload, isEnd });
    return null;
  }

  frame(frame: OtherFrame): FrameFault | null {
    this.frames.push(frame);
    return null;
  }

  isSpent(): boolean {
    return this.frames.length >= this.spentAfter;
  }
}

/** A decoder and its sink. */
export function decoderOf(maxMessageBytes = MAX_MESSAGE_BYTES) {
  const sink = new RecordingSink();
  return { sink, decoder: new FrameDecoder(maxMessageBytes, sink) };
}

/** The same frames with the neighbouring Data of one stream joined, which is what has to be the same. */
export function normalized(frames: readonly Frame[]): Frame[] {
  const joined: Frame[] = [];
  for (const frame of frames) {
    const last = joined.at(-1);
    if (
      frame.kind === "data" && last?.kind === "data" && last.streamId === frame.streamId && !last.isEnd
    ) {
      const payload = new Uint8Array(last.payload.length + frame.payload.length);
      payload.set(last.payload);
      payload.set(frame.payload, last.payload.length);
      joined[joined.length - 1] = { ...frame, payload };
    } else joined.push(frame);
  }
  return joined;
}
