/**
 * WebSockets opened and closed one after the other, a bounded number at a time, in a process of its own. Prints
 * "go" when the measured part begins and one JSON line at its end.
 */
import { cpuSecondsOf } from "../processes.ts";
import { print } from "./console.ts";
import { clientFrame } from "./raw_websocket.ts";
import { type LoadTarget, openWebSocket, writeAll } from "./web_socket.ts";

/** What to do; given as JSON in the first argument. */
export interface AcceptLoad extends LoadTarget {
  /** Connections at a time. */
  readonly atOnce: number;
  readonly seconds: number;
}

/** What came of it. */
export interface AcceptResult {
  /** WebSockets that were opened and closed. */
  readonly connections: number;
  readonly seconds: number;
  /** CPU seconds of the load itself. */
  readonly cpuSeconds: number;
}

const WARM_UP_SECONDS = 1;
/** Status 1000. */
const CLOSE = clientFrame(8, Uint8Array.of(3, 232));

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Goes on until it is stopped; each connection ends with the closing handshake and the server's end of TCP. */
class Visitors {
  readonly #target: LoadTarget;
  #isStopped = false;
  /** Connections that came to their end. */
  done = 0;

  constructor(target: LoadTarget) {
    this.#target = target;
  }

  async visit(): Promise<void> {
    const buffer = new Uint8Array(256);
    while (!this.#isStopped) {
      const connection = await openWebSocket(this.#target, "/relay");
      await writeAll(connection, CLOSE);
      while (await connection.read(buffer) !== null);
      connection.close();
      this.done++;
    }
  }

  stop(): void {
    this.#isStopped = true;
  }
}

async function run(load: AcceptLoad): Promise<void> {
  const visitors = new Visitors(load);
  const running = Promise.all(Array.from({ length: load.atOnce }, () => visitors.visit()));
  await Promise.race([running, sleep(WARM_UP_SECONDS * 1000)]);
  print("go");
  const [before, cpuBefore, started] = [visitors.done, cpuSecondsOf(Deno.pid), performance.now()];
  await Promise.race([running, sleep(load.seconds * 1000)]);
  const result: AcceptResult = {
    connections: visitors.done - before,
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: cpuSecondsOf(Deno.pid) - cpuBefore,
  };
  print(JSON.stringify(result));
  visitors.stop();
  await running;
}

if (import.meta.main) await run(JSON.parse(Deno.args[0] ?? "{}"));
