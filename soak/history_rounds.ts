/**
 * A hub with a store on disk that is killed in the middle of its work, again and again, while somebody publishes and
 * somebody is subscribed. Both come back: the publisher sends again what was not answered, the subscriber goes on behind
 * what it got last. In the end every message has to have come once and in order.
 */
import { join } from "node:path";
import { BrokerClient, newId, type Received } from "../tests/broker/broker_client.ts";
import { DenoProcess } from "../tests/helpers/process.ts";

/** How it is run. */
export interface HistoryRoundsOptions {
  /** How often the hub is killed. */
  readonly rounds: number;
  readonly messagesPerSecond: number;
  /** Gives numbers from 0 to below 1. */
  readonly random: () => number;
  readonly progress: (line: string) => void;
}

/** What came of it. */
export interface HistoryRoundsResult {
  readonly problems: readonly string[];
  readonly published: number;
  readonly received: number;
  /** Messages that were sent again because their answer did not come. */
  readonly sentAgain: number;
  /** Of them, those that the hub had kept already. */
  readonly duplicates: number;
  /** From the start of a process to its first line, in milliseconds, each round. */
  readonly startMs: readonly number[];
}

const TOPIC = "log.a";
const TICK_MS = 10;
/** A round goes on for so long, and a random part of it more, before the hub is killed. */
const ROUND_MS = 300;
const MAX_UNANSWERED = 5000;

/** A hub in a process of its own. */
class KilledHub {
  readonly port: number;
  readonly #process: DenoProcess;

  private constructor(process: DenoProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  static async start(folder: string): Promise<KilledHub> {
    const settings = [
      "hub.listen=127.0.0.1:0",
      "public.enabled=false",
      "metrics.enabled=false",
      "logging.level=error",
      `storage.path=${folder}`,
      "broker.history.max_bytes=1GiB",
      'broker.topics=[{ pattern: "log.#", history: { size: 1000000, ttl: 24h } }]',
    ];
    const args = settings.flatMap((setting) => ["--set", setting]);
    const process = new DenoProcess(["run", "-A", "main.ts", "hub", "--json", ...args]);
    const { listeners } = JSON.parse(await process.nextLine());
    return new KilledHub(process, Number(listeners[0].port));
  }

  connect(): Promise<BrokerClient> {
    return BrokerClient.connect({ port: this.port, url: () => "" }, "text");
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.ended();
  }
}

/** Publishes numbers in their order, and again what was not answered. */
class Publisher {
  sentAgain = 0;
  duplicates = 0;
  next = 0;
  readonly problems: string[] = [];
  readonly #unanswered = new Map<string, number>();
  #lastId = "";

  /** Sends until the connection ends, or `isOver` says so and everything is answered. */
  async run(
    client: BrokerClient,
    { perTick, isOver }: { perTick: number; isOver: () => boolean },
  ): Promise<void> {
    const before = this.#lastId;
    for (const [id, number] of this.#unanswered) this.#send(client, id, number);
    this.sentAgain += this.#unanswered.size;
    const again = new Set(this.#unanswered.keys());
    const timer = setInterval(() => {
      for (let at = 0; at < perTick && !isOver() && this.#unanswered.size < MAX_UNANSWERED; at++) {
        const id = newId();
        this.#unanswered.set(id, this.next);
        this.#send(client, id, this.next++);
      }
    }, TICK_MS);
    try {
      while (!isOver() || this.#unanswered.size > 0) {
        const message = await nextOrEnd(client);
        if (message === null) return;
        this.#answered(message, { again, before });
      }
    } finally {
      clearInterval(timer);
    }
  }

  #send(client: BrokerClient, id: string, number: number): void {
    client.send(`publish:${TOPIC}:1.0.0:${id}`, `${number}`);
  }

  #answered(
    { header, payload }: Received,
    { again, before }: { again: ReadonlySet<string>; before: string },
  ): void {
    const requestId = header.slice(header.lastIndexOf(":") + 1);
    const number = this.#unanswered.get(requestId);
    if (number === undefined) return;
    this.#unanswered.delete(requestId);
    const { status, id } = JSON.parse(payload);
    if (status !== "success") this.problems.push(`${number} was answered ${payload}`);
    // What the hub had kept has an id of an epoch before this connection's.
    if (again.has(requestId) && before !== "" && id.slice(0, 18) === before.slice(0, 18)) this.duplicates++;
    this.#lastId = id;
  }
}

/** Keeps account of what came. */
class Subscriber {
  received = 0;
  position: string | null = null;
  readonly problems: string[] = [];

  /** Goes on where it was, until the connection ends or `isDone` says so. */
  async run(client: BrokerClient, isDone: () => boolean): Promise<void> {
    const replay = this.position === null ? { last: 0 } : { since: this.position };
    client.send(
      `request:system.topic.subscribe:1.0.0:${newId()}`,
      JSON.stringify({ topic: "log.#", action: "publish", replay }),
    );
    while (!isDone()) {
      const message = await nextOrEnd(client);
      if (message === null) return;
      this.#take(message);
    }
  }

  #take({ header, payload }: Received): void {
    if (header.startsWith("response:")) {
      const { recovered, position, error } = JSON.parse(payload);
      if (error !== undefined) this.problems.push(payload);
      if (recovered !== true) this.problems.push(`behind ${this.position} not everything was there`);
      this.position ??= position;
    } else if (header.startsWith("publish:system.topic.gap")) this.problems.push(`a gap: ${payload}`);
    else if (header.startsWith("publish:log.")) {
      if (Number(payload) !== this.received) {
        this.problems.push(`${payload} came instead of ${this.received}`);
      }
      this.received = Number(payload) + 1;
      this.position = header.split(":")[3] ?? null;
    }
  }
}

async function nextOrEnd(client: BrokerClient): Promise<Received | null> {
  try {
    return await client.next();
  } catch {
    // The hub is gone.
    return null;
  }
}

/** Kills a hub so often, and looks at what came. */
export async function runHistoryRounds(options: HistoryRoundsOptions): Promise<HistoryRoundsResult> {
  const { rounds, messagesPerSecond, random, progress } = options;
  const folder = await Deno.makeTempDir({ prefix: "trunkline-history-" });
  const publisher = new Publisher();
  const subscriber = new Subscriber();
  const startMs: number[] = [];
  const perTick = Math.max(1, Math.round(messagesPerSecond * TICK_MS / 1000));
  try {
    for (let round = 0; round <= rounds; round++) {
      const startedMs = performance.now();
      const hub = await KilledHub.start(join(folder, "store"));
      startMs.push(Math.round(performance.now() - startedMs));
      const isLast = round === rounds;
      const [one, other] = [await hub.connect(), await hub.connect()];
      const isEnd = () => isLast && subscriber.received >= publisher.next;
      const subscribed = subscriber.run(other, isEnd);
      const published = publisher.run(one, { perTick, isOver: () => isLast });
      if (!isLast) await new Promise((passed) => setTimeout(passed, ROUND_MS + random() * 2 * ROUND_MS));
      else await Promise.all([published, subscribed]);
      await hub.kill();
      await Promise.all([published, subscribed]);
      await Promise.all([one.close(), other.close()]);
      progress(`${round} of ${rounds} rounds, ${subscriber.received} messages`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const { next: published, sentAgain, duplicates } = publisher;
  const problems = [...publisher.problems, ...subscriber.problems].slice(0, 20);
  return { problems, published, received: subscriber.received, sentAgain, duplicates, startMs };
}
