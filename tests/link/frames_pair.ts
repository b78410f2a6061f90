/** Both ends of a connection of frames over a real socket, plain or TLS. */
import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { createSecureContext } from "node:tls";
import { systemClock } from "../../src/core/ports.ts";
import { Flusher } from "../../src/link/flusher.ts";
import { FramesTransport, type OwnerFrame } from "../../src/link/frames_transport.ts";
import { type GatedSocket, PlainSocket, TlsGate } from "../../src/link/gated_socket.ts";
import { LinkStats } from "../../src/link/link_stats.ts";
import { Outbox } from "../../src/link/outbox.ts";
import { OutboxLedger } from "../../src/link/outbox_ledger.ts";
import { SocketSink } from "../../src/link/socket_sink.ts";
import { Stream, type StreamConsumer } from "../../src/link/stream.ts";
import type { LinkRole } from "../../src/link/stream_ids.ts";
import type { MuxLimits } from "../../src/link/mux_limits.ts";
import type { StreamRefusal } from "../../src/link/stream_mux.ts";
import { StreamStats } from "../../src/link/stream_stats.ts";
import { Turns } from "../../src/link/turns.ts";
import type { FrameFault } from "../../src/wire/frame_header.ts";
import type { OpenStream } from "../../src/wire/frame_payloads.ts";
import type { TestCertificates } from "../helpers/certificates.ts";
import { KIB, LIMITS, OPEN, Reader, tagOf } from "./mux_pair.ts";
import { RecordingOwner } from "./pair.ts";

/** What an end told its owner. */
export class FramesRecorder extends RecordingOwner {
  readonly accepted: Reader[] = [];
  readonly frames: OwnerFrame[] = [];
  readonly goAways: string[] = [];
  /** Takes a stream in another way than a reader. */
  takes: ((stream: Stream) => StreamConsumer | StreamRefusal) | null = null;

  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal {
    if (this.takes !== null) return this.takes(stream);
    const reader = new Reader();
    reader.stream = stream;
    reader.tag = tagOf(open);
    this.accepted.push(reader);
    return reader;
  }

  goingAway({ reason }: { reason: string }): void {
    this.goAways.push(reason);
  }

  frame(frame: OwnerFrame): FrameFault | null {
    this.frames.push(frame);
    return null;
  }
}

/** One end. */
export interface FramesEnd {
  readonly transport: FramesTransport;
  readonly owner: FramesRecorder;
  readonly stats: LinkStats;
  /** Errors of the program that came out. */
  readonly failures: unknown[];
}

/** A frames transport on a socket, not started. */
export function framesOn(link: GatedSocket, role: LinkRole, limits: Partial<MuxLimits> = {}): FramesEnd {
  const owner = new FramesRecorder();
  const stats = new LinkStats();
  const failures: unknown[] = [];
  const lane = { maxBytes: 256 * KIB, messageOverheadBytes: 0 };
  const outbox = new Outbox({
    kind: "frames",
    sink: new SocketSink(link.socket),
    owner,
    settings: {
      ledger: new OutboxLedger(1e9, systemClock),
      flusher: new Flusher(64 * KIB),
      lanes: { control: lane, request: lane, publish: lane },
      socketBytes: 64 * KIB,
    },
  });
  const transport = new FramesTransport({
    link,
    peer: { ip: "127.0.0.1", port: 1 },
    outbox,
    owner,
    settings: {
      stats,
      clock: systemClock,
      closeTimeoutMs: 5000,
      turns: new Turns(),
      readLimits: { messages: 64, bytes: 64 * KIB, deliveries: 4096 },
      failed: (error) => void failures.push(error),
    },
    maxMessageBytes: 100 * KIB,
    role,
    limits: { ...LIMITS, ...limits },
    streamStats: new StreamStats(),
  });
  return { transport, owner, stats, failures };
}

/** Two connected sockets, encrypted where there are certificates. */
export async function socketPair(certificates: TestCertificates | undefined) {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: certificates === undefined }, resolve);
  await new Promise<void>((listening) => listener.listen(0, "127.0.0.1", listening));
  const address = listener.address();
  assert.ok(typeof address === "object" && address !== null);
  const dialled = connect({ port: address.port, host: "127.0.0.1", allowHalfOpen: true });
  dialled.on("error", () => {});
  const raw = await promise;
  raw.on("error", () => {});
  const near: GatedSocket = certificates === undefined
    ? new PlainSocket(raw)
    : TlsGate.server(raw, { secureContext: createSecureContext(certificates) });
  const far: GatedSocket = certificates === undefined
    ? new PlainSocket(dialled)
    : TlsGate.client(dialled, { ca: certificates.ca, servername: "localhost" });
  for (const { socket } of [near, far]) socket.allowHalfOpen = true;
  return {
    near,
    far,
    [Symbol.asyncDispose]: async () => {
      const gone = [raw, dialled].map((socket) =>
        new Promise<void>((closed) => socket.closed ? closed() : socket.once("close", () => closed()))
      );
      for (const socket of [near.socket, far.socket, raw, dialled]) socket.destroy();
      await Promise.all(gone);
      await new Promise<void>((closed) => listener.close(() => closed()));
    },
  };
}

/** Both ends, started. */
export async function framesPair(
  { certificates, limits }: { certificates?: TestCertificates | undefined; limits?: Partial<MuxLimits> } = {},
) {
  const sockets = await socketPair(certificates);
  const hub = framesOn(sockets.near, "hub", limits);
  const spoke = framesOn(sockets.far, "spoke", limits);
  for (const { transport } of [hub, spoke]) transport.start(new Uint8Array(0));
  return { hub, spoke, sockets, [Symbol.asyncDispose]: () => sockets[Symbol.asyncDispose]() };
}

/** Opens a stream with a reader on it. */
export function openOn({ transport }: FramesEnd, tag = 1): Reader {
  const reader = new Reader();
  reader.tag = tag;
  const stream = transport.mux.open({ ...OPEN, tunnelId: tag }, reader);
  assert.ok(stream instanceof Stream, `opened: ${stream}`);
  reader.stream = stream;
  return reader;
}
