/**
 * Subscribers that never read, five of them a cycle, while publishers send as much as four that do read take, until
 * those got `--size` altogether: the hub stays below the memory that it may take, whoever reads gets every message, and once they are gone everybody is let in.
 */
import { formatSize } from "../src/config/units.ts";
import { LimitedHub } from "./limited_hub.ts";
import { LoadSide } from "./load_side.ts";
import type { Soak, SoakOptions, SoakResult } from "./soak.ts";
import type { StalledTask } from "./stalled_load.ts";
import type { SteadyResult, SteadyTask } from "./steady_load.ts";
import { toMib } from "./usage.ts";

const MIB = 1024 * 1024;
const STALLED_PER_CYCLE = 5;
const STALLED_PER_PROCESS = 1000;
const READERS = 4;
const PUBLISHERS = 4;
const TOPIC = "soak.memory";
const PAYLOAD_BYTES = 16 * 1024;
const IN_FLIGHT = 24;
const MOST_BYTES_PER_SECOND = 50 * MIB;
/** What the hub may take: little for a few, more for many. */
const LIMITS = { few: { most: 1000, bytes: 200 * MIB }, many: 512 * MIB };
/** How long only those who read are there. */
const ALONE_MS = 5000;
const LOOK_MS = 250;

/** What the hub was at one moment. */
interface Look {
  readonly atMs: number;
  readonly residentMib: number;
  readonly status: number;
}

/** What was seen while the hub was under load. */
class Watch {
  readonly looks: Look[] = [];
  readonly #hub: LimitedHub;
  readonly #startedMs = performance.now();

  constructor(hub: LimitedHub) {
    this.#hub = hub;
  }

