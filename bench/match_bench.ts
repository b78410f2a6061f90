/**
 * Finding the subscribers of a topic among a hundred thousand patterns, in this process: topics that were asked for
 * just now, and topics that have to be looked for.
 */
import type { Channel, PushResult } from "../src/core/delivery.ts";
import type { Subscriber } from "../src/broker/subscription.ts";
import { SubscriptionManager } from "../src/broker/subscription_manager.ts";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { budgetNote, formatSpread, median, progress, publish, round, type Row } from "./report.ts";
import { ExitCode } from "../src/cli/io.ts";

const PATTERNS = 100_000;
const MATCHES = 10;
const SITES = PATTERNS / MATCHES;
const HOT_TOPICS = 100;
const RUNS = 9;
const LOOKUPS = 20_000;

/** What of a site is subscribed to; each selects `site<n>.floor.room.temp`. */
const SHAPES: readonly ((site: string) => string)[] = [
  (site) => `${site}.floor.room.temp`,
  (site) => `${site}.+.room.temp`,
  (site) => `${site}.floor.+.temp`,
  (site) => `${site}.floor.room.+`,
  (site) => `${site}.+.+.temp`,
  (site) => `${site}.floor.#`,
  (site) => `${site}.+.room.#`,
  (site) => `${site}.floor.room.#`,
  (site) => `${site}.floor.room.temp.#`,
  (site) => `${site}.#`,
];

const channel: Channel = { name: "bench", slowConsumer: "close", gapNotice: null };

class IdleSubscriber implements Subscriber {
  readonly id: string;
  readonly heldBytes = 0;

  constructor(id: string) {
    this.id = id;
  }

  publish(): PushResult {
    return "queued";
  }

  send(): PushResult {
    return "queued";
  }

  hasRoomFor(): boolean {
    return true;
  }
}

function subscribed(): SubscriptionManager {
  const manager = new SubscriptionManager({
    maxPerSubscriber: PATTERNS,
    settingsOf: () => ({ channel, ratePerSecond: 0, keep: null }),
  });
  for (let site = 0; site < SITES; site++) {
    for (const [index, shape] of SHAPES.entries()) {
      const wanted = { pattern: shape(`site${site}`), action: "publish", priority: 0, group: null } as const;
      manager.subscribe(new IdleSubscriber(`${site}-${index}`), wanted);
    }
  }
  return manager;
}

/** Microseconds for each of many look-ups. */
function timed(manager: SubscriptionManager, asked: readonly string[]): number {
  const started = performance.now();
  let matches = 0;
  for (const topic of asked) matches += manager.route(topic).subscribers.length;
  const micros = (performance.now() - started) * 1000 / asked.length;
  if (matches !== asked.length * MATCHES) throw new Error(`Cannot go on: ${matches} matches were found`);
  return micros;
}

/** So many topics, the first `different` of them over and over; each a text of its own, as a parser makes them. */
function topics(count: number, different: number): string[] {
  const bytes = new TextEncoder();
  const text = new TextDecoder();
  return Array.from(
    { length: count },
    (_, at) => text.decode(bytes.encode(`site${at % different}.floor.room.temp`)),
  );
}

interface Figures {
  readonly cached: number[];
  readonly uncached: number[];
}

function measure(): Figures {
  const manager = subscribed();
  const figures: Figures = { cached: [], uncached: [] };
  const passer = new IdleSubscriber("passer");
  for (let run = 0; run < RUNS + 1; run++) {
    progress(`run ${run} of ${RUNS}`);
    // A change of a pattern with wildcards makes all that is known void.
    manager.subscribe(passer, { pattern: "elsewhere.#", action: "publish", priority: 0, group: null });
    const uncached = timed(manager, topics(SITES, SITES));
    timed(manager, topics(LOOKUPS, HOT_TOPICS));
    const cached = timed(manager, topics(LOOKUPS, HOT_TOPICS));
    // The first run warms up.
    if (run === 0) continue;
    figures.uncached.push(uncached);
    figures.cached.push(cached);
  }
  return figures;
}

async function run(options: BenchmarkOptions): Promise<number> {
  const { cached, uncached } = measure();
  const rows: Row[] = [
    { "look-up": `known topic, ${MATCHES} matches`, "µs": formatSpread(cached, 3) },
    { "look-up": `unknown topic, ${MATCHES} matches`, "µs": formatSpread(uncached, 3) },
  ];
  const notes = [
    budgetNote(`known topic among ${PATTERNS} patterns, µs`, { value: round(median(cached), 3), limit: 2 }),
    budgetNote(`unknown topic among ${PATTERNS} patterns, µs`, {
      value: round(median(uncached), 3),
      limit: 20,
    }),
  ];
  await publish({ name: "match", rows, notes, samples: { cached, uncached } }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "match",
  about: "Finding the subscribers of a topic among 100,000 patterns, known and unknown",
  run,
};
