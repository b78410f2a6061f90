/**
 * Subscribers that read, and publishers that send to them and to everybody else as much as those who read take, as a
 * process of its own. What a subscriber gets is checked: every message, in order. It prints "go" once it publishes; for
 * each line on its input a line with what came of it since the line before; and it ends with its input.
 */
import { print } from "../bench/load/console.ts";
import { clientFrame } from "../bench/load/raw_websocket.ts";
import { openWebSocket, writeAll } from "../bench/load/web_socket.ts";
import { quantile } from "../bench/report.ts";

/** What it is told. */
export interface SteadyTask {
  readonly port: number;
  readonly readers: number;
  readonly publishers: number;
  readonly topic: string;
  readonly payloadBytes: number;
  /** Messages that are published and that not everybody has yet. */
  readonly inFlight: number;
  /** The most that is published in a second. */
  readonly bytesPerSecond: number;
}

/** What came of it. */
export interface SteadyResult {
  readonly seconds: number;
  readonly published: number;
  readonly bytesPerSecond: number;
  /** Deliveries to those who read. */
  readonly deliveries: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Of one reader of each message. */
  readonly delaysMs: readonly number[];
  /** What must not be: a reader that was closed, or got something else than it should. */
  readonly faults: readonly string[];
}

const GREETING_END = "}}";
const READ_BYTES = 256 * 1024;
const encoder = new TextEncoder();
/** What the hub asks for a sign of life with, and the sign. */
const PING = 0x89;
const PING_BYTES = 2;
const PONG = clientFrame(10, new Uint8Array(0));

/** All readers and publishers. */
class Steady {
  readonly #task: SteadyTask;
  readonly #faults: string[] = [];
  readonly #sentMs: number[] = [];
  readonly #counts: number[];
  #delays: number[] = [];
  #deliveries = 0;
  #published = 0;
  #reported = 0;
  #reportedMs = performance.now();
  #waiting: (() => void)[] = [];

  constructor(task: SteadyTask) {
    this.#task = task;
    this.#counts = new Array(task.readers).fill(0);
  }

