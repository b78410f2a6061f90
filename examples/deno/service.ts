/**
 * A service: adds up the numbers of each request to `tools.sum`, until Ctrl-C. When the hub goes away it comes back.
 * `deno run --allow-net examples/deno/service.ts`
 */
// deno-lint-ignore-file no-console -- it is a program for the shell
import { parseArgs } from "node:util";
import { type End, keepConnected } from "./reconnect.ts";
import { decode, encode, errorIn, type HubError, protocols, type TextMessage } from "./text_message.ts";

const USAGE = "Usage: service.ts [--url ws://127.0.0.1:8443/] [--priority 0]";
const TOPIC = "tools.sum";

/** What the service does. Whatever it throws is told to whoever asked. */
function answer(payload: Uint8Array): string {
  const numbers: unknown = JSON.parse(new TextDecoder().decode(payload));
  if (!Array.isArray(numbers) || !numbers.every((one) => typeof one === "number")) {
    throw new TypeError("a request is a list of numbers, as [1,2,3]");
  }
  return JSON.stringify(numbers.reduce((sum, one) => sum + one, 0));
}

/** One connection, from its registration to its end. */
class Service {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, (answer: TextMessage) => void>();
  #end: Pick<End, "wasSubscribed" | "refusal"> = { wasSubscribed: false, refusal: null };

  constructor(url: string) {
    this.#socket = new WebSocket(url, protocols());
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = ({ data }) => this.#received(decode(data));
  }

  /** Serves until the connection ends. */
  async run(priority: number): Promise<End> {
    let failure = "";
    const { promise, resolve } = Promise.withResolvers<CloseEvent>();
    this.#socket.onclose = resolve;
    this.#socket.onerror = (event) => {
      failure = event instanceof ErrorEvent ? event.message : "the connection failed";
    };
    this.#socket.onopen = () => this.#begin(priority);
    const { code, reason } = await promise;
    return { ...this.#end, code, reason: reason || failure };
  }

  /** Takes nothing more; what came before is answered before the connection ends. */
  async leave(): Promise<void> {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    await this.#ask("system.topic.unsubscribe", { action: "request", topic: TOPIC });
    this.#socket.close(1000);
  }

  async #begin(priority: number): Promise<void> {
    const description = "Adds up numbers";
    const refusal = await this.#ask("system.service.register", { name: "sum", description }) ??
      await this.#ask("system.topic.subscribe", { action: "request", topic: TOPIC, priority });
    this.#end = { wasSubscribed: refusal === null, refusal };
    if (refusal === null) console.error(`Answering requests to ${TOPIC} at ${this.#socket.url}`);
    else this.#socket.close(1000);
  }

  /** Asks the hub itself; gives its error if it refuses. */
  async #ask(topic: string, payload: unknown): Promise<HubError | null> {
    const id = crypto.randomUUID();
    const { promise, resolve } = Promise.withResolvers<TextMessage>();
    this.#waiting.set(id, resolve);
    this.#socket.send(encode("request", topic, JSON.stringify(payload), { id }));
    return errorIn(await promise);
  }

  #received(message: TextMessage): void {
    if (message.action === "response") {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    } else if (message.action === "request") this.#respond(message);
  }

  #respond({ topic, version, id, parentId, payload }: TextMessage): void {
    const respond = (text: string) => {
      // Without an id nobody waits for an answer.
      if (id !== "") this.#socket.send(encode("response", topic, text, { id, version }));
    };
    // The hub asks whether the program lives, not only its connection.
    if (topic === "system.heartbeat") return respond("{}");
    try {
      respond(answer(payload));
      console.log(`Answered ${parentId || "somebody"}`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      respond(JSON.stringify({ error: { code: "INVALID_REQUEST", message } }));
    }
  }
}

function readArguments() {
  try {
    const options = {
      url: { type: "string", default: "ws://127.0.0.1:8443/" },
      priority: { type: "string", default: "0" },
    } as const;
    const { values } = parseArgs({ args: Deno.args, options });
    return { url: values.url, priority: Number(values.priority) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  }
  Deno.exit(2);
}

const { url, priority } = readArguments();
let service: Service | null = null;
Deno.addSignalListener("SIGINT", async () => {
  await service?.leave();
  Deno.exit(0);
});
const reason = await keepConnected(url, () => {
  service = new Service(url);
  return service.run(priority);
});
console.error(reason);
Deno.exit(1);
