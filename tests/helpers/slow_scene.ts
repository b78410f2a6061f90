/**
 * A hub as it is shipped, in a process of its own, that slow clients can reach through every door, and what they are
 * told by it.
 */
import { TestCertificates } from "./certificates.ts";
import { DenoProcess, taskArguments } from "./process.ts";
import { SlowClient } from "./slow_client.ts";
import type { SlowDoor, SlowKind } from "./slow_kinds.ts";

/** Where the doors are. */
export interface SlowDoors {
  readonly ports: Readonly<Record<Exclude<SlowDoor, "publicTls">, number>>;
  /** The authority of the doors with TLS. */
  readonly ca: string;
}

interface Listening {
  readonly name: string;
  readonly url: string;
}

/** The hub. */
export class SlowScene implements AsyncDisposable {
  readonly #process: DenoProcess;
  readonly #certificates: TestCertificates;
  #listeners: readonly Listening[] = [];

  private constructor(process: DenoProcess, certificates: TestCertificates) {
    this.#process = process;
    this.#certificates = certificates;
  }

  /** Starts it with further settings. */
  static async start(settings: readonly string[] = []): Promise<SlowScene> {
    const certificates = await TestCertificates.create();
    const doors = ["false", "true"].map((tls) => `{ address: "127.0.0.1:0", tls: ${tls} }`);
    const set = [
      ...certificates.settings,
      `hub.listen=[${doors.join(", ")}]`,
      "metrics.listen=127.0.0.1:0",
      "public.listen=127.0.0.1:0",
      "logging.level=error",
      ...settings,
    ].flatMap((setting) => ["--set", setting]);
    const args = [...await taskArguments("start"), "--json", ...set];
    const process = new DenoProcess(args, { env: { DENO_TOKIO_EVENT_INTERVAL: "1" } });
    const scene = new SlowScene(process, certificates);
    scene.#listeners = JSON.parse(await process.nextLine()).listeners;
    return scene;
  }

  /** The doors; `tcp` is the port of a tunnel. */
  doors(tcp: number): SlowDoors {
    const hub = this.#portOf(/^ws:/);
    const ports = { hub, hubTls: this.#portOf(/^wss:/), public: this.#portOf(/./, "public"), tcp };
    return { ports, ca: this.#certificates.ca };
  }

  /** The plain port of the hub. */
  get port(): number {
    return this.#portOf(/^ws:/);
  }

  /** The id of its process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** The sum of all series whose names, with their labels, look like this. */
  async sum(pattern: RegExp): Promise<number> {
    const url = this.#listeners.find(({ name }) => name === "metrics")?.url ?? "";
    const lines = (await (await fetch(new URL("/metrics", url))).text()).split("\n");
    return lines.filter((line) => pattern.test(line)).reduce(
      (sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))),
      0,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    this.#certificates[Symbol.dispose]();
  }

  #portOf(scheme: RegExp, wanted = "hub"): number {
    const listener = this.#listeners.find(({ name, url }) => name === wanted && scheme.test(url));
    return Number(new URL(listener?.url ?? "").port);
  }
}

/** Opens a client of a kind at its door. */
export function openSlow(
  kind: SlowKind,
  { ports, ca }: SlowDoors,
  dribbleMs?: number,
): Promise<SlowClient> {
  if (kind.door === "publicTls") throw new TypeError("Cannot open a visitor over TLS: there is no such door");
  const more = dribbleMs === undefined ? {} : { dribbleMs };
  const secure = kind.door === "hubTls" ? { ca } : {};
  return SlowClient.connect(kind, { port: ports[kind.door], ...secure, ...more });
}
