/**
 * The hub as it is shipped, in a process of its own that may take so much memory, and what the operating system says of
 * it (Linux). Its peak is the kernel's own figure, so that nothing between two looks is missed.
 */
import { Lines } from "../tests/helpers/lines.ts";

/** How it is started. */
export interface LimitedHubOptions {
  /** What `performance.memory` is set to. */
  readonly memory: string;
  /** Further keys over the defaults, each `key=value`. */
  readonly set?: readonly string[];
  /** For V8, as `--max-old-space-size=128`. */
  readonly v8Flags?: string;
}

/** What it may do, as in the task `start`. */
const PERMISSIONS = [
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-env",
  "--allow-sys=systemMemoryInfo",
];
const CLOCK_TICKS_PER_SECOND = 100;
const KIB = 1024;
/** A connection that the kernel or the hub did not take. */
const NO_ANSWER = [
  Deno.errors.ConnectionReset,
  Deno.errors.ConnectionRefused,
  Deno.errors.TimedOut,
  Deno.errors.BrokenPipe,
];
const ANSWER_MS = 5000;

/** A running hub. */
export class LimitedHub implements AsyncDisposable {
  readonly port: number;
  readonly #metricsPort: number;
  readonly #child: Deno.ChildProcess;
  readonly #rest: Promise<string[]>;

  private constructor(child: Deno.ChildProcess, lines: Lines, ports: ReadonlyMap<string, number>) {
    this.#child = child;
    this.#rest = lines.rest();
    this.port = ports.get("hub") ?? 0;
    this.#metricsPort = ports.get("metrics") ?? 0;
  }

  /** Starts one; resolves when it listens. */
  static async start({ memory, set = [], v8Flags }: LimitedHubOptions): Promise<LimitedHub> {
    const settings = [
      "hub.listen=127.0.0.1:0",
      "metrics.listen=127.0.0.1:0",
      "public.enabled=false",
      "logging.level=error",
      `performance.memory=${memory}`,
      ...set,
    ];
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        ...PERMISSIONS,
        ...(v8Flags === undefined ? [] : [`--v8-flags=${v8Flags}`]),
        ...["main.ts", "hub", "--json"],
        ...settings.flatMap((setting) => ["--set", setting]),
      ],
      env: { DENO_TOKIO_EVENT_INTERVAL: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = new Lines(child.stdout);
    const { listeners } = JSON.parse(await lines.next());
    const ports = new Map<string, number>(
      listeners.map(({ name, port }: { name: string; port: number }) => [name, port]),
    );
    return new LimitedHub(child, lines, ports);
  }

  /** The most memory that it ever had resident. */
  peakBytes(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#child.pid}/status`);
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * KIB;
  }

  /** What it has resident now. */
  residentBytes(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#child.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * KIB;
  }

  /** CPU seconds that it has used. */
  cpuSeconds(): number {
    const stat = Deno.readTextFileSync(`/proc/${this.#child.pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
  }

  /** All its metrics, by series. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const response = await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`);
    const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(lines.map((line) => {
      const end = line.lastIndexOf(" ");
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }));
  }

  /** The status of a new WebSocket: 101, or why there is none; 0 when there was no answer in time. */
  async knock(): Promise<number> {
    const knocking = this.#knock().catch((error) => {
      if (NO_ANSWER.some((kind) => error instanceof kind)) return 0;
      throw error;
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<number>((resolve) => timer = setTimeout(resolve, ANSWER_MS, 0));
    try {
      return await Promise.race([knocking, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #knock(): Promise<number> {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    const head = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    await connection.write(new TextEncoder().encode(head));
    const buffer = new Uint8Array(KIB);
    const bytes = await connection.read(buffer) ?? 0;
    return Number(/^HTTP\/1\.1 (\d+)/.exec(new TextDecoder().decode(buffer.subarray(0, bytes)))?.[1] ?? 0);
  }

  /** Whether it still runs. */
  async isAlive(): Promise<boolean> {
    return await Promise.race([this.#child.status.then(() => false), Promise.resolve(true)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (await this.isAlive()) this.#child.kill("SIGTERM");
    await this.#child.status;
    await this.#rest;
  }
}
