/** A transport on one end of a real connection, a client on the other. */
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { createSecureContext } from "node:tls";
import type { Clock } from "../../src/core/ports.ts";
import type { TransportKind } from "../../src/core/transport.ts";
import { Flusher } from "../../src/link/flusher.ts";
import { type GatedSocket, PlainSocket, TlsGate } from "../../src/link/gated_socket.ts";
import { HeartbeatMonitor } from "../../src/link/heartbeat.ts";
import { LinkStats } from "../../src/link/link_stats.ts";
import { Outbox, type OutboxOwner } from "../../src/link/outbox.ts";
import { OutboxLedger } from "../../src/link/outbox_ledger.ts";
import type { ReadLimits } from "../../src/link/read_budget.ts";
import { SocketSink } from "../../src/link/socket_sink.ts";
import type { TransportOptions } from "../../src/link/socket_transport.ts";
import type { Transport, TransportOwner } from "../../src/link/transport.ts";
import { Turns } from "../../src/link/turns.ts";
import type { TestCertificates } from "../helpers/certificates.ts";
import type { LinkClient, LinkClientOptions } from "../helpers/link_client.ts";

/** What may be read in one turn. */
export const LIMITS: ReadLimits = { messages: 64, bytes: 64 * 1024, deliveries: 4096 };
/** What one lane holds. */
export const LANE_BYTES = 256 * 1024;
/** What is handed to the socket at a time. */
export const SOCKET_BYTES = 64 * 1024;

/** What a transport told its owner, in order. */
export class RecordingOwner implements TransportOwner, OutboxOwner {
  readonly messages: Uint8Array[] = [];
  readonly events: string[] = [];
  isBinary = true;
  /** Thrown at the next message. */
  error: Error | null = null;
  overflows = 0;
  readonly closed: Promise<void>;
  readonly #resolveClosed: () => void;
  #waiting: { count: number; resolve: () => void } | null = null;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  received(data: Uint8Array, isBinary: boolean): number {
    if (this.error !== null) throw this.error;
    this.messages.push(data);
    this.isBinary &&= isBinary;
    if (this.#waiting !== null && this.messages.length >= this.#waiting.count) this.#waiting.resolve();
    return 1;
  }

  transportClosing(code: number, reason: string): void {
    this.events.push(`closing ${code} ${reason}`.trim());
  }

  transportClosed(): void {
    this.events.push("closed");
    this.#resolveClosed();
  }

  overflow(): void {
    this.overflows++;
  }

  evict(): void {}

  dropped(): void {}

  /** Waits for so many messages. */
  async got(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { count, resolve };
    if (this.messages.length < count) await promise;
  }
}

/** What an outbox is made of beside its socket. */
interface OutboxParts {
  readonly kind: TransportKind;
  readonly owner: OutboxOwner;
  readonly clock: Clock;
}

/** What is on the two ends. */
export interface Ends<T extends Transport, C extends LinkClient> {
  readonly kind: TransportKind;
  readonly create: (options: TransportOptions) => T;
  readonly connect: (options: LinkClientOptions) => Promise<C>;
}

/** What may be different. */
export interface Setup<T extends Transport> {
  readonly certificates?: TestCertificates | undefined;
  readonly maxMessageBytes?: number;
  readonly closeTimeoutMs?: number;
  readonly readLimits?: ReadLimits;
  readonly turns?: Turns;
  /** Called before the transport starts. */
  readonly before?: (transport: T) => void;
  /** Whether the first bytes are read by somebody else and handed to `start`. */
  readonly withHead?: boolean;
}

/** Both ends. */
export interface Pair<T extends Transport, C extends LinkClient> extends AsyncDisposable {
  readonly transport: T;
  readonly client: C;
  readonly owner: RecordingOwner;
  readonly stats: LinkStats;
  readonly clock: { ms: number };
  /** Errors of the program that came out. */
  readonly failures: unknown[];
}

/** The first bytes, with the socket paused behind them, as the listener reads them. */
async function readHead(link: GatedSocket): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  link.socket.once("data", (chunk: Uint8Array) => {
    link.pause();
    resolve(chunk);
  });
  return await promise;
}

/** Both sockets of a new connection, and what ends them. */
async function rawPair<C extends LinkClient>(
  certificates: TestCertificates | undefined,
  connect: (options: LinkClientOptions) => Promise<C>,
) {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const listener = createServer({ allowHalfOpen: true }, resolve);
  await new Promise<void>((listening) => listener.listen(0, "127.0.0.1", listening));
  const address = listener.address();
  assert.ok(typeof address === "object" && address !== null);
  const connecting = connect({ port: address.port, ca: certificates?.ca });
  const raw = await promise;
  raw.on("error", () => {});
  const link = certificates === undefined
    ? new PlainSocket(raw)
    : TlsGate.server(raw, { secureContext: createSecureContext(certificates) });
  const client = await connecting;
  const dispose = async () => {
    await client[Symbol.asyncDispose]();
    link.socket.destroy();
    raw.destroy();
    await new Promise<void>((closed) => listener.close(() => closed()));
  };
  return { link, client, dispose };
}

function createOutbox({ socket }: GatedSocket, { kind, owner, clock }: OutboxParts): Outbox {
  const lane = { maxBytes: LANE_BYTES, messageOverheadBytes: 0 };
  return new Outbox({
    kind,
    sink: new SocketSink(socket),
    owner,
    settings: {
      ledger: new OutboxLedger(1e9, clock),
      flusher: new Flusher(64),
      lanes: { control: lane, request: lane, publish: lane },
      socketBytes: SOCKET_BYTES,
    },
  });
}

/** A new connection whose server's end has a transport on it. */
export async function connectPair<T extends Transport, C extends LinkClient>(
  { kind, create, connect }: Ends<T, C>,
  setup: Setup<T>,
): Promise<Pair<T, C>> {
  const { maxMessageBytes = 1 << 20, closeTimeoutMs = 5000, readLimits = LIMITS, turns = new Turns() } =
    setup;
  const { link, client, dispose } = await rawPair(setup.certificates, connect);
  const owner = new RecordingOwner();
  const stats = new LinkStats();
  const clock = { ms: 0, now: () => clock.ms };
  const failures: unknown[] = [];
  const failed = (error: unknown) => void failures.push(error);
  const transport = create({
    link,
    peer: { ip: "127.0.0.1", port: 1 },
    outbox: createOutbox(link, { kind, owner, clock }),
    owner,
    settings: { stats, clock, closeTimeoutMs, turns, readLimits, failed },
    maxMessageBytes,
  });
  setup.before?.(transport);
  if (setup.withHead === true) readHead(link).then((head) => transport.start(head));
  else transport.start(new Uint8Array(0));
  return { transport, client, owner, stats, clock, failures, [Symbol.asyncDispose]: dispose };
}

/** Watches the heartbeat in the pair's own time; what is given moves that time on. */
export function watched(
  { transport, clock }: Pick<Pair<Transport, LinkClient>, "transport" | "clock">,
): (toMs: number) => void {
  const monitor = new HeartbeatMonitor({
    intervalMs: 30,
    timeoutMs: 60,
    clock: { now: () => clock.ms },
  });
  monitor.watch(transport);
  /** Lets the time go on as it does, check by check. */
  return (ms: number) => {
    while (clock.ms < ms) {
      clock.ms++;
      monitor.check();
    }
  };
}
