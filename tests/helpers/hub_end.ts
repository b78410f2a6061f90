/** The hub's end of one connection of frames, on the real transport. */
import { systemClock } from "../../src/core/ports.ts";
import type { Encoded } from "../../src/core/transport.ts";
import { Flusher } from "../../src/link/flusher.ts";
import { type FramesOwner, FramesTransport, type OwnerFrame } from "../../src/link/frames_transport.ts";
import type { GatedStream } from "../../src/link/gated_socket.ts";
import { LinkStats } from "../../src/link/link_stats.ts";
import { Outbox, type OutboxOwner } from "../../src/link/outbox.ts";
import { OutboxLedger } from "../../src/link/outbox_ledger.ts";
import { SocketSink } from "../../src/link/socket_sink.ts";
import type { TransportSettings } from "../../src/link/socket_transport.ts";
import type { Stream, StreamConsumer } from "../../src/link/stream.ts";
import type { MuxLimits } from "../../src/link/mux_limits.ts";
import type { OpenRefusal, StreamRefusal } from "../../src/link/stream_mux.ts";
import { StreamStats } from "../../src/link/stream_stats.ts";
import { Turns } from "../../src/link/turns.ts";
import { encodeFrame, type Frame } from "../../src/wire/frame.ts";
import type { FrameFault } from "../../src/wire/frame_header.ts";
import type { AuthRequest, AuthResponse, OpenStream } from "../../src/wire/frame_payloads.ts";
import { concat } from "./prefixed.ts";

const MIB = 1024 * 1024;
const LANE = { maxBytes: 16 * MIB, messageOverheadBytes: 128 };
const LIMITS: MuxLimits = {
  maxStreams: 4096,
  windows: { initialBytes: MIB / 4, maxBytes: 4 * MIB, connectionBytes: 64 * MIB },
  peerInitialBytes: MIB / 4,
};

/** What the ends of one hub share. */
export interface HubParts {
  readonly settings: TransportSettings;
  readonly flusher: Flusher;
  readonly ledger: OutboxLedger;
  readonly streamStats: StreamStats;
}

/** Makes them. */
export function hubParts(closeTimeoutMs: number): HubParts {
  return {
    settings: {
      stats: new LinkStats(),
      clock: systemClock,
      closeTimeoutMs,
      turns: new Turns(),
      readLimits: { messages: 1024, bytes: MIB, deliveries: 4096 },
    },
    flusher: new Flusher(64 * 1024),
    ledger: new OutboxLedger(256 * MIB, systemClock),
    streamStats: new StreamStats(),
  };
}

/** Who decides for an end. */
export interface HubEndPorts {
  readonly login: (request: AuthRequest) => void;
  readonly accept: (stream: Stream, open: OpenStream) => StreamConsumer | StreamRefusal;
  readonly closed: () => void;
}

/** One connection. */
export class HubEnd implements FramesOwner, OutboxOwner {
  readonly transport: FramesTransport;
  /** Who logged in; `null` while nobody did. */
  request: AuthRequest | null = null;
  /** How the other side, or this one, ended it. */
  ended: { code: number; reason: string } | null = null;
  readonly #ports: HubEndPorts;
  readonly #link: GatedStream;

  constructor(link: GatedStream, { settings, flusher, ledger, streamStats }: HubParts, ports: HubEndPorts) {
    this.#ports = ports;
    this.#link = link;
    const lanes = { control: LANE, request: LANE, publish: LANE };
    this.transport = new FramesTransport({
      link,
      peer: { ip: "127.0.0.1", port: 1 },
      outbox: new Outbox({
        kind: "frames",
        sink: new SocketSink(link.socket),
        owner: this,
        settings: { ledger, flusher, lanes, socketBytes: 128 * 1024 },
      }),
      owner: this,
      settings,
      maxMessageBytes: MIB,
      role: "hub",
      limits: LIMITS,
      streamStats,
    });
  }

  start(head: Uint8Array): void {
    this.transport.start(head);
  }

  /** Sends a frame. */
  say(frame: Frame): void {
    this.#push(encodeFrame(frame));
  }

  answer(response: AuthResponse): void {
    this.say({ kind: "auth_response", response });
  }

  /** Opens a stream to the agent. */
  open(open: OpenStream, consumer: StreamConsumer): Stream | OpenRefusal {
    return this.transport.mux.open(open, consumer);
  }

  close(code: number, reason: string, options: { retryAfterMs?: number } = {}): void {
    this.transport.close(code, reason, options);
  }

  destroy(): void {
    this.transport.destroy();
  }

  /** Writes bytes that need not be frames. */
  write(bytes: Uint8Array): void {
    this.#link.socket.write(bytes);
  }

  /** Writes the first half of a frame. */
  writeHalf(frame: Frame): void {
    const bytes = concat(encodeFrame(frame).parts);
    this.write(bytes.subarray(0, bytes.length / 2));
  }

  frame(frame: OwnerFrame): FrameFault | null {
    if (frame.kind === "auth_request") this.#ports.login(frame.request);
    return null;
  }

  received(): number {
    return 1;
  }

  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal {
    return this.#ports.accept(stream, open);
  }

  goingAway(): void {}

  transportClosing(code: number, reason: string): void {
    this.ended ??= { code, reason };
    this.#ports.closed();
  }

  transportClosed(): void {}

  overflow(): void {
    this.close(4413, "Too slow");
  }

  evict(): void {
    this.overflow();
    this.destroy();
  }

  dropped(): void {}

  #push(frame: Encoded): void {
    this.transport.outbox.push("control", frame);
  }
}