  async start(): Promise<void> {
    const { port, readers, publishers, topic } = this.#task;
    for (let at = 0; at < readers; at++) {
      const connection = await openWebSocket({ port }, "/ws", GREETING_END);
      const text = `request:system.topic.subscribe:1.0.0:${crypto.randomUUID()}\n{"topic":"${topic}"}`;
      await writeAll(connection, clientFrame(1, encoder.encode(text)));
      const answered = Promise.withResolvers<void>();
      this.#read(connection, at, answered.resolve).catch((error) => this.#faults.push(String(error)));
      await answered.promise;
    }
    for (let at = 0; at < publishers; at++) {
      const connection = await openWebSocket({ port }, "/ws", GREETING_END);
      for (const part of [this.#publish(connection), this.#answer(connection)]) {
        part.catch((error) => this.#faults.push(String(error)));
      }
    }
  }

  /** What came of it since the last report. */
  report(): SteadyResult {
    const nowMs = performance.now();
    const seconds = (nowMs - this.#reportedMs) / 1000;
    const published = this.#published - this.#reported;
    const [delays, deliveries] = [this.#delays, this.#deliveries];
    this.#delays = [];
    this.#deliveries = 0;
    this.#reported = this.#published;
    this.#reportedMs = nowMs;
    return {
      seconds,
      published,
      bytesPerSecond: published * this.#task.payloadBytes / seconds,
      deliveries,
      p50Ms: quantile(delays, 0.5),
      p99Ms: quantile(delays, 0.99),
      maxMs: delays.reduce((most, one) => Math.max(most, one), 0),
      delaysMs: delays.map((ms) => Math.round(100 * ms) / 100),
      faults: [...this.#faults],
    };
  }

  /** The answer to the subscription first, then frames of one length, whose number stands at the end of each. */
  async #read(connection: Deno.Conn, reader: number, onAnswer: () => void): Promise<never> {
    const { payloadBytes, topic } = this.#task;
    const textBytes = `publish:${topic}:1.0.0:${crypto.randomUUID()}\n`.length + payloadBytes;
    const frameBytes = textBytes + (textBytes < 65_536 ? 4 : 10);
    const buffer = new Uint8Array(READ_BYTES);
    let held = 0;
    const need = async (bytes: number) => {
      while (held < bytes) {
        const count = await connection.read(buffer.subarray(held));
        if (count === null) throw new Error(`Reader ${reader} was closed`);
        held += count;
      }
    };
    const drop = (bytes: number) => {
      buffer.copyWithin(0, bytes, held);
      held -= bytes;
    };
    await need(2);
    const answerBytes = 2 + ((buffer[1] ?? 0) === 126 ? 2 : 0);
    await need(answerBytes);
    const short = buffer[1] ?? 0;
    const length = short === 126 ? (buffer[2] ?? 0) * 256 + (buffer[3] ?? 0) : short;
    await need(answerBytes + length);
    drop(answerBytes + length);
    onAnswer();
    for (;;) {
      await need(PING_BYTES);
      if (buffer[0] === PING) {
        drop(PING_BYTES);
        await writeAll(connection, PONG);
        continue;
      }
      await need(frameBytes);
      let at = 0;
      for (; held - at >= frameBytes && buffer[at] !== PING; at += frameBytes) {
        this.#got(reader, buffer.subarray(at, at + frameBytes));
      }
      drop(at);
    }
  }

  #got(reader: number, frame: Uint8Array): void {
    const number = new DataView(frame.buffer, frame.byteOffset + frame.length - 4).getUint32(0);
    if (this.#sentMs[number] === undefined) {
      this.#fault(`Reader ${reader} got ${number}, which nobody has sent`);
    }
    // One reader a message says enough, and not more than can be kept.
    if (number % this.#counts.length === reader) {
      this.#delays.push(performance.now() - (this.#sentMs[number] ?? NaN));
    }
    this.#deliveries++;
    this.#counts[reader] = (this.#counts[reader] ?? 0) + 1;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  /** A publisher is asked for signs of life and nothing else. */
  async #answer(connection: Deno.Conn): Promise<never> {
    const buffer = new Uint8Array(PING_BYTES);
    for (;;) {
      if (await connection.read(buffer) === null) throw new Error("A publisher was closed");
      if (buffer[0] === PING) await writeAll(connection, PONG);
    }
  }

  async #publish(connection: Deno.Conn): Promise<never> {
    const { topic, payloadBytes, inFlight, bytesPerSecond, publishers } = this.#task;
    const payload = new Uint8Array(payloadBytes).fill(0x2e);
    const head = encoder.encode(`publish:${topic}:1.0.0\n`);
    const pauseMs = 1000 * payloadBytes * publishers / bytesPerSecond;
    let dueMs = performance.now();
    for (;;) {
      while (this.#published - Math.min(...this.#counts) >= inFlight) {
        await new Promise<void>((go) => this.#waiting.push(go));
      }
      dueMs = Math.max(performance.now() - 50, dueMs + pauseMs);
      const waitMs = dueMs - performance.now();
      if (waitMs > 1) await new Promise((go) => setTimeout(go, waitMs));
      const number = this.#published++;
      new DataView(payload.buffer).setUint32(payloadBytes - 4, number);
      this.#sentMs[number] = performance.now();
      const whole = new Uint8Array(head.length + payloadBytes);
      whole.set(head);
      whole.set(payload, head.length);
      await writeAll(connection, clientFrame(2, whole));
    }
  }

  #fault(text: string): void {
    if (this.#faults.length < 10) this.#faults.push(text);
  }
}

async function run(task: SteadyTask): Promise<void> {
  const steady = new Steady(task);
  await steady.start();
  print("go");
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    for (const _ of text.matchAll(/\n/g)) print(JSON.stringify(steady.report()));
  }
  Deno.exit(0);
}

if (import.meta.main) await run(JSON.parse(Deno.args[0] ?? "{}"));
