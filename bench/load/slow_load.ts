/**
 * Subscribers of which some never read, a process of its own. A publisher sends at a steady rate to all of them,
 * and large messages to the stalled ones alone, so that their queues are full all the time. Prints "go" when the
 * measured part begins and one JSON line with the delays of those who read at its end.
 */
import { cpuSecondsOf } from "../processes.ts";
import { quantile } from "../report.ts";
import { print } from "./console.ts";
import { Latencies } from "./latencies.ts";
import { clientFrame } from "./raw_websocket.ts";
import { openWebSocket, writeAll } from "./web_socket.ts";

/** What to do; given as JSON in the first argument. */
export interface SlowLoad {
  readonly port: number;
  /** Subscribers that read. */
  readonly readers: number;
  /** Subscribers that do not. */
  readonly stalled: number;
  readonly payloadBytes: number;
  /** Time between two messages to all. */
  readonly intervalMs: number;
  readonly seconds: number;
}

/** What came of it. */
export interface SlowResult {
  readonly deliveries: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** CPU that the load took, in percent of one core. */
  readonly cpuPercent: number;
}

const TOPIC = "slow.all";
const FILL_TOPIC = "slow.fill";
const FILL_BYTES = 60_000;
/** What the kernel and the hub hold for a client that does not read, and more. */
const FILL_MESSAGES = 300;
const WARM_UP_SECONDS = 1;
/** How what the hub says first ends. */
const GREETING_END = "}}";
const READ_BYTES = 16 * 1024;
const encoder = new TextEncoder();

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function subscribeTo(topic: string): Uint8Array {
  return clientFrame(1, encoder.encode(`request:system.topic.subscribe:1.0.0\n{"topic":"${topic}"}`));
}

function publishTo(topic: string, payloadBytes: number): Uint8Array {
  return clientFrame(1, encoder.encode(`publish:${topic}:1.0.0\n${"x".repeat(payloadBytes)}`));
}

/** When each message was sent, and how late each reader got it. */
class Delays extends Latencies {
  readonly #sentAt: number[] = [];

  sent(): void {
    this.#sentAt.push(performance.now());
  }

  /** A reader got its message of this number. */
  received(number: number): void {
    this.add(performance.now() - (this.#sentAt[number] ?? NaN));
  }
}

/** Counts bytes: every delivery has the same length. */
async function read(connection: Deno.Conn, deliveryBytes: number, delays: Delays): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  let bytes = 0;
  let messages = 0;
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) throw new Error("Cannot measure: the hub closed a reader");
    bytes += count;
    for (; bytes >= deliveryBytes; bytes -= deliveryBytes) delays.received(messages++);
  }
}

async function open(port: number, topics: readonly string[]): Promise<Deno.Conn> {
  const connection = await openWebSocket({ port }, "/", GREETING_END);
  for (const topic of topics) await writeAll(connection, subscribeTo(topic));
  return connection;
}

async function run({ port, readers, stalled, payloadBytes, intervalMs, seconds }: SlowLoad): Promise<void> {
  const delays = new Delays();
  const deliveryBytes = 4 + `publish:${TOPIC}:1.0.0:${crypto.randomUUID()}\n`.length + payloadBytes;
  const idle: Deno.Conn[] = [];
  for (let i = 0; i < stalled; i++) idle.push(await open(port, [TOPIC, FILL_TOPIC]));
  const publisher = await open(port, []);
  if (stalled > 0) {
    const fill = publishTo(FILL_TOPIC, FILL_BYTES);
    for (let i = 0; i < FILL_MESSAGES; i++) await writeAll(publisher, fill);
  }
  for (let i = 0; i < readers; i++) {
    read(await open(port, [TOPIC]), deliveryBytes, delays);
  }
  const message = publishTo(TOPIC, payloadBytes);
  const timer = setInterval(() => {
    delays.sent();
    writeAll(publisher, message);
  }, intervalMs);
  await sleep(WARM_UP_SECONDS * 1000);
  print("go");
  const [cpuBefore, started] = [cpuSecondsOf(Deno.pid), performance.now()];
  delays.begin();
  await sleep(seconds * 1000);
  const values = delays.end();
  const elapsed = (performance.now() - started) / 1000;
  const result: SlowResult = {
    deliveries: values.length,
    p50Ms: quantile(values, 0.5),
    p99Ms: quantile(values, 0.99),
    p999Ms: quantile(values, 0.999),
    cpuPercent: (cpuSecondsOf(Deno.pid) - cpuBefore) / elapsed * 100,
  };
  print(JSON.stringify(result));
  clearInterval(timer);
  Deno.exit(0);
}

if (import.meta.main) await run(JSON.parse(Deno.args[0] ?? "{}"));
