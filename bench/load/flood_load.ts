/**
 * Clients that send as much as their connections take, one as a rule, a process of its own: they read their echoes and
 * throw them away, and each keeps just under the queue that the hub has for it. For each number on its input it prints "go", floods for so many milliseconds, waits for its last echo and
 * prints one JSON line.
 */
import { numbers, print } from "./console.ts";
import { type EchoClient, type EchoTarget, openEcho } from "./echo_way.ts";
import { writeAll } from "./web_socket.ts";

/** What to do; given as JSON in the first argument. */
export interface FloodLoad extends EchoTarget {
  readonly payloadBytes: number;
  /** @default 1 */
  readonly clients?: number;
  /** What a client sends before it looks for echoes. @default 128 KiB */
  readonly batchBytes?: number;
  /** Bytes of echoes that may be missing when it sends on. @default less than the hub queues for one client */
  readonly missingBytes?: number;
  /** What a client sends at most, as its network would have it. @default as much as its connection takes */
  readonly bytesPerSecond?: number;
}

/** What came of it. */
export interface FloodResult {
  readonly echoesPerSecond: number;
}

const BATCH_BYTES = 128 * 1024;
/** Echoes that may be missing: less than the hub queues for one client, or it would close the flood as too slow. */
const MAX_MISSING_BYTES = 640 * 1024;
const READ_BYTES = 256 * 1024;

async function until(time: number): Promise<void> {
  const ms = time - performance.now();
  if (ms >= 1) await new Promise((resolve) => setTimeout(resolve, ms));
}

function batchOf(frame: Uint8Array, count: number): Uint8Array {
  const batch = new Uint8Array(frame.length * count);
  for (let i = 0; i < count; i++) batch.set(frame, i * frame.length);
  return batch;
}

/** Sends without end while it is told to, and counts what comes back. */
class Flooder {
  readonly #connection: Deno.Conn;
  readonly #batch: Uint8Array;
  readonly #batchEchoBytes: number;
  readonly #echoBytes: number;
  readonly #missingBytes: number;
  readonly #bytesPerSecond: number;
  #sentBytes = 0;
  #receivedBytes = 0;
  #wake: (() => void) | null = null;

  constructor(
    { connection, sent, echoBytes }: EchoClient,
    { batchBytes = BATCH_BYTES, missingBytes = MAX_MISSING_BYTES, bytesPerSecond = Infinity }: FloodLoad,
  ) {
    this.#connection = connection;
    this.#bytesPerSecond = bytesPerSecond;
    this.#missingBytes = missingBytes;
    const count = Math.max(1, Math.floor(batchBytes / sent.length));
    this.#batch = batchOf(sent, count);
    this.#echoBytes = echoBytes;
    this.#batchEchoBytes = count * echoBytes;
  }

  async flood(ms: number): Promise<FloodResult> {
    const [before, started] = [this.#receivedBytes, performance.now()];
    let written = 0;
    while (performance.now() < started + ms) {
      this.#sentBytes += this.#batchEchoBytes;
      await writeAll(this.#connection, this.#batch);
      await this.#missingAtMost(this.#missingBytes);
      written += this.#batch.length;
      await until(started + written / this.#bytesPerSecond * 1000);
    }
    await this.#missingAtMost(0);
    const seconds = (performance.now() - started) / 1000;
    return { echoesPerSecond: (this.#receivedBytes - before) / this.#echoBytes / seconds };
  }

  /** Reads until the process ends. */
  async receive(): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const bytes = await this.#connection.read(buffer);
      if (bytes === null) throw new Error(`Cannot flood: the hub closed after ${this.#receivedBytes} bytes`);
      this.#receivedBytes += bytes;
      this.#wake?.();
      this.#wake = null;
    }
  }

  async #missingAtMost(bytes: number): Promise<void> {
    while (this.#sentBytes - this.#receivedBytes > bytes) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

async function run(load: FloodLoad): Promise<void> {
  const { clients = 1, payloadBytes } = load;
  const flooders: Flooder[] = [];
  for (let i = 0; i < clients; i++) {
    flooders.push(new Flooder(await openEcho(load, { name: `flood${i}`, payloadBytes }), load));
  }
  for (const flooder of flooders) flooder.receive();
  for await (const ms of numbers()) {
    print("go");
    const results = await Promise.all(flooders.map((flooder) => flooder.flood(ms)));
    const echoesPerSecond = results.reduce((sum, result) => sum + result.echoesPerSecond, 0);
    const result: FloodResult = { echoesPerSecond };
    print(JSON.stringify(result));
  }
}

if (import.meta.main) await run(JSON.parse(Deno.args[0] ?? "{}"));
