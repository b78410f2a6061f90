/**
 * 2,000 slow clients of all kinds on every transport for some minutes, beside twenty who use the hub as it is meant: how
 * long those wait for their echoes before, during and after, and what the hub holds. The hub is as it is shipped; a
 * cycle is a second and a half of measuring.
 */
import { LoadProcess } from "../bench/load_process.ts";
import type { FairResult } from "../bench/load/fair_load.ts";
import { median, round } from "../bench/report.ts";
import { residentBytesOf } from "../bench/processes.ts";
import { TunnelAgent } from "../tests/agent/tunnel_agent.ts";
import { SlowScene } from "../tests/helpers/slow_scene.ts";
import { SlowService } from "../tests/helpers/slow_service.ts";
import { SideProcess } from "./side_process.ts";
import type { Soak, SoakOptions, SoakResult } from "./soak.ts";
import type { SlowCrowdTask } from "./slow_crowd.ts";
import { toMib } from "./usage.ts";

const CLIENTS = 2000;
const WELL_BEHAVED = { clients: 20, payloadBytes: 32, intervalMs: 20 };
const CYCLE_MS = 1500;
/** Cycles before the crowd comes, and after it left. */
const QUIET_CYCLES = 8;
/** More is of no use: after some minutes every kind was ended and came again several times. */
const MAX_CYCLES = 200;
const MAX_RATIO = 3;
/** What the crowd may add to the hub: a quarter of a MiB each. */
const MAX_GROWTH_MIB = CLIENTS / 4;
const CONNECTED = /^trunkline_(sockets|visitor_connections|tunnel_connections_active)[ {]/;
/** Everybody who is left is gone after the longest time-out. */
const SETTINGS = ["tunnel.idle_timeout=60s", "hub.max_connections_per_ip=10000"];

/** One cycle. */
interface Sample extends FairResult {
  readonly residentMib: number;
  readonly descriptors: number;
  readonly connected: number;
}

type Phase = "before" | "during" | "after";
type Samples = Record<Phase, Sample[]>;

/** What is measured. */
class Measuring {
  readonly samples: Samples = { before: [], during: [], after: [] };
  readonly #scene: SlowScene;
  readonly #load: LoadProcess;
  readonly #progress: (line: string) => void;

  constructor(scene: SlowScene, load: LoadProcess, progress: (line: string) => void) {
    this.#scene = scene;
    this.#load = load;
    this.#progress = progress;
  }

  async cycles(phase: Phase, count: number): Promise<void> {
    for (let cycle = 1; cycle <= count; cycle++) {
      this.#progress(`${phase}: cycle ${cycle} of ${count}`);
      await this.#load.say(CYCLE_MS);
      const fair: FairResult = JSON.parse(await this.#load.line());
      const { pid } = this.#scene;
      this.samples[phase].push({
        ...fair,
        residentMib: toMib(residentBytesOf(pid)),
        descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
        connected: await this.#scene.sum(CONNECTED),
      });
    }
  }

  /** Until nobody is connected but those who were before. */
  async settled(wanted: number): Promise<void> {
    while (await this.#scene.sum(CONNECTED) > wanted) {
      this.#progress("waiting until everybody of the crowd is gone");
      await new Promise((passed) => setTimeout(passed, 500));
    }
  }
}

function middle(samples: readonly Sample[], figure: (sample: Sample) => number): number {
  return round(median(samples.map(figure)));
}

function linesOf(samples: Samples): string[] {
  const { before } = samples;
  return (["before", "during", "after"] as const).map((phase) => {
    const of = (figure: (sample: Sample) => number) => middle(samples[phase], figure);
    const ratio = (figure: (sample: Sample) => number) => (of(figure) / middle(before, figure)).toFixed(2);
    const [p50, p99] = [({ p50Ms }: Sample) => p50Ms, ({ p99Ms }: Sample) => p99Ms];
    return `${phase.padEnd(6)}  p50 ${of(p50)} ms (${ratio(p50)}), p99 ${of(p99)} ms (${
      ratio(p99)
    }), resident ` +
      `${of(({ residentMib }) => residentMib)} MiB (most ${
        most(samples[phase], ({ residentMib }) => residentMib)
      }), ` +
      `descriptors ${most(samples[phase], ({ descriptors }) => descriptors)}, connected ` +
      `${most(samples[phase], ({ connected }) => connected)}`;
  });
}

function most(samples: readonly Sample[], figure: (sample: Sample) => number): number {
  return Math.max(0, ...samples.map(figure));
}

function judge({ before, during, after }: Samples): string[] {
  const problems: string[] = [];
  for (const quantile of ["p50Ms", "p99Ms"] as const) {
    const ratio = middle(during, (sample) => sample[quantile]) / middle(before, (sample) => sample[quantile]);
    if (ratio > MAX_RATIO) problems.push(`${quantile} is ${round(ratio)} times what it was before`);
  }
  const grown = most(during, ({ residentMib }) => residentMib) -
    middle(before, ({ residentMib }) => residentMib);
  if (grown > MAX_GROWTH_MIB) problems.push(`the hub grew by ${round(grown)} MiB`);
  const left = most(after, ({ descriptors }) => descriptors) - most(before, ({ descriptors }) => descriptors);
  if (left > 0) problems.push(`${left} descriptors are left`);
  return problems;
}

async function run({ cycles, progress }: SoakOptions): Promise<SoakResult> {
  await using service = await SlowService.start();
  await using scene = await SlowScene.start(SETTINGS);
  const tunnels = `[
    { name: web, kind: http, local: ${service.httpPort}, subdomain: app },
    { name: tcp, kind: tcp, local: ${service.tcpPort} }]`;
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${scene.port}`, tunnels);
  const doors = scene.doors(await edge.port("tcp"));
  await using load = new LoadProcess("fair_load.ts", { port: scene.port, ...WELL_BEHAVED });
  const measuring = new Measuring(scene, load, progress);
  await measuring.cycles("before", QUIET_CYCLES);
  const connected = await scene.sum(CONNECTED);
  const task: SlowCrowdTask = { doors, clients: CLIENTS };
  {
    await using crowd = new SideProcess("slow_crowd.ts", task);
    await crowd.ready;
    await measuring.cycles("during", Math.min(cycles, MAX_CYCLES));
  }
  await measuring.settled(connected);
  await measuring.cycles("after", QUIET_CYCLES);
  const { samples } = measuring;
  return { problems: judge(samples), lines: linesOf(samples), figures: { clients: CLIENTS, samples } };
}

/** The soak. */
export const soak: Soak = {
  name: "slow",
  about:
    "2,000 slow clients of all kinds beside 20 others: what those wait for their echoes, and what the hub holds",
  run,
};
