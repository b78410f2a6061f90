/** The other end of a connection of frames: logs in, says and hears text messages, opens and takes streams. */
import assert from "node:assert/strict";
import { upgrade } from "../../src/agent/dial_websocket.ts";
import { systemClock } from "../../src/core/ports.ts";
import { StreamCode } from "../../src/core/stream_codes.ts";
import type { Encoded } from "../../src/core/transport.ts";
import { Flusher } from "../../src/link/flusher.ts";
import { type FramesOwner, FramesTransport, type OwnerFrame } from "../../src/link/frames_transport.ts";
import type { GatedStream } from "../../src/link/gated_socket.ts";
import { LinkStats } from "../../src/link/link_stats.ts";
import { Outbox, type OutboxOwner } from "../../src/link/outbox.ts";
import { OutboxLedger } from "../../src/link/outbox_ledger.ts";
import { SocketSink } from "../../src/link/socket_sink.ts";
import type { Stream, StreamConsumer, StreamReset } from "../../src/link/stream.ts";
import type { StreamRefusal } from "../../src/link/stream_mux.ts";
import { StreamStats } from "../../src/link/stream_stats.ts";
import { Turns } from "../../src/link/turns.ts";
import { encodeFrame, encodeMessageFrame, type Frame } from "../../src/wire/frame.ts";
import type { FrameFault } from "../../src/wire/frame_header.ts";
import type { AuthRequest, AuthResponse, GoAway, OpenStream } from "../../src/wire/frame_payloads.ts";
import { Inbox } from "./inbox.ts";
import { connectLink } from "./link_client.ts";

const MIB = 1024 * 1024;
const LANE = { maxBytes: 64 * MIB, messageOverheadBytes: 0 };
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

/** How to connect. */
export interface SpokeOptions {
  readonly port: number;
  /** The authority to trust; plain text without one. */
  readonly ca?: string | undefined;
  /** What it shows of itself, over TLS. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** Frames in a WebSocket. */
  readonly inWebSocket?: boolean;
  /** Takes the streams that the hub opens. @default refuses them */
  readonly accept?: (stream: Stream, open: OpenStream) => StreamConsumer | StreamRefusal;
}

/** What an agent that logged in was told. */
export type Welcome = Extract<AuthResponse, { ok: true }>;

/** One connection. */
export class Spoke implements FramesOwner, OutboxOwner, AsyncDisposable {
  readonly transport: FramesTransport;
  /** Frames that are neither messages nor of streams. */
  readonly frames = new Inbox<OwnerFrame>();
  readonly messages = new Inbox<Uint8Array>();
  readonly goAways = new Inbox<GoAway>();
  /** How it ended. */
  readonly ended: Promise<{ code: number; reason: string }>;
  readonly #accept: NonNullable<SpokeOptions["accept"]>;
  readonly #resolveEnded: (end: { code: number; reason: string }) => void;
  #end = { code: 0, reason: "" };

  private constructor(link: GatedStream, { accept }: SpokeOptions) {
    this.#accept = accept ?? (() => ({ code: StreamCode.localRefused, reason: "Nothing is served here" }));
    const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    const settings = {
      stats: new LinkStats(),
      clock: systemClock,
      closeTimeoutMs: 1000,
      turns: new Turns(),
      readLimits: { messages: 64, bytes: 64 * 1024, deliveries: 4096 },
    };
    const outbox = new Outbox({
      kind: "frames",
      sink: new SocketSink(link.socket),
      owner: this,
      settings: {
        ledger: new OutboxLedger(1e9, systemClock),
        flusher: new Flusher(64 * 1024),
        lanes: { control: LANE, request: LANE, publish: LANE },
        socketBytes: 128 * 1024,
      },
    });
    this.transport = new FramesTransport({
      link,
      peer: { ip: "127.0.0.1", port: 0 },
      outbox,
      owner: this,
      settings,
      maxMessageBytes: 32 * MIB,
      role: "spoke",
      limits: {
        maxStreams: 100_000,
        windows: { initialBytes: 256 * 1024, maxBytes: 16 * MIB, connectionBytes: 64 * MIB },
        peerInitialBytes: 256 * 1024,
      },
      streamStats: new StreamStats(),
    });
    this.transport.start(NOTHING);
  }

