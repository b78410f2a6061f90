/**
 * Requests over HTTP from a process of its own: so many connections, one request after the other on each, or a
 * connection for each request. Prints "go" when the measured part begins, and at its end a line with what was seen.
 */
import { connect, type Socket } from "node:net";
import { print } from "./console.ts";

/** What the load is told. */
export interface HttpLoad {
  readonly port: number;
  readonly host: string;
  readonly connections: number;
  /** Of the body that comes back. */
  readonly bodyBytes: number;
  /** Whether each request has a connection of its own. */
  readonly isFresh: boolean;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

/** What was seen. */
export interface HttpLoadResult {
  readonly requests: number;
  readonly ms: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const task: HttpLoad = JSON.parse(Deno.args[0] ?? "{}");
const fields = task.isFresh ? "Connection: close\r\n" : "";
const request = new TextEncoder().encode(
  `GET /hello HTTP/1.1\r\nHost: ${task.host}\r\nUser-Agent: bench\r\nAccept: */*\r\n${fields}\r\n`,
);
const latencies: number[] = [];
let isMeasured = false;
let isOver = false;

/** Counts one response; the first head tells how long all are. */
class Client {
  #left = 0;
  #head = "";
  #sentMs = 0;
  readonly #socket: Socket;
  readonly #done: () => void;

  constructor(socket: Socket, done: () => void) {
    this.#socket = socket;
    this.#done = done;
    socket.on("data", (chunk: Uint8Array) => this.#take(chunk));
  }

  send(): void {
    this.#sentMs = performance.now();
    this.#head = "";
    this.#left = -1;
    this.#socket.write(request);
  }

  #take(chunk: Uint8Array): void {
    let bytes = chunk.length;
    if (this.#left < 0) {
      this.#head += new TextDecoder().decode(chunk.subarray(0, 1024));
      const end = this.#head.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!this.#head.startsWith("HTTP/1.1 200")) throw new Error(`Cannot go on: ${this.#head}`);
      bytes = chunk.length - (end + 4);
      this.#left = task.bodyBytes;
    }
    this.#left -= bytes;
    if (this.#left > 0) return;
    if (isMeasured) latencies.push(performance.now() - this.#sentMs);
    this.#done();
  }
}

function keep(): void {
  const socket = connect({ host: "127.0.0.1", port: task.port, noDelay: true });
  const client = new Client(socket, () => isOver ? socket.destroy() : client.send());
  socket.once("connect", () => client.send());
}

function come(): void {
  const socket = connect({ host: "127.0.0.1", port: task.port, noDelay: true });
  const client = new Client(socket, () => {
    socket.destroy();
    if (!isOver) come();
  });
  socket.once("connect", () => client.send());
}

for (let count = 0; count < task.connections; count++) (task.isFresh ? come : keep)();
await new Promise((resolve) => setTimeout(resolve, task.warmUpMs));
print("go");
isMeasured = true;
const startedMs = performance.now();
await new Promise((resolve) => setTimeout(resolve, task.measuredMs));
isMeasured = false;
const ms = performance.now() - startedMs;
latencies.sort((one, other) => one - other);
const at = (share: number) =>
  latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? NaN;
print(JSON.stringify({ requests: latencies.length, ms, p50Ms: at(0.5), p99Ms: at(0.99) }));
isOver = true;
Deno.exit(0);
