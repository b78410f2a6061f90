/**
 * Cuts the link of an agent under load, at random, again and again: by a reset, or by a way that stops to forward, which
 * both sides have to notice. Memory, descriptors, connections and streams of both sides are where they were before.
 */
import { AgentLink } from "../src/agent/agent_link.ts";
import { readDialTarget } from "../src/agent/dial_target.ts";
import { defaultAgentConfig } from "../src/config/schema_agent.ts";
import { parseHubUrl } from "../src/config/hub_url.ts";
import { Random } from "../fuzz/random.ts";
import { Backoff } from "../src/limits/backoff.ts";
import { CutProxy } from "../tests/helpers/cut_proxy.ts";
import { HubProcess } from "./hub_process.ts";
import { LinkLoad } from "./link_load.ts";
import { holds, judge, usageLines } from "./judge.ts";
import type { Soak, SoakOptions, SoakResult } from "./soak.ts";
import { SILENT } from "./silent_logger.ts";
import { measureUsage, type Usage } from "./usage.ts";

const AGENT_ID = "soak";
/** Cycles until caches, code and buffers have the size that they keep. */
const WARM_UP = 10;
/** Every so many cycles the way stops to forward instead of being cut. */
const STALL_EVERY = 10;
/** How long a connection is under load at most, in milliseconds. */
const MAX_LOAD_MS = 60;
/** Long enough for a machine that is busy with something else. */
const HEARTBEAT = { heartbeatIntervalMs: 250, heartbeatTimeoutMs: 1000 };
/** How often is measured: ten times, but not after a few cycles only. */
const SAMPLES = 10;
const MIN_BETWEEN = 20;

/** Both sides at one time. */
export interface Sample {
  readonly cycle: number;
  readonly agent: Usage;
  readonly hub: Usage;
}

/** One agent with its load. */
class Cutting {
  readonly #link: AgentLink;
  readonly #proxy: CutProxy;
  readonly #load: LinkLoad;
  readonly #random: Random;
  #waiting: (() => void) | null = null;

  constructor(proxy: CutProxy, seed: number) {
    const url = parseHubUrl(`tcp://127.0.0.1:${proxy.port}`);
    if (typeof url === "string") throw new TypeError("Cannot make the URL of the hub");
    this.#proxy = proxy;
    this.#random = new Random(seed);
    this.#link = new AgentLink({
      target: readDialTarget({ ...defaultAgentConfig().hub, url }, {}),
      identity: { agentId: AGENT_ID, token: null, tenant: null },
      logger: SILENT,
      bounds: HEARTBEAT,
      backoff: new Backoff({ random: Math.random, transient: { initialMs: 1, maxMs: 20 } }),
      onState: () => this.#waiting?.(),
    });
    this.#load = new LinkLoad(this.#link, AGENT_ID);
  }

  get counts(): LinkLoad["counts"] {
    return this.#load.counts;
  }

  /** Connects for the first time. */
  async begin(): Promise<void> {
    this.#link.start();
    await this.#up();
    await this.#load.register();
  }

  /** Loads the connection, cuts it, and waits for the next one. */
  async cycle(number: number): Promise<void> {
    const { connections } = this.#link;
    const load = this.#load.run(() =>
      this.#link.connections !== connections || this.#link.connectionStatus === 0
    );
    await new Promise((passed) => setTimeout(passed, this.#random.below(MAX_LOAD_MS)));
    if (number % STALL_EVERY === 0) this.#proxy.stall();
    else this.#proxy.cut();
    await load;
    await this.#up();
    this.#proxy.cutStalled();
  }

  /** What this side holds. */
  usage(): Promise<Usage> {
    return measureUsage(() => {
      const { state } = this.#link;
      return {
        connections: this.#link.connectionStatus,
        streams: state.kind === "up" ? state.session.streams : 0,
      };
    });
  }

  stop(): Promise<void> {
    return this.#link.stop();
  }

  async #up(): Promise<void> {
    while (this.#link.state.kind !== "up") await new Promise<void>((resolve) => this.#waiting = resolve);
    this.#waiting = null;
  }
}

async function run({ cycles, seed, progress }: SoakOptions): Promise<SoakResult> {
  await using hub = await HubProcess.start();
  await using proxy = await CutProxy.open(hub.port);
  const cutting = new Cutting(proxy, seed);
  await cutting.begin();
  const sample = async (cycle: number): Promise<Sample> => {
    // A hub notices a way that stopped to forward a little later than an agent that comes back by another.
    while (!holds(await hub.usage(), 1)) progress(`cycle ${cycle}: waiting until the hub noticed`);
    return { cycle, agent: await cutting.usage(), hub: await hub.usage() };
  };
  for (let cycle = 1; cycle <= WARM_UP; cycle++) await cutting.cycle(cycle);
  const samples = [await sample(0)];
  const started = performance.now();
  const every = Math.max(Math.ceil(cycles / SAMPLES), MIN_BETWEEN);
  for (let cycle = 1; cycle <= cycles; cycle++) {
    progress(`cycle ${cycle} of ${cycles}`);
    await cutting.cycle(cycle);
    if (cycle % every === 0 || cycle === cycles) samples.push(await sample(cycle));
  }
  const seconds = (performance.now() - started) / 1000;
  await cutting.stop();
  const { wrong, ...counts } = cutting.counts;
  const problems = [...wrong, ...judge(samples)];
  const lines = [
    `${cycles} cycles in ${seconds.toFixed(1)} s`,
    JSON.stringify(counts),
    ...usageLines(samples),
  ];
  return { problems, lines, figures: { cycles, seed, seconds, counts, samples } };
}

/** The soak. */
export const soak: Soak = {
  name: "links",
  about: "an agent's link cut at random under load: memory and descriptors of both sides come back",
  run,
};
