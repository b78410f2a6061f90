/** A real hub on free loopback ports, stopped at the end of its scope. */
import assert from "node:assert/strict";
// Not the global one, which some tests replace by a clock of their own.
import { setTimeout as delay } from "node:timers/promises";
import type { ReloadOutcome } from "../../src/broker/control_topics.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { type ConfigResult, loadConfig } from "../../src/config/hub_config.ts";
import type { Config } from "../../src/config/schema.ts";
import { HubServer } from "../../src/server/hub_server.ts";
import type { HubServerOptions } from "../../src/server/hub_server_options.ts";
import { MemoryLogger } from "./memory_logger.ts";

/** Free ports; and a hub that shares its event loop with a test does not take the test for a load. */
const FREE = [
  "hub.listen=127.0.0.1:0",
  "metrics.listen=127.0.0.1:0",
  "public.listen=127.0.0.1:0",
  "limits.adjust.enabled=false",
];

/** Between one look at the metrics and the next. */
const METRICS_PAUSE_MS = 10;

/** What the overrides give, on free ports. */
function load(set: readonly string[]): ConfigResult {
  return loadConfig({
    file: null,
    env: {},
    set: [...FREE, ...set],
    cwd: Deno.cwd(),
    readSecretFile: (path) => Deno.readTextFileSync(path),
  });
}

/** The configuration that the overrides give, on free ports. */
export function testConfig(set: readonly string[] = []): Config {
  const result = load(set);
  assert.ok(result.ok, result.ok ? "" : result.problems.map(formatProblem).join("\n"));
  return result.config;
}

/** A running hub. */
export class TestHub implements AsyncDisposable {
  readonly server: HubServer;
  readonly logger: MemoryLogger;
  /** What a configuration that is read again is overridden with. */
  readonly #overrides: { set: readonly string[] };
  /** The metrics that are not yet asked for, but will be. */
  #nextMetrics: Promise<string> | undefined;
  /** When they came last. */
  #answered = -METRICS_PAUSE_MS;

  private constructor(server: HubServer, logger: MemoryLogger, overrides: { set: readonly string[] }) {
    this.server = server;
    this.logger = logger;
    this.#overrides = overrides;
  }

  /** Starts a hub with keys of the configuration overridden, each `key=value`. */
  static async start(set: readonly string[] = [], options: Partial<HubServerOptions> = {}): Promise<TestHub> {
    const logger = new MemoryLogger();
    const overrides = { set };
    const readConfig = () => load(overrides.set);
    const server = new HubServer(testConfig(set), { logger, version: "0.0.0-test", readConfig, ...options });
    await server.start();
    return new TestHub(server, logger, overrides);
  }

  /** Has the configuration read again, with other keys overridden. */
  async reload(set: readonly string[]): Promise<ReloadOutcome> {
    this.#overrides.set = set;
    const outcome = await this.server.reload();
    assert.ok(outcome !== null);
    return outcome;
  }

  /** The port of the hub's first address. */
  get port(): number {
    return this.#portOf("hub");
  }

  /** The port of metrics and health. */
  get metricsPort(): number {
    return this.#portOf("metrics");
  }

  /** The port of visitors over HTTP. */
  get publicPort(): number {
    return this.#portOf("public");
  }

  /** The URL of a WebSocket path, plain. */
  url(path = "/relay"): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  /** The value of one series; 0 when it is not there. */
  async metric(series: string): Promise<number> {
    const line = (await this.#metrics()).split("\n").find((text) => text.startsWith(`${series} `));
    return line === undefined ? 0 : Number(line.slice(series.length + 1));
  }

  /** Waits until a series has a value, without a clock: by asking again. */
  async metricBecomes(series: string, wanted: number): Promise<void> {
    while (await this.metric(series) !== wanted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
  }

  /**
   * The metrics, asked for after this call. Who asks again and again is slowed down, and who asks while another waits
   * is answered with him: the hub and what is tested share one event loop.
   */
  #metrics(): Promise<string> {
    this.#nextMetrics ??= this.#paced();
    return this.#nextMetrics;
  }

  async #paced(): Promise<string> {
    const pause = this.#answered + METRICS_PAUSE_MS - performance.now();
    await delay(Math.max(0, pause));
    this.#nextMetrics = undefined;
    const response = await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`);
    const text = await response.text();
    this.#answered = performance.now();
    return text;
  }

  #portOf(name: "hub" | "public" | "metrics"): number {
    const address = this.server.addresses().find((candidate) => candidate.name === name);
    assert.ok(address, `the hub has no ${name} address`);
    return address.port;
  }
}
