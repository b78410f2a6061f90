/**
 * Kills the agent or the hub of a tunnel, as a power cut does, again and again while visitors are in it: the tunnel is
 * back under its port, what visitors get is what they sent, and memory and descriptors of the side that lives on are
 * where they were. First the agent is killed only, then the hub only, then either at random.
 */
import { connect } from "node:net";
import { Random } from "../fuzz/random.ts";
import { TcpService, Visitor } from "../tests/helpers/tcp_echo.ts";
import { judge, usageLines } from "./judge.ts";
import { SideProcess } from "./side_process.ts";
import type { Soak, SoakOptions, SoakResult } from "./soak.ts";
import type { TunnelAgentTask } from "./tunnel_agent.ts";
import type { TunnelHubTask } from "./tunnel_hub.ts";
import type { Usage } from "./usage.ts";

const KIB = 1024;
/** Who is killed in the parts, and which share of the cycles each has. */
const PARTS = [
  { victim: "agent", share: 0.45, survivors: ["hub"] },
  { victim: "hub", share: 0.45, survivors: ["agent"] },
  { victim: "either", share: 0.1, survivors: [] },
] as const;
const WARM_UP = 3;
const SAMPLES = 10;
const VISIT_BYTES = 64 * KIB;
/** Visitors that are in the tunnel when a side is killed. */
const GUESTS = 4;
const MAX_LOAD_MS = 100;
const PAUSE_MS = 20;
const LOW_PORTS = { first: 10_000, count: 10_000 };
/** Longer than that is not "within seconds". */
const MAX_BACK_MS = 30_000;

interface Sample {
  readonly cycle: number;
  readonly agent: Usage;
  readonly hub: Usage;
}

/** Both sides, the service and its visitors. */
class Scene {
  readonly backMs: number[] = [];
  readonly wrong: string[] = [];
  readonly #random: Random;
  readonly #service: TcpService;
  readonly #port: number;
  readonly #hubTask: TunnelHubTask;
  readonly #agentTask: TunnelAgentTask;
  #hub: SideProcess;
  #agent: SideProcess;

