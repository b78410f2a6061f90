/** A client of the broker over any transport, whose messages and answers are awaited one by one. */
import assert from "node:assert/strict";
import type { TestHub } from "../helpers/test_hub.ts";
import { type Closed, WsClient } from "../helpers/ws_client.ts";
import { Spoke } from "../helpers/spoke.ts";
import { TextLink } from "./text_link.ts";

/** The transports of text messages alone, for tests that hold for both. */
export const TRANSPORTS = ["websocket", "text"] as const;
/** The transports that there are; with frames, the login is their AuthRequest and never a message. */
export const ALL_TRANSPORTS = [...TRANSPORTS, "frames"] as const;
/** One of {@link ALL_TRANSPORTS}. */
export type Transport = typeof ALL_TRANSPORTS[number];

/** A message as it came. */
export interface Received {
  readonly header: string;
  readonly payload: string;
  readonly bytes: Uint8Array;
  /** Whether it came as a binary message of a WebSocket. */
  readonly isBinary: boolean;
}

/** An answer of the hub. */
export interface Answer {
  readonly header: string;
  // deno-lint-ignore no-explicit-any -- what an answer holds is what the tests are about
  readonly payload: any;
}

/** The wire below. */
interface Link {
  send(message: string | Uint8Array<ArrayBuffer>): void;
  /** The next message; `null` when it is over. */
  next(): Promise<string | Uint8Array | null>;
  /** Closes it, if it is not over, and waits for the end. */
  close(): Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
let lastId = 0;

/** A request id that no test used before. */
export function newId(): string {
  return `00000000-0000-4000-8000-${(++lastId).toString(16).padStart(12, "0")}`;
}

/** Where a hub is. */
export type Reachable = Pick<TestHub, "port" | "url">;

/** How to connect. */
export interface ConnectOptions {
  /** PEM of the authority to trust; plain text without one. */
  readonly ca?: string | undefined;
  /** What it shows of itself, over TLS. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** Logs in with it: in the handshake of a WebSocket, with the AuthRequest of frames, by message otherwise. */
  readonly token?: string | undefined;
  /** The address that a proxy names; only with the length prefix, at a hub that believes proxies here. */
  readonly from?: string;
  /** The page that opens the WebSocket. */
  readonly origin?: string;
}

/** One connection that was greeted. */
export class BrokerClient implements AsyncDisposable {
  /** The id that the hub gave the connection. */
  readonly serviceId: string;
  readonly #link: Link;
  readonly #closed: Promise<Closed> | null;
  readonly #inbox: Received[] = [];

  private constructor(link: Link, greeting: Received, closed: Promise<Closed> | null = null) {
    this.#link = link;
    this.#closed = closed;
    assert.match(greeting.header, /^publish:system\.initialize:1\.0\.0:[0-9a-f-]{36}$/);
    this.serviceId = JSON.parse(greeting.payload).serviceId;
  }

  static async connect(
    hub: Reachable,
    transport: Transport = "websocket",
    { ca, client: shown, token, from, origin }: ConnectOptions = {},
  ): Promise<BrokerClient> {
    if (transport === "text") {
      const link = await TextLink.connect({ port: hub.port, ca, client: shown });
      if (from !== undefined) link.write(encoder.encode(proxyLine(from)));
      // Nobody is greeted before the first byte.
      link.send("request:system.heartbeat:1.0.0:00000000-0000-4000-8000-000000000000\n{}");
      const client = new BrokerClient(link, await receivedFrom(link));
      await client.next();
      if (token !== undefined) {
        const answer = await client.request("system.authenticate", { token });
        assert.equal(answer.status, "success", JSON.stringify(answer));
      }
      return client;
    }
    if (transport === "frames") {
      const request = token === undefined ? {} : { token };
      const link = framesLink(
        await Spoke.member({ port: hub.port, ca, client: shown }, { ...request, agentId: newId() }),
      );
      return new BrokerClient(link, await receivedFrom(link), link.closed);
    }
    const url = ca === undefined ? hub.url("/") : `wss://localhost:${hub.port}/`;
    const socket = await WsClient.connect(url, {
      ca,
      client: shown,
      token,
      ...(origin === undefined ? {} : { origin }),
    });
    const link = websocketLink(socket);
    return new BrokerClient(link, await receivedFrom(link), socket.closed);
  }

  /** Sends a message, over a WebSocket as text when its payload is a text. */
  send(header: string, payload: string | Uint8Array = ""): void {
    this.#link.send(typeof payload === "string" ? `${header}\n${payload}` : joined(header, payload));
  }

  /** Sends bytes as a message, or a text. */
  sendRaw(message: string | Uint8Array<ArrayBuffer>): void {
    this.#link.send(message);
  }

