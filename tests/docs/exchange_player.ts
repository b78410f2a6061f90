/** Plays the examples of a document against a real hub and compares every byte that comes. */
import assert from "node:assert/strict";
import { TestHub } from "../helpers/test_hub.ts";
import type { Exchange, ExchangeStep, Wire } from "./exchange_block.ts";
import { asText, connectExchange, type ExchangeClient } from "./exchange_client.ts";
import { ExchangeText } from "./exchange_text.ts";

/** After so long nothing comes any more: an example that waits for it is wrong. */
const PATIENCE_MS = 30_000;
const LENGTH_DIGITS = 8;
const GREETING = "system.initialize";

/** Plays one example. Fails at the first line that is not true, and when more comes than it says. */
export async function playExchange(exchange: Exchange, wire: Wire): Promise<void> {
  await using hub = await TestHub.start(exchange.settings);
  await using player = new ExchangePlayer(exchange, { wire, port: hub.port });
  for (const step of exchange.steps) await player.play(step);
  await player.assertQuiet();
}

class ExchangePlayer implements AsyncDisposable {
  readonly #exchange: Exchange;
  readonly #wire: Wire;
  readonly #port: number;
  readonly #text = new ExchangeText();
  readonly #clients = new Map<string, ExchangeClient>();
  readonly #stack = new AsyncDisposableStack();

  constructor(exchange: Exchange, { wire, port }: { wire: Wire; port: number }) {
    this.#exchange = exchange;
    this.#wire = wire;
    this.#port = port;
  }

  async play(step: ExchangeStep): Promise<void> {
    const client = this.#clients.get(step.client) ?? await this.#connect(step.client);
    if (step.direction === ">") await this.#send(client, step);
    else await this.#expect(client, step);
  }

  /** Fails when something came that no line tells of. The hub's own question for a sign of life may come any time. */
  async assertQuiet(): Promise<void> {
    for (const [name, client] of this.#clients) {
      const id = crypto.randomUUID();
      client.send(new TextEncoder().encode(`request:system.heartbeat:1.0.0:${id}\n{}`));
      for (;;) {
        const arrival = await this.#next(client, `the end for ${name}`);
        const text = arrival.kind === "message" ? new TextDecoder().decode(arrival.bytes) : "the end";
        if (text.startsWith("request:system.heartbeat:")) continue;
        assert.equal(
          text,
          `response:system.heartbeat:1.0.0:${id}\n{"status":"success"}`,
          `more came to ${name}`,
        );
        break;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #connect(name: string): Promise<ExchangeClient> {
    const { showsLengths, steps } = this.#exchange;
    const isSilent = showsLengths && this.#wire === "tcp";
    const client = this.#stack.use(await connectExchange(this.#wire, { port: this.#port, isSilent }));
    this.#clients.set(name, client);
    const isGreetingShown = steps.some(({ client, text }) => client === name && text.includes(GREETING));
    if (isGreetingShown || isSilent) return client;
    const greeting = await this.#next(client, GREETING);
    const text = greeting.kind === "message" ? new TextDecoder().decode(greeting.bytes) : "the end";
    assert.ok(text.startsWith(`publish:${GREETING}:`), text);
    return client;
  }

  async #send(client: ExchangeClient, { client: name, text }: ExchangeStep): Promise<void> {
    if (text === "end") {
      this.#clients.delete(name);
      return await client[Symbol.asyncDispose]();
    }
    if (!this.#exchange.showsLengths) return client.send(this.#text.bytesOf(text));
    const length = Uint8Array.fromHex(text.slice(0, LENGTH_DIGITS));
    const message = this.#text.bytesOf(text.slice(LENGTH_DIGITS).trimStart());
    client.sendRaw(Uint8Array.of(...length, ...message));
  }

  async #expect(client: ExchangeClient, { client: name, text, line }: ExchangeStep): Promise<void> {
    const at = `line ${line}`;
    const end = /^end(?: (\d{4})(?: (.*))?)?$/.exec(text);
    if (end !== null) return await this.#expectEnd(client, { name, at, code: end[1], reason: end[2] ?? "" });
    const arrival = await this.#next(client, at);
    assert.ok(arrival.kind === "message", `${at}: the connection ended`);
    const { bytes, isBinary } = arrival;
    if (this.#wire === "websocket") assert.equal(isBinary, asText(bytes) === null, `${at}: text or binary`);
    this.#text.assertMatches(this.#withoutLength(text, { bytes, at }), bytes);
  }

  /** On TCP the last message says what a WebSocket says in its close frame. */
  async #expectEnd(
    client: ExchangeClient,
    { name, at, code, reason }: { name: string; at: string; code: string | undefined; reason: string },
  ): Promise<void> {
    this.#clients.delete(name);
    if (code !== undefined && this.#wire === "tcp") {
      const last = await this.#next(client, at);
      assert.ok(last.kind === "message", `${at}: the connection ended without a word`);
      const text = `publish:system.close:1.0.0:<uuid>\\n{"code":${code},"reason":"${reason}"}`;
      this.#text.assertMatches(text, last.bytes);
    }
    const arrival = await this.#next(client, at);
    assert.ok(arrival.kind === "end", `${at}: a message came`);
    if (code === undefined || arrival.closed === null) return;
    assert.deepEqual(arrival.closed, { code: Number(code), reason }, at);
  }

  #withoutLength(text: string, { bytes, at }: { bytes: Uint8Array; at: string }): string {
    if (!this.#exchange.showsLengths) return text;
    const [length = "", ...words] = text.split(" ");
    const actual = bytes.length.toString(16).padStart(LENGTH_DIGITS, "0");
    if (length !== "<length>") assert.equal(length, actual, `${at}: the length`);
    return words.join(" ");
  }

  async #next(client: ExchangeClient, at: string) {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `${at}: nothing came` })),
      PATIENCE_MS,
    );
    try {
      return await Promise.race([client.next(), promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