  async look(): Promise<Look> {
    const status = await this.#hub.knock();
    const look = {
      atMs: Math.round(performance.now() - this.#startedMs),
      residentMib: toMib(this.#hub.residentBytes()),
      status,
    };
    this.looks.push(look);
    return look;
  }

  /** How many new connections got this status. */
  count(status: number): number {
    return this.looks.filter((look) => look.status === status).length;
  }
}

/** The parties of a run. */
interface Scene {
  readonly hub: LimitedHub;
  readonly steady: LoadSide;
  readonly watch: Watch;
  readonly stalled: number;
}

async function run({ cycles, sizeBytes, progress }: SoakOptions): Promise<SoakResult> {
  const stalled = STALLED_PER_CYCLE * cycles;
  const limitBytes = stalled <= LIMITS.few.most ? LIMITS.few.bytes : LIMITS.many;
  await using hub = await LimitedHub.start({ memory: formatSize(limitBytes) });
  const restBytes = hub.residentBytes();
  await using steady = await LoadSide.start("steady_load.ts", steadyTask(hub.port));
  const scene = { hub, steady, stalled, watch: new Watch(hub) };
  const alone = await measureAlone(steady, progress);
  const { under, later } = await measureUnder(scene, { sizeBytes, progress });
  const series = await hub.metrics();
  const isLetIn = await becomesAmple(scene, progress);
  const last = await steady.ask<SteadyResult>();
  const peakBytes = hub.peakBytes();
  const problems = [
    ...under.faults,
    ...last.faults.filter((fault) => !under.faults.includes(fault)),
    ...(peakBytes > limitBytes ? [`hub: at most ${toMib(peakBytes)} MiB, of ${toMib(limitBytes)}`] : []),
    ...(under.published === 0 ? ["nothing got through"] : []),
    ...(isLetIn ? [] : ["nobody was let in afterwards"]),
  ];
  return {
    problems,
    lines: linesOf({ scene, alone, under, later, series, peakBytes, limitBytes, restBytes }),
    figures: {
      stalled,
      limitBytes,
      restBytes,
      peakBytes,
      alone: { ...alone, delaysMs: [] },
      under,
      later,
      ...countsOf(scene, series),
    },
  };
}

function steadyTask(port: number): SteadyTask {
  return {
    port,
    readers: READERS,
    publishers: PUBLISHERS,
    topic: TOPIC,
    payloadBytes: PAYLOAD_BYTES,
    inFlight: IN_FLIGHT,
    bytesPerSecond: MOST_BYTES_PER_SECOND,
  };
}

async function measureAlone(steady: LoadSide, progress: (line: string) => void): Promise<SteadyResult> {
  progress("those who read, alone");
  await steady.ask<SteadyResult>();
  await new Promise((passed) => setTimeout(passed, ALONE_MS));
  return await steady.ask<SteadyResult>();
}

/** Lets the stalled come, and goes on until so much was published; `later` is the second half of it. */
async function measureUnder(
  { hub, steady, watch, stalled }: Scene,
  { sizeBytes, progress }: Pick<SoakOptions, "sizeBytes" | "progress">,
): Promise<{ readonly under: SteadyResult; readonly later: SteadyResult }> {
  await using stack = new AsyncDisposableStack();
  for (let left = stalled; left > 0; left -= STALLED_PER_PROCESS) {
    const task: StalledTask = { port: hub.port, topic: TOPIC, count: Math.min(left, STALLED_PER_PROCESS) };
    stack.use(await LoadSide.start("stalled_load.ts", task));
    await watch.look();
  }
  const parts: SteadyResult[] = [];
  let bytes = 0;
  while (bytes < sizeBytes && await hub.isAlive()) {
    await new Promise((passed) => setTimeout(passed, LOOK_MS));
    const { residentMib, status } = await watch.look();
    const part = await steady.ask<SteadyResult>();
    parts.push(part);
    bytes += part.deliveries * PAYLOAD_BYTES;
    progress(
      `${toMib(bytes)} of ${toMib(sizeBytes)} MiB, resident ${residentMib} MiB, new ones get ${status}`,
    );
    if (part.faults.length > 0) break;
  }
  return { under: joined(parts), later: joined(parts.slice(Math.floor(parts.length / 2))) };
}

function joined(parts: readonly SteadyResult[]): SteadyResult {
  const sum = (figure: (part: SteadyResult) => number) => parts.reduce((all, part) => all + figure(part), 0);
  const seconds = sum((part) => part.seconds);
  const delaysMs = parts.flatMap((part) => part.delaysMs).sort((one, other) => one - other);
  const at = (share: number) => delaysMs[Math.floor(share * (delaysMs.length - 1))] ?? NaN;
  return {
    seconds,
    published: sum((part) => part.published),
    bytesPerSecond: sum((part) => part.published) * PAYLOAD_BYTES / seconds,
    deliveries: sum((part) => part.deliveries),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    delaysMs: [],
    faults: parts.at(-1)?.faults ?? [],
  };
}

/** Waits until the hub has memory again and lets new ones in. */
async function becomesAmple({ hub, watch }: Scene, progress: (line: string) => void): Promise<boolean> {
  for (let attempt = 0; attempt < 240; attempt++) {
    const { status, residentMib } = await watch.look();
    if (status === 101) return true;
    if (!await hub.isAlive()) return false;
    progress(`waiting until new ones are let in: ${residentMib} MiB`);
    await new Promise((passed) => setTimeout(passed, LOOK_MS));
  }
  return false;
}

/** What the hub says it has done, and what new ones were told. */
function countsOf({ watch }: Scene, series: ReadonlyMap<string, number>) {
  const of = (name: string) => series.get(name) ?? 0;
  return {
    closedAsSlow: of('trunkline_connections_closed_total{code="4413"}'),
    refusedForMemory: of('trunkline_connections_refused_total{reason="memory"}'),
    collections: of("trunkline_garbage_collections_total"),
    readLess: of('trunkline_memory_stage_changes_total{stage="read_less",bound="resident"}'),
    shed: of('trunkline_memory_stage_changes_total{stage="shed",bound="resident"}'),
    refuse: of('trunkline_memory_stage_changes_total{stage="refuse",bound="resident"}'),
    letIn: watch.count(101),
    turnedAway: watch.count(503),
    unanswered: watch.count(0),
  };
}

interface Outcome {
  readonly scene: Scene;
  readonly alone: SteadyResult;
  readonly under: SteadyResult;
  readonly later: SteadyResult;
  readonly series: ReadonlyMap<string, number>;
  readonly peakBytes: number;
  readonly limitBytes: number;
  readonly restBytes: number;
}

function linesOf({ scene, alone, under, later, series, ...memory }: Outcome): string[] {
  const { peakBytes, limitBytes, restBytes } = memory;
  const line = (name: string, { bytesPerSecond, deliveries, seconds, p50Ms, p99Ms, maxMs }: SteadyResult) =>
    `${name}: ${toMib(bytesPerSecond)} MiB/s published, ${Math.round(deliveries / seconds)} deliveries/s, ` +
    `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, at most ${maxMs.toFixed(0)} ms`;
  return [
    `resident at most ${toMib(peakBytes)} MiB of ${toMib(limitBytes)}, ${toMib(restBytes)} at rest`,
    line(`${READERS} who read, alone`, alone),
    line(`${READERS} who read beside ${scene.stalled} who do not, ${under.seconds.toFixed(0)} s`, under),
    line(`the last ${later.seconds.toFixed(0)} s of them`, later),
    JSON.stringify(countsOf(scene, series)),
  ];
}

/** The soak. */
export const soak: Soak = {
  name: "memory",
  about: "thousands of subscribers that never read: the hub stays below its memory and serves the others",
  run,
};