  /** The next message that was not taken yet. */
  async next(): Promise<Received> {
    return this.#inbox.shift() ?? await receivedFrom(this.#link);
  }

  /** The next messages, in order. */
  async take(count: number): Promise<Received[]> {
    const messages: Received[] = [];
    while (messages.length < count) messages.push(await this.next());
    return messages;
  }

  /** Every message that still comes until the hub closes. */
  async rest(): Promise<Received[]> {
    const messages = this.#inbox.splice(0);
    for (let raw = await this.#link.next(); raw !== null; raw = await this.#link.next()) {
      messages.push(parse(raw));
    }
    return messages;
  }

  /** The answer to a request id; messages that come before it stay to be taken. */
  async answer(id: string): Promise<Answer> {
    const passed: Received[] = [];
    for (;;) {
      const message = await this.next();
      if (message.header.startsWith("response:") && message.header.endsWith(`:${id}`)) {
        this.#inbox.unshift(...passed);
        return { header: message.header, payload: JSON.parse(message.payload) };
      }
      passed.push(message);
    }
  }

  /** Sends a header that ends with its id, and waits for the answer. */
  async askAs(header: string, payload: string | Uint8Array = ""): Promise<Answer> {
    this.send(header, payload);
    return await this.answer(header.slice(header.lastIndexOf(":") + 1));
  }

  /** Sends with a new id behind the header, and waits for the answer. */
  async ask(header: string, payload: string | Uint8Array = ""): Promise<Answer> {
    return await this.askAs(`${header}:${newId()}`, payload);
  }

  /** A request to a system topic; gives the payload of the answer. */
  async request(topic: string, payload: unknown = {}): Promise<Answer["payload"]> {
    return (await this.ask(`request:${topic}:1.0.0`, JSON.stringify(payload))).payload;
  }

  /** Subscribes, which has to succeed. */
  async subscribe(topic: string, options: Record<string, unknown> = {}): Promise<void> {
    const answer = await this.request("system.topic.subscribe", { topic, ...options });
    assert.deepEqual(answer, { status: "success" });
  }

  /** Publishes with an id; gives the payload of the answer. */
  async publish(topic: string, payload: string | Uint8Array = ""): Promise<Answer["payload"]> {
    return (await this.ask(`publish:${topic}:1.0.0`, payload)).payload;
  }

  /** Waits until the hub has handled everything that was sent before; gives what it sent meanwhile. */
  async settle(): Promise<Received[]> {
    await this.request("system.heartbeat");
    return this.#inbox.splice(0);
  }

  /** How the hub ended the connection; what came before is not taken any more. */
  async closed(): Promise<Closed> {
    const messages = await this.rest();
    if (this.#closed !== null) return await this.#closed;
    const last = messages.at(-1);
    assert.match(last?.header ?? "", /^publish:system\.close:1\.0\.0:[0-9a-f-]{36}$/);
    return JSON.parse(last?.payload ?? "");
  }

  async close(): Promise<void> {
    await this.#link.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What a proxy says of a visitor (PROXY protocol, version 1). */
export function proxyLine(from: string): string {
  const [family, to] = from.includes(":") ? ["TCP6", "::1"] : ["TCP4", "127.0.0.1"];
  return `PROXY ${family} ${from} ${to} 5000 8443\r\n`;
}

/** The code of an error's payload. */
export function codeOf(payload: Answer["payload"]): string | undefined {
  return payload.error?.code;
}

async function receivedFrom(link: Link): Promise<Received> {
  const raw = await link.next();
  assert.ok(raw !== null, "the hub closed before a message came");
  return parse(raw);
}

function parse(raw: string | Uint8Array): Received {
  const bytes = typeof raw === "string" ? encoder.encode(raw) : raw;
  const end = bytes.indexOf(0x0a);
  const payload = bytes.subarray(end + 1);
  return {
    header: decoder.decode(bytes.subarray(0, end)),
    payload: decoder.decode(payload),
    bytes: payload,
    isBinary: typeof raw !== "string",
  };
}

function joined(header: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(`${header}\n`);
  const bytes = new Uint8Array(head.length + payload.length);
  bytes.set(head);
  bytes.set(payload, head.length);
  return bytes;
}

function framesLink(spoke: Spoke): Link & { readonly closed: Promise<Closed> } {
  return {
    closed: spoke.ended,
    send: (message) => spoke.say(message),
    next: () => spoke.messages.next(),
    close: () => spoke[Symbol.asyncDispose](),
  };
}

function websocketLink(socket: WsClient): Link {
  const over = socket.closed.then(() => null);
  return {
    send: (message) => socket.send(message),
    next: () => Promise.race([socket.next(), over]),
    close: async () => void await socket.close(),
  };
}