  private constructor(
    service: TcpService,
    { hubPort, port, seed }: { hubPort: number; port: number; seed: number },
  ) {
    this.#random = new Random(seed);
    this.#service = service;
    this.#port = port;
    this.#hubTask = { port: hubPort };
    this.#agentTask = {
      hub: `tcp://127.0.0.1:${hubPort}`,
      service: `127.0.0.1:${service.port}`,
      tunnel: { kind: "tcp", remotePort: port },
    };
    this.#hub = new SideProcess("tunnel_hub.ts", this.#hubTask);
    this.#agent = new SideProcess("tunnel_agent.ts", this.#agentTask);
  }

  static async open(seed: number): Promise<Scene> {
    const ports = { hubPort: await lowPort(), port: await lowPort() };
    const scene = new Scene(await TcpService.echo(), { ...ports, seed });
    await scene.#hub.ready;
    await scene.#agent.ready;
    await scene.#comesBack();
    return scene;
  }

  /** Loads the tunnel, kills a side in the middle, and waits until it leads to the service again. */
  async cycle(victim: "agent" | "hub" | "either"): Promise<void> {
    const side = victim === "either" ? (this.#random.below(2) === 0 ? "agent" : "hub") : victim;
    const guests = Array.from({ length: GUESTS }, () => this.#stay());
    await new Promise((passed) => setTimeout(passed, this.#random.below(MAX_LOAD_MS)));
    if (side === "agent") {
      await this.#agent.kill();
      this.#agent = new SideProcess("tunnel_agent.ts", this.#agentTask);
      await this.#agent.ready;
    } else {
      await this.#hub.kill();
      this.#hub = new SideProcess("tunnel_hub.ts", this.#hubTask);
      await this.#hub.ready;
    }
    const startedMs = performance.now();
    await Promise.all(guests);
    await this.#comesBack();
    this.backMs.push(performance.now() - startedMs);
  }

  async sample(cycle: number): Promise<Sample> {
    for (;;) {
      const [agent, hub] = [await this.#agent.usage(), await this.#hub.usage()];
      // The last visitors may still be on their way out.
      if (agent.streams === 0 && hub.streams === 0 && hub.connections === 1) return { cycle, agent, hub };
    }
  }

  async close(): Promise<void> {
    await this.#agent[Symbol.asyncDispose]();
    await this.#hub[Symbol.asyncDispose]();
    await this.#service[Symbol.asyncDispose]();
  }

  /** Visits until one gets through. */
  async #comesBack(): Promise<void> {
    const startedMs = performance.now();
    while (!await this.#visit()) {
      if (performance.now() - startedMs > MAX_BACK_MS) {
        this.wrong.push(`the tunnel was not back after ${MAX_BACK_MS} ms`);
        return;
      }
      await new Promise((passed) => setTimeout(passed, PAUSE_MS));
    }
  }

  /** Whether a visitor got back what it sent; something else than that is a loss. */
  async #visit(): Promise<boolean> {
    try {
      await using visitor = await Visitor.at(this.#port);
      const sent = crypto.getRandomValues(new Uint8Array(VISIT_BYTES));
      visitor.socket.end(sent);
      await visitor.all;
      if (await visitor.closed !== null) return false;
      const got = visitor.bytes;
      const isSame = got.length === sent.length && got.every((byte, at) => byte === sent[at]);
      if (!isSame && got.length > 0) {
        this.wrong.push(`a visitor sent ${sent.length} bytes and got ${got.length} others`);
      }
      return isSame;
    } catch {
      // Nobody listens at the moment.
      return false;
    }
  }

  /** A visitor that sends all the time, until it is cut. */
  #stay(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = connect({ host: "127.0.0.1", port: this.#port });
    const chunk = new Uint8Array(16 * KIB);
    const more = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on("connect", more).on("drain", more).on("error", () => {}).on("close", () => resolve());
    socket.resume();
    return promise;
  }
}

/**
 * A free port below those that the system gives to connections: while nobody listens on it, one of them could have it
 * as its own end.
 */
async function lowPort(): Promise<number> {
  const port = LOW_PORTS.first + Math.floor(Math.random() * LOW_PORTS.count);
  try {
    await using service = await TcpService.start(() => {}, port);
    return service.port;
  } catch {
    return await lowPort();
  }
}

/** One part: who lives on is measured from the beginning to the end of it. */
async function runPart(
  scene: Scene,
  { victim, cycles, progress }: {
    victim: "agent" | "hub" | "either";
    cycles: number;
    progress: (text: string) => void;
  },
): Promise<Sample[]> {
  for (let cycle = 0; cycle < WARM_UP; cycle++) await scene.cycle(victim);
  const samples = [await scene.sample(0)];
  const every = Math.max(1, Math.ceil(cycles / SAMPLES));
  for (let cycle = 1; cycle <= cycles; cycle++) {
    progress(`killing ${victim}: cycle ${cycle} of ${cycles}`);
    await scene.cycle(victim);
    if (cycle % every === 0 || cycle === cycles) samples.push(await scene.sample(cycle));
  }
  return samples;
}

async function run({ cycles, seed, progress }: SoakOptions): Promise<SoakResult> {
  const started = performance.now();
  const scene = await Scene.open(seed);
  const problems: string[] = [];
  const lines: string[] = [];
  const parts: Record<string, readonly Sample[]> = {};
  for (const { victim, share, survivors } of PARTS) {
    const samples = await runPart(scene, {
      victim,
      cycles: Math.max(1, Math.round(cycles * share)),
      progress,
    });
    parts[victim] = samples;
    problems.push(...judge(samples, survivors).map((problem) => `killing ${victim}: ${problem}`));
    lines.push(`killing ${victim}:`, ...usageLines(samples));
  }
  await scene.close();
  const seconds = (performance.now() - started) / 1000;
  const back = [...scene.backMs].sort((one, other) => one - other);
  const at = (share: number) =>
    Math.round(back[Math.min(back.length - 1, Math.floor(back.length * share))] ?? 0);
  lines.unshift(
    `${back.length} cycles in ${seconds.toFixed(0)} s; back after p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ` +
      `at most ${at(1)} ms`,
  );
  const figures = { cycles, seed, seconds, backMs: { p50: at(0.5), p99: at(0.99), max: at(1) }, parts };
  return { problems: [...scene.wrong, ...problems], lines, figures };
}

/** The soak. */
export const soak: Soak = {
  name: "tunnels",
  about:
    "agent or hub of a tunnel killed at random under load: it comes back, and so do memory and descriptors",
  run,
};