  static async connect(options: SpokeOptions): Promise<Spoke> {
    const link = await connectLink(options);
    link.pause();
    if (options.inWebSocket !== true) return new Spoke(link, options);
    const scheme = options.ca === undefined ? "ws" : "wss";
    const url = {
      text: `${scheme}://127.0.0.1:${options.port}`,
      scheme,
      isSecure: scheme === "wss",
      host: "127.0.0.1",
      port: options.port,
      path: "",
    } as const;
    return new Spoke(await upgrade(link, { url }), options);
  }

  /** Connects and logs in, which has to succeed. */
  static async member(options: SpokeOptions, request: Partial<AuthRequest> = {}): Promise<Spoke> {
    const spoke = await Spoke.connect(options);
    const response = await spoke.login(request);
    assert.ok(response?.ok, JSON.stringify(response));
    return spoke;
  }

  /** Sends an AuthRequest; gives the answer, `null` when none came. */
  async login(request: Partial<AuthRequest> = {}): Promise<AuthResponse | null> {
    const whole = { agentId: "edge", session: crypto.randomUUID(), features: ["messages", "streams"] };
    this.send({ kind: "auth_request", request: { ...whole, ...request } });
    const frame = await this.frames.next();
    if (frame === null) return null;
    assert.equal(frame.kind, "auth_response");
    return frame.kind === "auth_response" ? frame.response : null;
  }

  /** Sends a frame. */
  send(frame: Frame): void {
    this.#push(encodeFrame(frame));
  }

  /** Sends a text message. */
  say(message: string | Uint8Array): void {
    const payload = typeof message === "string" ? encoder.encode(message) : message;
    this.#push(encodeMessageFrame(NOTHING, { payload, isText: typeof message === "string" }));
  }

  /** The next text message as text; `null` when it is over. */
  async hear(): Promise<string | null> {
    const message = await this.messages.next();
    return message === null ? null : new TextDecoder().decode(message);
  }

  received(data: Uint8Array): number {
    this.messages.push(data.slice());
    return 1;
  }

  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal {
    return this.#accept(stream, open);
  }

  frame(frame: OwnerFrame): FrameFault | null {
    this.frames.push(frame);
    return null;
  }

  goingAway(goAway: GoAway): void {
    this.goAways.push(goAway);
  }

  transportClosing(code: number, reason: string): void {
    this.#end = { code, reason };
  }

  transportClosed(): void {
    for (const inbox of [this.frames, this.messages, this.goAways]) inbox.end();
    this.#resolveEnded(this.#end);
  }

  overflow(): void {
    this.transport.destroy();
  }

  evict(): void {
    this.transport.destroy();
  }

  dropped(): void {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.transport.destroy();
    await this.ended;
  }

  #push(frame: Encoded): void {
    assert.notEqual(this.transport.outbox.push("control", frame), "full");
  }
}

/** Gathers what a stream gets, which is passed on at once. */
export class Gatherer implements StreamConsumer {
  /** How it ended; `null`: gracefully. */
  readonly over: Promise<StreamReset | null>;
  readonly #chunks: Uint8Array[] = [];
  readonly #resolveOver: (reset: StreamReset | null) => void;
  readonly #onData: (stream: Stream, bytes: Uint8Array) => void;
  readonly #onEnd: (stream: Stream) => void;
  stream: Stream | null = null;

  /** By default nothing is sent back, and the own direction ends with the peer's. */
  constructor(
    onData: (stream: Stream, bytes: Uint8Array) => void = () => {},
    onEnd: (stream: Stream) => void = (stream) => stream.end(),
  ) {
    const { promise, resolve } = Promise.withResolvers<StreamReset | null>();
    this.over = promise;
    this.#resolveOver = resolve;
    this.#onData = onData;
    this.#onEnd = onEnd;
  }

  /** One that sends everything back. */
  static echo(stream: Stream): Gatherer {
    const echo = new Gatherer((stream, bytes) => void stream.write(bytes.slice()));
    echo.stream = stream;
    return echo;
  }

  get text(): string {
    return this.#chunks.map((chunk) => new TextDecoder("latin1").decode(chunk)).join("");
  }

  get bytes(): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, 0);
  }

  data(bytes: Uint8Array): void {
    this.#chunks.push(bytes.slice());
    if (this.stream === null) return;
    this.#onData(this.stream, bytes);
    this.stream.consumed(bytes.length);
  }

  end(): void {
    if (this.stream !== null) this.#onEnd(this.stream);
  }

  drained(): void {}

  closed(reset: StreamReset | null): void {
    this.#resolveOver(reset);
  }
}
