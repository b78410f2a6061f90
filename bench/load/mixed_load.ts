/**
 * Publishes and requests at a steady rate over many connections, a process of its own: each connection subscribes to
 * its room, a few of them also answer requests, and some may never read. Prints "go" when the measured part begins and
 * one JSON line with the delays of both at its end.
 */
import { quantile } from "../report.ts";
import { print } from "./console.ts";
import { FrameReader } from "./frame_reader.ts";
import { Latencies } from "./latencies.ts";
import { clientFrame, concat } from "./raw_websocket.ts";
import { openWebSocket, writeAll } from "./web_socket.ts";

/** What to do; given as JSON in the first argument. */
export interface MixedLoad {
  readonly port: number;
  /** Connections that read. */
  readonly readers: number;
  /** Connections that do not, though they are sent as much as their rooms are, and a flood of their own. */
  readonly stalled: number;
  readonly payloadBytes: number;
  /** Messages a second of all together. */
  readonly rate: number;
  /** How many of a hundred messages are requests; the others are publishes. */
  readonly requestPercent: number;
  readonly seconds: number;
}

/** The delays of one kind of message. */
export interface Delays {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** What came of it. */
export interface MixedResult {
  /** Until a subscriber had a publish. */
  readonly publish: Delays;
  /** Until who asked had the answer. */
  readonly request: Delays;
}

const ROOM_MEMBERS = 10;
const SERVICES = 5;
const FILL_TOPIC = "mixed.fill";
const FILL_BYTES = 60_000;
/** What the kernel and the hub hold for a client that does not read, and more. */
const FILL_MESSAGES = 300;
const WARM_UP_SECONDS = 1;
const PACE_MS = 1;
/** How what the hub says first ends. */
const GREETING_END = "}}";
/** Digits of the time of sending at the start of each payload. */
const STAMP_DIGITS = 16;
const encoder = new TextEncoder();

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const frame = (text: string) => clientFrame(1, encoder.encode(text));
const stamp = () => performance.now().toFixed(6).padStart(STAMP_DIGITS, "0");
const ageOf = (payload: string) => performance.now() - Number(payload.slice(0, STAMP_DIGITS));

function subscribe(topic: string, action: "publish" | "request"): Uint8Array {
  return frame(`request:system.topic.subscribe:1.0.0\n${JSON.stringify({ topic, action })}`);
}

/** One connection that reads, publishes, asks and perhaps answers. */
class Member {
  readonly #connection: Deno.Conn;
  readonly #reader = new FrameReader();
  readonly #room: string;
  readonly #delays: { readonly publish: Latencies; readonly request: Latencies };
  /** Writes go out one after the other. */
  #written: Promise<void> = Promise.resolve();

  constructor(
    connection: Deno.Conn,
    room: string,
    delays: { readonly publish: Latencies; readonly request: Latencies },
  ) {
    this.#connection = connection;
    this.#room = room;
    this.#delays = delays;
  }

  write(bytes: Uint8Array): void {
    this.#written = this.#written.then(() => writeAll(this.#connection, bytes));
  }

  publish(filler: string): void {
    this.write(frame(`publish:${this.#room}:1.0.0\n${stamp()}${filler}`));
  }

  ask(filler: string): void {
    this.write(frame(`request:mixed.work:1.0.0:${crypto.randomUUID()}\n${stamp()}${filler}`));
  }

  async read(): Promise<void> {
    for (;;) {
      const frames = await this.#reader.read(this.#connection);
      if (frames === null) throw new Error("Cannot measure: the hub closed a reader");
      const answers = frames.map((text) => this.#take(text)).filter((answer) => answer !== null);
      if (answers.length > 0) this.write(concat(answers.map(frame)));
    }
  }

  /** Measures a message; gives what it is answered with. */
  #take(text: string): string | null {
    const end = text.indexOf("\n");
    const payload = text.slice(end + 1);
    if (text.startsWith("publish:mixed.")) this.#delays.publish.add(ageOf(payload));
    else if (text.startsWith("response:mixed.")) {
      if (payload.startsWith('{"error"')) throw new Error(`Cannot measure: ${text}`);
      this.#delays.request.add(ageOf(payload));
    } else if (text.startsWith("request:mixed.")) {
      const [, topic, version, id] = text.slice(0, end).split(":");
      return `response:${topic}:${version}:${id}\n${payload}`;
    }
    return null;
  }
}

/** Connections that never read, with as much sent to them as the hub keeps. */
async function stall({ port, stalled }: MixedLoad): Promise<readonly Deno.Conn[]> {
  const connections: Deno.Conn[] = [];
  if (stalled === 0) return connections;
  for (let i = 0; i < stalled; i++) {
    const connection = await openWebSocket({ port }, "/", GREETING_END);
    await writeAll(connection, subscribe(roomOf(i), "publish"));
    await writeAll(connection, subscribe(FILL_TOPIC, "publish"));
    connections.push(connection);
  }
  const filler = await openWebSocket({ port }, "/", GREETING_END);
  const fill = frame(`publish:${FILL_TOPIC}:1.0.0\n${"x".repeat(FILL_BYTES)}`);
  for (let i = 0; i < FILL_MESSAGES; i++) await writeAll(filler, fill);
  return [...connections, filler];
}

const roomOf = (index: number) => `mixed.room${Math.floor(index / ROOM_MEMBERS)}`;

/** Sends at a steady rate until told to stop: who sends goes round, every so many messages are requests. */
function pace(members: readonly Member[], { rate, requestPercent, payloadBytes }: MixedLoad): () => void {
  const filler = "x".repeat(Math.max(0, payloadBytes - STAMP_DIGITS));
  const started = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (const due = (performance.now() - started) / 1000 * rate; sent < due; sent++) {
      const member = members[sent % members.length];
      // Spread evenly, and in each round over others of the members.
      const isRequest = (sent + Math.floor(sent / members.length)) * requestPercent % 100 < requestPercent;
      if (isRequest) member?.ask(filler);
      else member?.publish(filler);
    }
  }, PACE_MS);
  return () => clearInterval(timer);
}

function summed(values: readonly number[]): Delays {
  const [p50Ms, p99Ms, p999Ms] = [quantile(values, 0.5), quantile(values, 0.99), quantile(values, 0.999)];
  return { count: values.length, p50Ms, p99Ms, p999Ms };
}

async function run(load: MixedLoad): Promise<void> {
  const delays = { publish: new Latencies(), request: new Latencies() };
  const idle = await stall(load);
  const members: Member[] = [];
  for (let i = 0; i < load.readers; i++) {
    const connection = await openWebSocket({ port: load.port }, "/", GREETING_END);
    const member = new Member(connection, roomOf(i), delays);
    member.write(subscribe(roomOf(i), "publish"));
    if (i < SERVICES) member.write(subscribe("mixed.work", "request"));
    member.read();
    members.push(member);
  }
  const stop = pace(members, load);
  await sleep(WARM_UP_SECONDS * 1000);
  print("go");
  delays.publish.begin();
  delays.request.begin();
  await sleep(load.seconds * 1000);
  const result: MixedResult = {
    publish: summed(delays.publish.end()),
    request: summed(delays.request.end()),
  };
  print(JSON.stringify(result));
  stop();
  for (const connection of idle) connection.close();
  Deno.exit(0);
}

if (import.meta.main) await run(JSON.parse(Deno.args[0] ?? "{}"));
