/**
 * One end of a link for the benchmarks of streams, as a process of its own. `accept` listens, prints its port, reads
 * all streams, and takes the time that messages took, whose payload is when they were sent; told a number it says
 * "go" and what it measured since. `open` dials, and opens as many idle streams as it is told.
 */
import type { Stream, StreamConsumer } from "../../src/link/stream.ts";
import { numbers, print } from "./console.ts";
import { createFlusher, dial, listen, OPEN, startFrames } from "./frames_link.ts";
import { Latencies } from "./latencies.ts";

/** What an end is told. */
export type StreamEnd = { readonly side: "accept" } | { readonly side: "open"; readonly port: number };

/** What the accepting end measured. */
export interface StreamEndResult {
  readonly latenciesMs: number[];
  readonly bytes: number;
}

const MAX_STREAMS = 100_000;
const PING_TIMEOUT_MS = 60_000;
const task: StreamEnd = JSON.parse(Deno.args[0] ?? "{}");
let bytes = 0;

/** Passes everything on to nowhere. */
class Drain implements StreamConsumer {
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  data(chunk: Uint8Array): void {
    bytes += chunk.length;
    this.#stream.consumed(chunk.length);
  }

  end(): void {}
  drained(): void {}
  closed(): void {}
}

const NOBODY: StreamConsumer = { data() {}, end() {}, drained() {}, closed() {} };

async function accept(): Promise<void> {
  const latencies = new Latencies();
  latencies.begin();
  const received = (message: Uint8Array) => {
    const sentMs = new DataView(message.buffer, message.byteOffset).getFloat64(0);
    latencies.add(performance.timeOrigin + performance.now() - sentMs);
  };
  const port = await listen((link) => {
    const accept = (stream: Stream) => new Drain(stream);
    startFrames({ link, role: "spoke", flusher: createFlusher(), accept, received, maxStreams: MAX_STREAMS });
  }, null);
  print(String(port));
  for await (const _ of numbers()) {
    print("go");
    const result: StreamEndResult = { latenciesMs: latencies.end(), bytes };
    print(JSON.stringify(result));
    latencies.begin();
  }
}

async function open(port: number): Promise<void> {
  const link = await dial(port, null);
  const { mux } = startFrames({ link, role: "hub", flusher: createFlusher(), maxStreams: MAX_STREAMS });
  print("ready");
  for await (const count of numbers()) {
    for (let i = 0; i < count; i++) mux.open(OPEN, NOBODY);
    while (mux.unopened > 0) await mux.ping(PING_TIMEOUT_MS);
    print("go");
  }
}

if (task.side === "accept") await accept();
else await open(task.port);
