/**
 * The load of the request benchmark, a process of its own: one client that asks, with a bounded number of requests in
 * flight or at a steady rate, and one service that answers with what it was sent. Prints "go" when the measured part
 * begins and one JSON line at its end.
 */
import { quantile } from "../report.ts";
import { print } from "./console.ts";
import { FrameReader } from "./frame_reader.ts";
import { clientFrame, concat } from "./raw_websocket.ts";
import { openWebSocket, writeAll } from "./web_socket.ts";

/** What to do; given as JSON in the first argument. */
export interface RequestLoad {
  readonly port: number;
  readonly protocol: "broker" | "nats";
  readonly payloadBytes: number;
  readonly inFlight: number;
  readonly seconds: number;
  /** Calls a second, evenly in time, whatever is in flight; `null`: as many as there can be with `inFlight`. The warming
   * up has `inFlight` in any case. */
  readonly rate: number | null;
}

/** What came of it. */
export interface RequestResult {
  readonly calls: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const TOPIC = "bench";
const WARM_UP_SECONDS = 1;
/** How often a steady rate is caught up with. */
const PACE_MS = 1;
const encoder = new TextEncoder();

/** How the two speak. */
interface Dialect {
  readonly opcode: number;
  /** Cuts what came in frames into messages; one for each connection, since a message may begin in one frame. */
  cutter(): (frames: readonly string[]) => readonly string[];
  /** What the client and the service say first. */
  readonly clientHello: string | null;
  readonly serviceHello: string;
  /** A request of a number. */
  request(number: number): string;
  /** What the service answers to a message; `null` when it is none that wants an answer. */
  answer(message: string): string | null;
  /** The number of the request that a message answers; `null` when it is none. */
  answered(message: string): number | null;
}

function brokerDialect(payload: string): Dialect {
  const idOf = (number: number) => `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
  return {
    opcode: 1,
    cutter: () => (frames) => frames,
    clientHello: null,
    serviceHello: `request:system.topic.subscribe:1.0.0\n{"topic":"${TOPIC}","action":"request"}`,
    request: (number) => `request:${TOPIC}:1.0.0:${idOf(number)}\n${payload}`,
    answer(message) {
      if (!message.startsWith("request:")) return null;
      const [, topic, version, id] = message.slice(0, message.indexOf("\n")).split(":");
      return `response:${topic}:${version}:${id}\n${message.slice(message.indexOf("\n") + 1)}`;
    },
    answered(message) {
      if (!message.startsWith(`response:${TOPIC}:`)) return null;
      if (message.includes('{"error":')) throw new Error(`Cannot measure: ${message}`);
      return Number.parseInt(message.slice(message.indexOf("\n") - 12, message.indexOf("\n")), 16);
    },
  };
}

function natsDialect(payload: string): Dialect {
  const connect = 'CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":1}\r\n';
  return {
    opcode: 2,
    cutter: natsCutter,
    clientHello: `${connect}SUB inbox.* 1\r\n`,
    serviceHello: `${connect}SUB ${TOPIC} 1\r\n`,
    request: (number) => `PUB ${TOPIC} inbox.${number} ${payload.length}\r\n${payload}\r\n`,
    answer(message) {
      if (!message.startsWith("MSG")) return null;
      const [, , , reply] = message.slice(0, message.indexOf("\r\n")).split(" ");
      return `PUB ${reply} ${payload.length}\r\n${payload}\r\n`;
    },
    answered(message) {
      if (!message.startsWith("MSG inbox.")) return null;
      return Number.parseInt(message.slice("MSG inbox.".length), 10);
    },
  };
}

/** Messages are lines, with a payload that has no line breaks behind those that say MSG. */
function natsCutter(): (frames: readonly string[]) => readonly string[] {
  let rest = "";
  return (frames) => {
    const lines = (rest + frames.join("")).split("\r\n");
    // What follows the last line break, and a MSG whose payload is not there yet, wait.
    let whole = lines.length - 1;
    if (lines[whole - 1]?.startsWith("MSG") === true) whole--;
    rest = lines.slice(whole).join("\r\n");
    return lines.slice(0, whole).filter((line) => line.startsWith("MSG")).map((line) => `${line}\r\n`);
  };
}

/** Answers until the connection ends. */
async function serve(connection: Deno.Conn, reader: FrameReader, dialect: Dialect): Promise<void> {
  const cut = dialect.cutter();
  for (;;) {
    const frames = await reader.read(connection);
    if (frames === null) return;
    const answers = cut(frames).map((message) => dialect.answer(message)).filter((answer) => answer !== null);
    if (answers.length > 0) await writeAll(connection, framesOf(answers, dialect));
  }
}

function framesOf(messages: readonly string[], { opcode }: Dialect): Uint8Array {
  return concat(messages.map((message) => clientFrame(opcode, encoder.encode(message))));
}

/** Asks with a bounded number of requests in flight. */
class Caller {
  readonly #connection: Deno.Conn;
  readonly #reader: FrameReader;
  readonly #dialect: Dialect;
  readonly #cut: ReturnType<Dialect["cutter"]>;
  readonly #sentAt = new Map<number, number>();
  #next = 0;
  /** Writes go out one after the other, also when nobody waits for them. */
  #written: Promise<void> = Promise.resolve();
  delays: number[] = [];

  constructor(connection: Deno.Conn, reader: FrameReader, dialect: Dialect) {
    this.#connection = connection;
    this.#reader = reader;
    this.#dialect = dialect;
    this.#cut = dialect.cutter();
  }

  async run(seconds: number, inFlight: number): Promise<void> {
    const end = performance.now() + seconds * 1000;
    this.delays = [];
    await this.#ask(inFlight);
    while (this.#sentAt.size > 0) {
      const frames = await this.#reader.read(this.#connection);
      if (frames === null) throw new Error("Cannot measure: the server closed the client");
      const answered = this.#cut(frames).filter((message) => this.#take(message)).length;
      if (answered > 0 && performance.now() < end) await this.#ask(answered);
    }
  }

  /**
   * Asks at a steady rate, however long the answers take. Calls are timed from when they were sent: that a timer of the
   * load is late is not the server's doing.
   */
  async runPaced(seconds: number, rate: number): Promise<void> {
    const started = performance.now();
    const total = Math.floor(rate * seconds);
    this.delays = [];
    let asked = 0;
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor((performance.now() - started) / 1000 * rate));
      if (due > asked) this.#ask(due - asked);
      asked = due;
      if (due === total) clearInterval(timer);
    }, PACE_MS);
    while (this.delays.length < total) {
      const frames = await this.#reader.read(this.#connection);
      if (frames === null) throw new Error("Cannot measure: the server closed the client");
      for (const message of this.#cut(frames)) this.#take(message);
    }
  }

  #take(message: string): boolean {
    const number = this.#dialect.answered(message);
    const sentAt = number === null ? undefined : this.#sentAt.get(number);
    if (number === null || sentAt === undefined) return false;
    this.#sentAt.delete(number);
    this.delays.push(performance.now() - sentAt);
    return true;
  }

  async #ask(count: number): Promise<void> {
    const requests: string[] = [];
    for (let i = 0; i < count; i++) {
      const number = ++this.#next;
      this.#sentAt.set(number, performance.now());
      requests.push(this.#dialect.request(number));
    }
    const bytes = framesOf(requests, this.#dialect);
    this.#written = this.#written.then(() => writeAll(this.#connection, bytes));
    await this.#written;
  }
}

async function run({ port, protocol, payloadBytes, inFlight, seconds, rate }: RequestLoad): Promise<void> {
  const payload = "x".repeat(payloadBytes);
  const isBroker = protocol === "broker";
  const dialect = isBroker ? brokerDialect(payload) : natsDialect(payload);
  // What the server says first ends so; it may come in one piece with the answer to the handshake.
  const until = isBroker ? "}}" : "} \r\n";
  const [service, client] = [
    await openWebSocket({ port }, "/", until),
    await openWebSocket({ port }, "/", until),
  ];
  await writeAll(service, framesOf([dialect.serviceHello], dialect));
  if (dialect.clientHello !== null) await writeAll(client, framesOf([dialect.clientHello], dialect));
  const serving = serve(service, new FrameReader(), dialect);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const caller = new Caller(client, new FrameReader(), dialect);
  await caller.run(WARM_UP_SECONDS, inFlight);
  print("go");
  const started = performance.now();
  if (rate === null) await caller.run(seconds, inFlight);
  else await caller.runPaced(seconds, rate);
  const result: RequestResult = {
    calls: caller.delays.length,
    seconds: (performance.now() - started) / 1000,
    p50Ms: quantile(caller.delays, 0.5),
    p99Ms: quantile(caller.delays, 0.99),
  };
  print(JSON.stringify(result));
  client.close();
  service.close();
  await serving.catch(() => {});
}

if (import.meta.main) await run(JSON.parse(Deno.args[0] ?? "{}"));
