/**
 * One client that sends as much as its connection takes, a process of its own: it reads its echoes and throws them
 * away, and keeps just under the queue that the hub has for it. For each number on its input it prints "go", floods for so many milliseconds, waits for its last echo and
 * prints one JSON line.
 */
import { numbers, print } from "./console.ts";
import { clientFrame } from "./raw_websocket.ts";
import { type LoadTarget, openWebSocket, writeAll } from "./web_socket.ts";

/** What to do; given as JSON in the first argument. */
export interface FloodLoad extends LoadTarget {
  readonly payloadBytes: number;
}

/** What came of it. */
export interface FloodResult {
  readonly echoesPerSecond: number;
}

const BATCH_BYTES = 128 * 1024;
/** Echoes that may be missing: less than the hub queues for one client, or it would close the flood as too slow. */
const MAX_MISSING_BYTES = 640 * 1024;
const READ_BYTES = 256 * 1024;

/** Head of an unmasked frame that is shorter than 64 KiB. */
const headBytesOf = (payloadBytes: number) => payloadBytes < 126 ? 2 : 4;

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
  #sentBytes = 0;
  #receivedBytes = 0;
  #wake: (() => void) | null = null;

  constructor(connection: Deno.Conn, { payloadBytes }: FloodLoad) {
    this.#connection = connection;
    const frame = clientFrame(2, new Uint8Array(payloadBytes).fill(120));
    const count = Math.floor(BATCH_BYTES / frame.length);
    this.#batch = batchOf(frame, count);
    this.#echoBytes = payloadBytes + headBytesOf(payloadBytes);
    this.#batchEchoBytes = count * this.#echoBytes;
  }

  async flood(ms: number): Promise<FloodResult> {
    const [before, started] = [this.#receivedBytes, performance.now()];
    while (performance.now() < started + ms) {
      this.#sentBytes += this.#batchEchoBytes;
      await writeAll(this.#connection, this.#batch);
      await this.#missingAtMost(MAX_MISSING_BYTES);
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
      if (bytes === null) throw new Error("Cannot flood: the hub closed the connection");
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
  const flooder = new Flooder(await openWebSocket(load, "/relay/flood"), load);
  flooder.receive();
  for await (const ms of numbers()) {
    print("go");
    print(JSON.stringify(await flooder.flood(ms)));
  }
}

if (import.meta.main) await run(JSON.parse(Deno.args[0] ?? "{}"));
