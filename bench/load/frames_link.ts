/**
 * A connection of frames with the bounds that are shipped, without a hub around it, for the benchmarks of streams.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { createSecureContext } from "node:tls";
import { CloseCode } from "../../src/core/close_codes.ts";
import type { Channel } from "../../src/core/delivery.ts";
import { systemClock } from "../../src/core/ports.ts";
import { StreamCode } from "../../src/core/stream_codes.ts";
import { Flusher } from "../../src/link/flusher.ts";
import { type FramesOwner, FramesTransport } from "../../src/link/frames_transport.ts";
import { type GatedSocket, PlainSocket, TlsGate } from "../../src/link/gated_socket.ts";
import { LinkStats } from "../../src/link/link_stats.ts";
import { Outbox, type OutboxOwner } from "../../src/link/outbox.ts";
import { OutboxLedger } from "../../src/link/outbox_ledger.ts";
import { SocketSink } from "../../src/link/socket_sink.ts";
import { Stream, type StreamConsumer } from "../../src/link/stream.ts";
import type { LinkRole } from "../../src/link/stream_ids.ts";
import { StreamStats } from "../../src/link/stream_stats.ts";
import { Turns } from "../../src/link/turns.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const ANY = { ip: "127.0.0.1", port: 1 };
/** What a stream of a benchmark is opened for. */
export const OPEN = { tunnelId: 1, src: ANY, dst: ANY };
/** What messages of a benchmark are published to. */
export const CHANNEL: Channel = { name: "bench", slowConsumer: "close", gapNotice: null };

/** The texts of a server's certificate, and of the authority that signed it. */
export interface LinkCertificates {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** What a link is made of. */
export interface FramesLinkOptions {
  readonly link: GatedSocket;
  readonly role: LinkRole;
  readonly flusher: Flusher;
  /** Takes the peer's streams. */
  readonly accept?: (stream: Stream) => StreamConsumer;
  /** Takes messages. */
  readonly received?: (message: Uint8Array) => void;
  readonly maxStreams?: number;
}

/** A flusher as the hub's. */
export function createFlusher(): Flusher {
  return new Flusher(64 * KIB);
}

/** Speaks frames on a socket from now on. */
export function startFrames(options: FramesLinkOptions): FramesTransport {
  const { link, role, maxStreams = 4096 } = options;
  const owner = ownerOf(options);
  const transport = new FramesTransport({
    link,
    peer: ANY,
    outbox: createOutbox(options, owner),
    owner,
    settings: {
      stats: new LinkStats(),
      clock: systemClock,
      closeTimeoutMs: 5000,
      turns: new Turns(),
      readLimits: { messages: 64, bytes: 64 * KIB, deliveries: 4096 },
    },
    maxMessageBytes: 64 * KIB,
    role,
    limits: {
      maxStreams,
      windows: { initialBytes: 256 * KIB, maxBytes: 16 * MIB, connectionBytes: 64 * MIB },
      peerInitialBytes: 256 * KIB,
    },
    streamStats: new StreamStats(),
  });
  transport.start(new Uint8Array(0));
  return transport;
}

/** An owner for whom every end of the link but a clean one is an error. */
function ownerOf({ accept, received }: FramesLinkOptions): FramesOwner & OutboxOwner {
  return {
    accept: accept ?? (() => ({ code: StreamCode.notAllowed, reason: "" })),
    received: (message) => {
      received?.(message);
      return 1;
    },
    goingAway: () => {},
    frame: () => null,
    transportClosing: (code, reason) => {
      if (code === CloseCode.normal || code === CloseCode.abnormal) return;
      throw new Error(`Cannot go on: the link ends with ${code} ${reason}`);
    },
    transportClosed: () => {},
    overflow: () => {
      throw new Error("Cannot go on: the link is too slow");
    },
    evict: () => {},
    dropped: () => {},
  };
}

function createOutbox({ link, flusher }: FramesLinkOptions, owner: OutboxOwner): Outbox {
  const lane = { maxBytes: 256 * KIB, messageOverheadBytes: 512 };
  const settings = {
    flusher,
    ledger: new OutboxLedger(256 * MIB, systemClock),
    lanes: { control: lane, request: lane, publish: { ...lane, maxBytes: MIB } },
    socketBytes: 128 * KIB,
  };
  return new Outbox({ kind: "frames", sink: new SocketSink(link.socket), owner, settings });
}

/** Opens a stream and keeps it full. */
export function saturate({ mux }: FramesTransport): Stream {
  const chunk = crypto.getRandomValues(new Uint8Array(64 * KIB));
  const fill = () => {
    while (stream instanceof Stream && stream.write(chunk));
  };
  const stream = mux.open(OPEN, { data() {}, end() {}, drained: fill, closed() {} });
  if (!(stream instanceof Stream)) throw new Error(`Cannot open a stream: ${stream}`);
  fill();
  return stream;
}

/** Listens on loopback; gives the port. */
export async function listen(
  onLink: (link: GatedSocket, raw: Socket) => void,
  certificates: LinkCertificates | null,
): Promise<number> {
  const context = certificates === null ? null : createSecureContext(certificates);
  const server: Server = createServer(
    { allowHalfOpen: true, noDelay: true, pauseOnConnect: false },
    (raw) => {
      raw.on("error", () => {});
      onLink(context === null ? new PlainSocket(raw) : TlsGate.server(raw, { secureContext: context }), raw);
    },
  );
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("Cannot listen on loopback");
  return address.port;
}

/** Dials a port on loopback. */
export async function dial(port: number, certificates: LinkCertificates | null): Promise<GatedSocket> {
  const raw = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  raw.on("error", () => {});
  await new Promise<void>((connected) => raw.once("connect", connected));
  if (certificates === null) return new PlainSocket(raw);
  const gate = TlsGate.client(raw, { ca: certificates.ca, servername: "localhost" });
  await new Promise<void>((connected) => gate.socket.once("secureConnect", connected));
  return gate;
}
