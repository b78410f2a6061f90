/**
 * Large bodies through an HTTP tunnel, up and down, with a length and in chunks: what arrives is what was sent, hub and
 * agent hold no more of it than windows and buffers take, and afterwards what they held before.
 */
import { formatSize } from "../src/config/units.ts";
import { LargeBodies, type TransferFraming } from "./http_transfer.ts";
import { judge, usageLines } from "./judge.ts";
import { curveOf, judgeCurve, type MemorySample } from "./memory_curve.ts";
import { SideProcess } from "./side_process.ts";
import type { Soak, SoakOptions, SoakResult } from "./soak.ts";
import type { TunnelAgentTask } from "./tunnel_agent.ts";
import { SIDES, type Usage } from "./usage.ts";

const MIB = 1024 * 1024;
const HOST = "soak.localhost";
const WARM_UP_BYTES = 64 * MIB;
/** Between two looks at the memory of both sides. */
const SAMPLE_MS = 250;
/** In this order; each moves half of what is moved in its direction. */
const PARTS: readonly { way: "up" | "down"; framing: TransferFraming }[] = [
  { way: "up", framing: "length" },
  { way: "up", framing: "chunked" },
  { way: "down", framing: "length" },
  { way: "down", framing: "chunked" },
];

type Part = typeof PARTS[number];
type Sides<T> = Readonly<Record<typeof SIDES[number], T>>;

interface Sample extends Sides<Usage> {
  readonly cycle: number;
}

/** What came of one part. */
interface PartResult {
  readonly name: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly samples: readonly Sides<MemorySample>[];
  readonly problems: readonly string[];
}

/** Both sides and the service. */
class Scene implements AsyncDisposable {
  readonly #bodies: LargeBodies;
  readonly #hub: SideProcess;
  readonly #agent: SideProcess;
  readonly #port: number;

  private constructor(bodies: LargeBodies, sides: Sides<SideProcess>, port: number) {
    this.#bodies = bodies;
    this.#hub = sides.hub;
    this.#agent = sides.agent;
    this.#port = port;
  }

  static async open(): Promise<Scene> {
    const bodies = await LargeBodies.start();
    const hub = new SideProcess("tunnel_hub.ts", { port: 0 });
    const { port, publicPort } = await hub.ready;
    const task: TunnelAgentTask = {
      hub: `tcp://127.0.0.1:${port}`,
      service: `127.0.0.1:${bodies.port}`,
      tunnel: { kind: "http", subdomain: "soak" },
    };
    const agent = new SideProcess("tunnel_agent.ts", task);
    await agent.ready;
    return new Scene(bodies, { hub, agent }, Number(publicPort));
  }

  /** Until the tunnel leads to the service. */
  async isUp(): Promise<void> {
    const transfer = { framing: "length", bytes: 1, onBytes: () => {} } as const;
    while (await this.#bodies.download({ ...transfer, ...this.#place() }) !== null);
  }

  /** Moves so much, and looks at both sides all the time. */
  async move(
    { way, framing }: Part,
    bytes: number,
    progress: (text: string) => void = () => {},
  ): Promise<PartResult> {
    const name = `${way}, ${framing}`;
    const startedMs = performance.now();
    const samples: Sides<MemorySample>[] = [];
    let moved = 0;
    const transfer = { ...this.#place(), bytes, framing, onBytes: (now: number) => moved = now };
    const over = way === "up" ? this.#bodies.upload(transfer) : this.#bodies.download(transfer);
    let isOver = false;
    const watched = over.finally(() => isOver = true);
    while (!isOver) {
      samples.push({ agent: await this.#agent.memory(), hub: await this.#hub.memory() });
      progress(progressLine(name, { moved, bytes, startedMs, samples }));
      await Promise.race([watched, new Promise((passed) => setTimeout(passed, SAMPLE_MS))]);
    }
    const fault = await watched;
    const seconds = (performance.now() - startedMs) / 1000;
    return { name, bytes, seconds, samples, problems: fault === null ? [] : [`${name}: ${fault}`] };
  }

  /** What both sides hold once nothing flows. */
  async sample(cycle: number): Promise<Sample> {
    for (;;) {
      const [agent, hub] = [await this.#agent.usage(), await this.#hub.usage()];
      // The last visitor may still be on its way out.
      if (agent.streams === 0 && hub.streams === 0 && hub.connections === 1) return { cycle, agent, hub };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent[Symbol.asyncDispose]();
    await this.#hub[Symbol.asyncDispose]();
    await this.#bodies[Symbol.asyncDispose]();
  }

  #place() {
    return { port: this.#port, host: HOST };
  }
}

function progressLine(
  name: string,
  { moved, bytes, startedMs, samples }: {
    readonly moved: number;
    readonly bytes: number;
    readonly startedMs: number;
    readonly samples: readonly Sides<MemorySample>[];
  },
): string {
  const seconds = (performance.now() - startedMs) / 1000;
  const resident = SIDES.map((side) => `${side} ${mib(samples.at(-1)?.[side].residentBytes ?? 0)} MiB`);
  const rate = mib(moved / Math.max(seconds, 0.001));
  return `${name}: ${mib(moved)} of ${mib(bytes)} MiB, ${rate} MiB/s; resident: ${resident.join(", ")}`;
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}

/** Every part once for each half of what is moved each way. */
async function run({ sizeBytes, progress }: SoakOptions): Promise<SoakResult> {
  await using scene = await Scene.open();
  await scene.isUp();
  for (const part of PARTS) await scene.move(part, Math.min(WARM_UP_BYTES, sizeBytes));
  const rests = [await scene.sample(0)];
  const parts: PartResult[] = [];
  for (const [at, part] of PARTS.entries()) {
    parts.push(await scene.move(part, Math.ceil(sizeBytes / 2), progress));
    rests.push(await scene.sample(at + 1));
  }
  const curves = parts.flatMap(({ name, samples }) => curvesOf(name, { samples, rest: rests[0] }));
  return {
    problems: [
      ...parts.flatMap(({ problems }) => problems),
      ...curves.flatMap(({ problems }) => problems),
      ...judge(rests),
    ],
    lines: [
      ...parts.map(partLine),
      ...curves.map(({ name, side, first, median, last, most }) =>
        `${name}: ${side} resident MiB ${first} at first, ${median} median, ${last} at last, ${most} at most`
      ),
      ...usageLines(rests),
    ],
    figures: {
      sizeBytes,
      parts: parts.map(({ name, bytes, seconds }) => ({ name, bytes, seconds })),
      curves: curves.map(({ problems: _, ...curve }) => curve),
      rests,
    },
  };
}

function curvesOf(
  name: string,
  { samples, rest }: { samples: readonly Sides<MemorySample>[]; rest: Sample | undefined },
) {
  return SIDES.map((side) => {
    const own = samples.map((sample) => sample[side]);
    const problems = judgeCurve(own, rest?.[side].residentBytes ?? 0);
    return {
      name,
      side,
      ...curveOf(own),
      residentMib: own.map(({ residentBytes }) => Number(mib(residentBytes))),
      problems: problems.map((problem) => `${name}: ${side}: ${problem}`),
    };
  });
}

function partLine({ name, bytes, seconds }: PartResult): string {
  return `${name}: ${formatSize(bytes)} in ${seconds.toFixed(1)} s, ${mib(bytes / seconds)} MiB/s`;
}

/** The soak. */
export const soak: Soak = {
  name: "http",
  about: "large bodies up and down an HTTP tunnel: they arrive whole, in bounded memory, and leave nothing",
  run,
};
