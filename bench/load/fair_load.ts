/**
 * Well-behaved clients, a process of its own: each, on a way of its own, sends a small message every now and then
 * and notes how long its echo takes. For each number on its input it measures for so many milliseconds, prints "go"
 * at the beginning and one JSON line at the end. Messages are sent when they are due whether or not the echo before
 * came, so that a hub that stands still for long counts for all that it holds up.
 */
import { cpuSecondsOf } from "../processes.ts";
import { quantile } from "../report.ts";
import { numbers, print } from "./console.ts";
import { Latencies } from "./latencies.ts";
import { type EchoClient, type EchoTarget, openEcho } from "./echo_way.ts";
import { writeAll } from "./web_socket.ts";

/** What to do; given as JSON in the first argument. */
export interface FairLoad extends EchoTarget {
  readonly clients: number;
  readonly payloadBytes: number;
  /** Mean time between two messages of a client; each waits for half to one and a half of it. */
  readonly intervalMs: number;
}

/** What came of one measurement. */
export interface FairResult {
  readonly echoes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU that the load took, in percent of one core. */
  readonly cpuPercent: number;
}

const READ_BYTES = 4096;
const SIGN_EVERY_MS = 10_000;

/** One client; echoes come in the order of the messages. */
class Client {
  readonly #client: EchoClient;
  readonly #intervalMs: number;
  readonly #latencies: Latencies;
  readonly #sentAt: number[] = [];
  #receivedBytes = 0;

  constructor(client: EchoClient, { intervalMs }: FairLoad, latencies: Latencies) {
    this.#client = client;
    this.#intervalMs = intervalMs;
    this.#latencies = latencies;
  }

  /** Sends and receives until the process ends. */
  async run(): Promise<void> {
    this.#schedule();
    const { connection, echoBytes, sign } = this.#client;
    if (sign !== null) setInterval(() => writeAll(connection, sign), SIGN_EVERY_MS);
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const bytes = await connection.read(buffer);
      if (bytes === null) throw new Error("Cannot measure: the hub closed a client");
      const now = performance.now();
      this.#receivedBytes += bytes;
      for (; this.#receivedBytes >= echoBytes; this.#receivedBytes -= echoBytes) {
        this.#latencies.add(now - (this.#sentAt.shift() ?? NaN));
      }
    }
  }

  #schedule(): void {
    setTimeout(this.#send, this.#intervalMs * (0.5 + Math.random()));
  }

  readonly #send = (): void => {
    this.#schedule();
    this.#sentAt.push(performance.now());
    writeAll(this.#client.connection, this.#client.sent);
  };
}

async function measure(latencies: Latencies, ms: number): Promise<FairResult> {
  const [cpuBefore, started] = [cpuSecondsOf(Deno.pid), performance.now()];
  latencies.begin();
  await new Promise((resolve) => setTimeout(resolve, ms));
  const values = latencies.end();
  const seconds = (performance.now() - started) / 1000;
  return {
    echoes: values.length,
    p50Ms: quantile(values, 0.5),
    p99Ms: quantile(values, 0.99),
    cpuPercent: (cpuSecondsOf(Deno.pid) - cpuBefore) / seconds * 100,
  };
}

async function run(load: FairLoad): Promise<void> {
  const latencies = new Latencies();
  const clients: Client[] = [];
  for (let i = 0; i < load.clients; i++) {
    const { payloadBytes } = load;
    clients.push(new Client(await openEcho(load, { name: `c${i}`, payloadBytes }), load, latencies));
  }
  for (const client of clients) client.run();
  for await (const ms of numbers()) {
    print("go");
    print(JSON.stringify(await measure(latencies, ms)));
  }
}

if (import.meta.main) await run(JSON.parse(Deno.args[0] ?? "{}"));
