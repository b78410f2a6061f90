/**
 * One stream over a long link: a proxy on loopback delays what passes and lets only so much through. The windows
 * and what may be on its way have to grow until the link is full.
 */
import { connect, type Socket } from "node:net";
import type { Stream, StreamConsumer } from "../src/link/stream.ts";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { createFlusher, dial, listen, saturate, startFrames } from "./load/frames_link.ts";
import { budgetNote, formatSpread, median, progress, publish } from "./report.ts";
import { ExitCode } from "../src/cli/io.ts";

const RUNS = 3;
const MEGABITS_PER_SECOND = 200;
/** Each way: a round trip takes twice as long. */
const DELAY_MS = 50;
const GROWTH_MS = 4000;
const MEASURED_MS = 4000;
const LEAST_SHARE = 0.8;
const BYTES_PER_MS = MEGABITS_PER_SECOND * 1e6 / 8 / 1000;
/** What the proxy holds beside what is on the wire, as a router does. */
const ROUTER_BYTES = 2 * BYTES_PER_MS * DELAY_MS;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** One direction of the proxy. */
class LongWire {
  readonly #to: Socket;
  readonly #from: Socket;
  #waiting: { readonly dueMs: number; readonly chunk: Uint8Array }[] = [];
  #heldBytes = 0;
  #freeMs = 0;
  #timer: ReturnType<typeof setInterval>;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on("data", (chunk: Uint8Array) => this.#take(chunk));
    from.on("close", () => {
      clearInterval(this.#timer);
      to.destroy();
    });
    this.#timer = setInterval(() => this.#deliver(), 1);
  }

  #take(chunk: Uint8Array): void {
    this.#freeMs = Math.max(this.#freeMs, performance.now()) + chunk.length / BYTES_PER_MS;
    this.#waiting.push({ dueMs: this.#freeMs + DELAY_MS, chunk });
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > BYTES_PER_MS * DELAY_MS + ROUTER_BYTES) this.#from.pause();
  }

  #deliver(): void {
    const now = performance.now();
    const due = this.#waiting.findIndex(({ dueMs }) => dueMs > now);
    for (const { chunk } of this.#waiting.splice(0, due < 0 ? this.#waiting.length : due)) {
      this.#heldBytes -= chunk.length;
      this.#to.write(chunk);
    }
    if (this.#heldBytes < BYTES_PER_MS * DELAY_MS + ROUTER_BYTES / 2) this.#from.resume();
  }
}

/** What comes of a stream that is kept full. */
async function measure(): Promise<number> {
  let bytes = 0;
  const farPort = await listen((link) => {
    const accept = (stream: Stream): StreamConsumer => ({
      data: (chunk) => {
        bytes += chunk.length;
        stream.consumed(chunk.length);
      },
      end() {},
      drained() {},
      closed() {},
    });
    startFrames({ link, role: "hub", flusher: createFlusher(), accept });
  }, null);
  const port = await listen(({ socket }) => {
    const onward = connect({ port: farPort, host: "127.0.0.1", noDelay: true });
    onward.on("error", () => {});
    new LongWire(socket, onward);
    new LongWire(onward, socket);
  }, null);
  const transport = startFrames({ link: await dial(port, null), role: "spoke", flusher: createFlusher() });
  saturate(transport);
  await sleep(GROWTH_MS);
  const [before, startedMs] = [bytes, performance.now()];
  await sleep(MEASURED_MS);
  const share = (bytes - before) / (performance.now() - startedMs) / BYTES_PER_MS;
  transport.destroy();
  return share;
}

async function run(options: BenchmarkOptions): Promise<number> {
  const shares: number[] = [];
  for (let run = 1; run <= RUNS; run++) {
    progress(`run ${run} of ${RUNS}`);
    shares.push(await measure());
  }
  const link = `${MEGABITS_PER_SECOND} Mbit/s, round trip ${2 * DELAY_MS} ms`;
  const rows = [{ link, "share of the link": formatSpread(shares) }];
  const notes = [
    budgetNote("share of the link after growth", {
      value: median(shares),
      limit: LEAST_SHARE,
      atLeast: true,
    }),
  ];
  await publish({ name: "wan", rows, notes, samples: shares }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "wan",
  about: "One stream over a link of 200 Mbit/s and 100 ms",
  run,
};
