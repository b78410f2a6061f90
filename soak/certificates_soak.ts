/**
 * Replaces the certificates of a hub under a thousand connections over TLS with traffic, again and again, half of the
 * time by files of no use: nobody is dropped, everybody gets every message, and new connections see what is good.
 */
import { join } from "node:path";
import { once } from "node:events";
import { connect } from "node:tls";
import { Buffer } from "node:buffer";
import { type CertificatePair, createDevelopmentCertificates } from "../src/cli/dev_certificates.ts";
import { BrokerClient } from "../tests/broker/broker_client.ts";
import { DenoProcess, taskArguments } from "../tests/helpers/process.ts";
import type { Soak, SoakOptions, SoakResult } from "./soak.ts";

const CONNECTIONS = 1000;
const MAX_ROUNDS = 10;
const TOPIC = "news";
const FAILED = 'trunkline_certificate_reloads_total{door="hub",result="failed"}';

/** A hub that speaks TLS with files in a folder of its own. */
class Scene implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "trunkline-soak-" });
  port = 0;
  #metricsPort = 0;
  #hub: DenoProcess | null = null;

  /** Where a WebSocket is opened. */
  url(path = "/"): string {
    return `wss://localhost:${this.port}${path}`;
  }

  put(name: "cert" | "key", pem: string): void {
    Deno.writeTextFileSync(join(this.folder, "next"), pem);
    Deno.renameSync(join(this.folder, "next"), join(this.folder, `${name}.pem`));
  }

  async start(): Promise<void> {
    const settings = [
      "hub.listen=127.0.0.1:0",
      "public.listen=127.0.0.1:0",
      "metrics.listen=127.0.0.1:0",
      "logging.level=error",
      `hub.tls.cert=${join(this.folder, "cert.pem")}`,
      `hub.tls.key=${join(this.folder, "key.pem")}`,
    ];
    const args = settings.flatMap((setting) => ["--set", setting]);
    this.#hub = new DenoProcess([...await taskArguments("start"), "--json", ...args]);
    const { listeners } = JSON.parse(await this.#hub.nextLine());
    const portOf = (wanted: string) =>
      Number(listeners.find(({ name }: { name: string }) => name === wanted)?.port);
    this.port = portOf("hub");
    this.#metricsPort = portOf("metrics");
  }

  /** The value of a series. */
  async metric(series: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`)).text();
    const line = text.split("\n").find((one) => one.startsWith(`${series} `)) ?? "";
    return Number(line.slice(series.length));
  }

  /** The certificate that a new connection is shown, without its armour. */
  async shown(): Promise<string> {
    const socket = connect({ port: this.port, host: "127.0.0.1", rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { raw } = socket.getPeerCertificate();
    socket.destroy();
    return Buffer.from(raw).toString("base64");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hub?.[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!await isSo()) await new Promise((passed) => setTimeout(passed, 20));
}

function withoutArmour(pem: string): string {
  return pem.replace(/-----[A-Z ]+-----|\s/g, "");
}

/** Subscribers over WebSocket and with the length prefix, in turn. */
async function subscribers(scene: Scene, ca: string, progress: SoakOptions["progress"]) {
  const clients: BrokerClient[] = [];
  for (let at = 0; at < CONNECTIONS; at++) {
    const client = await BrokerClient.connect(scene, at % 2 === 0 ? "websocket" : "text", { ca });
    await client.request("system.topic.subscribe", { topic: TOPIC });
    clients.push(client);
    if (at % 100 === 99) progress(`${at + 1} of ${CONNECTIONS} connections`);
  }
  return clients;
}

/** Messages to everybody, until it is told to end; gives how many there were. */
function traffic(publisher: BrokerClient): () => Promise<number> {
  let isOver = false;
  const running = (async () => {
    let sent = 0;
    for (; !isOver; sent++) {
      await publisher.publish(TOPIC, `${sent}`);
      await new Promise((passed) => setTimeout(passed, 50));
    }
    return sent;
  })();
  return () => {
    isOver = true;
    return running;
  };
}

/** Replaces the files, every second time by such of no use, and waits until the hub saw it. */
class Rounds {
  readonly seconds: number[] = [];
  readonly problems: string[] = [];
  readonly #scene: Scene;
  readonly #ca: CertificatePair;
  #good: string;

  constructor(scene: Scene, { ca, server }: { ca: CertificatePair; server: CertificatePair }) {
    this.#scene = scene;
    this.#ca = ca;
    this.#good = withoutArmour(server.certPem);
  }

  async run(round: number): Promise<string> {
    const scene = this.#scene;
    const options = { hosts: ["localhost"], days: 30, ca: this.#ca };
    const { server } = await createDevelopmentCertificates(options);
    const isBroken = round % 2 === 1;
    const failures = await scene.metric(FAILED);
    const startedMs = performance.now();
    scene.put("cert", round % 4 === 1 ? "nonsense" : server.certPem);
    if (isBroken) {
      await until(async () => await scene.metric(FAILED) > failures);
      if (await scene.shown() !== this.#good) this.problems.push(`round ${round}: files of no use were used`);
    } else {
      scene.put("key", server.keyPem);
      this.#good = withoutArmour(server.certPem);
      await until(async () => await scene.shown() === this.#good);
    }
    this.seconds.push((performance.now() - startedMs) / 1000);
    return isBroken ? "left alone" : "replaced";
  }
}

async function run({ cycles, progress }: SoakOptions): Promise<SoakResult> {
  await using scene = new Scene();
  const made = await createDevelopmentCertificates({ hosts: ["localhost"], days: 30 });
  scene.put("cert", made.server.certPem);
  scene.put("key", made.server.keyPem);
  await scene.start();
  const clients = await subscribers(scene, made.ca.certPem, progress);
  const publisher = await BrokerClient.connect(scene, "websocket", { ca: made.ca.certPem });
  const rounds = new Rounds(scene, made);
  const count = Math.min(cycles, MAX_ROUNDS);
  const endTraffic = traffic(publisher);
  for (let round = 0; round < count; round++) {
    progress(`round ${round + 1} of ${count}: ${await rounds.run(round)}`);
  }
  const sent = await endTraffic();
  progress("looking what everybody got");
  const late = await incomplete(clients, sent);
  for (const client of [...clients, publisher]) await client[Symbol.asyncDispose]();
  const lost = `${late} of ${CONNECTIONS} connections did not get all of ${sent} messages`;
  return {
    problems: late > 0 ? [...rounds.problems, lost] : rounds.problems,
    lines: [
      `${count} rounds under ${CONNECTIONS} connections: ${sent} messages to each, ${late} connections lost any`,
      `seen after ${Math.max(...rounds.seconds).toFixed(1)} s at most`,
    ],
    figures: { rounds: count, connections: CONNECTIONS, messages: sent, late, seconds: rounds.seconds },
  };
}

/** The payload of the next message of the topic: hubs ask for signs of life in between. */
async function nextOf(client: BrokerClient): Promise<string> {
  for (;;) {
    const { header, payload } = await client.next();
    if (header.startsWith(`publish:${TOPIC}:`)) return payload;
  }
}

/** How many of them did not get every message, once and in order. */
async function incomplete(clients: readonly BrokerClient[], sent: number): Promise<number> {
  let late = 0;
  for (const client of clients) {
    try {
      for (let at = 0; at < sent; at++) {
        if ((await nextOf(client)) !== `${at}`) throw new Error("not in order");
      }
    } catch {
      late++;
    }
  }
  return late;
}

/** The soak. */
export const soak: Soak = {
  name: "certificates",
  about: "certificates are replaced, well and badly, under a thousand connections with traffic",
  run,
};
