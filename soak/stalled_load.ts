/**
 * Subscribers that never read, as a process of its own. It prints "go" when all have subscribed once, and ends with its
 * input. Whoever the hub closes comes again, later each time as clients do, also while the hub lets nobody in, so that
 * it never gets rid of them.
 */
import { print } from "../bench/load/console.ts";
import { clientFrame } from "../bench/load/raw_websocket.ts";
import { openWebSocket, writeAll } from "../bench/load/web_socket.ts";
import { Backoff } from "../src/limits/backoff.ts";

/** What it is told. */
export interface StalledTask {
  readonly port: number;
  readonly count: number;
  readonly topic: string;
}

/** How often each looks whether it was closed, by writing a pong that nobody asked for. */
const LOOK_MS = 2000;
/** How what the hub says first ends. */
const GREETING_END = "}}";
const encoder = new TextEncoder();
const PONG = clientFrame(10, new Uint8Array(0));

const passed = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** One subscriber. */
class Stalled {
  readonly #task: StalledTask;
  #connection: Deno.Conn | null = null;
  /** As agents come again. */
  readonly #backoff = new Backoff({ random: Math.random });

  constructor(task: StalledTask) {
    this.#task = task;
  }

  /** Connects and subscribes, until the hub lets it. */
  async open(): Promise<void> {
    const { port, topic } = this.#task;
    for (;;) {
      try {
        this.#connection = await openWebSocket({ port }, "/ws", GREETING_END);
        const text = `request:system.topic.subscribe:1.0.0\n{"topic":"${topic}"}`;
        return await writeAll(this.#connection, clientFrame(1, encoder.encode(text)));
      } catch {
        // Turned away, or cut in the middle: that is what this is for.
        await passed(this.#backoff.next("transient"));
      }
    }
  }

  /** Looks whether it is still there, for ever. */
  async stay(): Promise<never> {
    for (;;) {
      await passed(LOOK_MS);
      try {
        if (this.#connection !== null) await writeAll(this.#connection, PONG);
      } catch {
        this.#connection?.close();
        await passed(this.#backoff.next("transient"));
        await this.open();
      }
    }
  }
}

async function run(task: StalledTask): Promise<void> {
  const all = Array.from({ length: task.count }, () => new Stalled(task));
  const batch = 50;
  for (let at = 0; at < all.length; at += batch) {
    await Promise.race([Promise.all(all.slice(at, at + batch).map((one) => one.open())), passed(5000)]);
  }
  for (const one of all) one.stay();
  print("go");
  for await (const _ of Deno.stdin.readable);
  Deno.exit(0);
}

if (import.meta.main) await run(JSON.parse(Deno.args[0] ?? "{}"));
