/**
 * The load of the fan-out benchmarks, a process of its own: subscribers, the first of which publishes, with a
 * bounded number of messages in flight. Prints "go" when the measured part begins and one JSON line at its end.
 */
import { clientFrame, concat, PayloadCounter, RawWebSocket } from "./raw_websocket.ts";

/** What the server speaks. */
export type FanOutProtocol = "relay" | "broker" | "nats";

/** What to do; given as JSON in the first argument. */
export interface FanOutLoad {
  readonly port: number;
  readonly protocol: FanOutProtocol;
  readonly subscribers: number;
  readonly payloadBytes: number;
  /** Messages that are sent and not delivered to who sent them, at most. */
  readonly inFlight: number;
  /** So often that many are sent, if those before were delivered; left out: each as soon as one is delivered. */
  readonly everyMs?: number;
  readonly seconds: number;
  /** How long it runs before that, so that the server has compiled what it runs. @default 0.5 */
  readonly warmUpSeconds?: number;
  readonly ca?: string;
  /** Every connection logs in with it. */
  readonly token?: string;
}

/** What came of it. */
export interface FanOutResult {
  readonly messages: number;
  readonly deliveries: number;
  readonly seconds: number;
}

const SUBJECT = "bench";
const WARM_UP_SECONDS = 0.5;
const encoder = new TextEncoder();

interface Wire {
  readonly path: string;
  /** What a subscriber says first. */
  readonly hello: Uint8Array | null;
  /** One message as it is sent. */
  readonly message: Uint8Array;
  /** Payload bytes of frames that one delivery takes. */
  readonly deliveredBytes: number;
}

function wireOf({ protocol, payloadBytes }: FanOutLoad): Wire {
  const payload = new Uint8Array(payloadBytes).fill(120);
  switch (protocol) {
    case "relay":
      return { path: "/relay", hello: null, message: clientFrame(2, payload), deliveredBytes: payloadBytes };
    case "broker":
      return brokerWire(payload);
    case "nats":
      return natsWire(payload);
  }
}

/** Text messages, as programs that send text publish them. */
function brokerWire(payload: Uint8Array): Wire {
  const subscribe = `request:system.topic.subscribe:1.0.0\n{"topic":"${SUBJECT}","action":"publish"}`;
  return {
    path: "/",
    hello: clientFrame(1, encoder.encode(subscribe)),
    message: clientFrame(1, concat([encoder.encode(`publish:${SUBJECT}:1.0.0\n`), payload])),
    deliveredBytes: `publish:${SUBJECT}:1.0.0:${crypto.randomUUID()}\n`.length + payload.length,
  };
}

function natsWire(payload: Uint8Array): Wire {
  const command = encoder.encode(`PUB ${SUBJECT} ${payload.length}\r\n`);
  const hello =
    `CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":1}\r\nSUB ${SUBJECT} 1\r\n`;
  return {
    path: "/",
    hello: clientFrame(2, encoder.encode(hello)),
    message: clientFrame(2, concat([command, payload, encoder.encode("\r\n")])),
    deliveredBytes: `MSG ${SUBJECT} 1 ${payload.length}\r\n`.length + payload.length + 2,
  };
}

async function openAll(load: FanOutLoad, wire: Wire): Promise<RawWebSocket[]> {
  const sockets: RawWebSocket[] = [];
  for (let i = 0; i < load.subscribers; i++) {
    const socket = await RawWebSocket.open({
      port: load.port,
      path: wire.path,
      ...(load.ca === undefined ? {} : { tls: { ca: load.ca } }),
      ...(load.token === undefined ? {} : { token: load.token }),
    });
    if (wire.hello !== null) await socket.write(wire.hello);
    sockets.push(socket);
  }
  return sockets;
}

/** Publishes through the first socket, whose own deliveries say how far the server is. */
class Publisher {
  readonly #socket: RawWebSocket;
  readonly #wire: Wire;
  readonly #inFlight: number;
  readonly #everyMs: number;
  readonly #counter = new PayloadCounter();
  #greetingBytes = 0;
  #wake: (() => void) | null = null;
  /** When messages are sent again. */
  #dueMs = 0;
  sent = 0;

  constructor(socket: RawWebSocket, wire: Wire, { inFlight, everyMs = 0 }: FanOutLoad) {
    this.#socket = socket;
    this.#wire = wire;
    this.#inFlight = inFlight;
    this.#everyMs = everyMs;
    socket.onBytes = (chunk) => {
      this.#counter.add(chunk);
      this.#wake?.();
      this.#wake = null;
    };
  }

  /** What came before the first message is greeting. */
  begin(): void {
    this.#greetingBytes = this.#counter.bytes;
  }

  get delivered(): number {
    return Math.floor((this.#counter.bytes - this.#greetingBytes) / this.#wire.deliveredBytes);
  }

  async publishFor(seconds: number): Promise<void> {
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      const room = this.#inFlight - (this.sent - this.delivered);
      if (room === 0) await new Promise<void>((resolve) => this.#wake = resolve);
      else {
        await this.#send(room);
        await this.#pause();
      }
    }
  }

  /** Until it is time for more. */
  async #pause(): Promise<void> {
    if (this.#everyMs === 0) return;
    this.#dueMs = Math.max(this.#dueMs + this.#everyMs, performance.now());
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, this.#dueMs - performance.now())));
  }

  async settle(): Promise<void> {
    while (this.delivered < this.sent) await new Promise<void>((resolve) => this.#wake = resolve);
  }

  async #send(count: number): Promise<void> {
    const { message } = this.#wire;
    const bytes = new Uint8Array(message.length * count);
    for (let i = 0; i < count; i++) bytes.set(message, i * message.length);
    this.sent += count;
    await this.#socket.write(bytes);
  }
}

async function run(load: FanOutLoad): Promise<void> {
  const wire = wireOf(load);
  const sockets = await openAll(load, wire);
  const counting = sockets.map((socket) => socket.count());
  const [first] = sockets;
  if (first === undefined) throw new Error("Cannot publish: there is no subscriber");
  const publisher = new Publisher(first, wire, load);
  await new Promise((resolve) => setTimeout(resolve, 300));
  publisher.begin();
  await publisher.publishFor(load.warmUpSeconds ?? WARM_UP_SECONDS);
  await publisher.settle();
  const before = publisher.sent;
  print("go");
  const started = performance.now();
  await publisher.publishFor(load.seconds);
  await publisher.settle();
  const seconds = (performance.now() - started) / 1000;
  const messages = publisher.sent - before;
  const result: FanOutResult = { messages, deliveries: messages * load.subscribers, seconds };
  print(JSON.stringify(result));
  for (const socket of sockets) socket.close();
  await Promise.all(counting);
}

function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

if (import.meta.main) await run(JSON.parse(Deno.args[0] ?? "{}"));
