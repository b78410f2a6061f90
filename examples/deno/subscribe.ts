/**
 * Subscribes to a topic or pattern and prints what comes, a line each, until Ctrl-C. When the hub goes away it
 * comes back and subscribes again:
 * `deno run --allow-net examples/deno/subscribe.ts 'sensors.+.temp'`
 */
// deno-lint-ignore-file no-console -- it is a program for the shell
import { parseArgs } from "node:util";
import { type End, keepConnected } from "./reconnect.ts";
import {
  decode,
  encode,
  errorIn,
  type HubError,
  printable,
  protocols,
  type TextMessage,
} from "./text_message.ts";

const USAGE = "Usage: subscribe.ts [--url ws://127.0.0.1:8443/] [--group <name>] <pattern>";
/** What to subscribe to, and where. */
interface Wanted {
  readonly url: string;
  readonly topic: string;
  /** Of those who name the same group each message reaches one. */
  readonly group: string | undefined;
}

/**
 * Connects, subscribes and prints until the connection ends. The hub pings to see whether we are there; the
 * runtime answers that.
 */
function listen({ url, topic, group }: Wanted): Promise<End> {
  const { promise, resolve } = Promise.withResolvers<End>();
  const id = crypto.randomUUID();
  let [wasSubscribed, refusal, failure]: [boolean, HubError | null, string] = [false, null, ""];
  const socket = new WebSocket(url, protocols());
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    const wanted = JSON.stringify({ action: "publish", topic, group });
    socket.send(encode("request", "system.topic.subscribe", wanted, { id }));
  };
  socket.onmessage = ({ data }) => {
    const message = decode(data);
    if (message.action === "publish") return print(message);
    if (message.id !== id) return;
    refusal = errorIn(message);
    wasSubscribed = refusal === null;
    if (wasSubscribed) console.error(`Subscribed to ${topic} at ${url}`);
    else socket.close(1000);
  };
  socket.onerror = (event) => failure = event instanceof ErrorEvent ? event.message : "the connection failed";
  socket.onclose = ({ code, reason }) => resolve({ wasSubscribed, refusal, code, reason: reason || failure });
  return promise;
}

function print({ topic, payload }: TextMessage): void {
  const text = new TextDecoder().decode(payload);
  if (topic === "system.topic.gap") {
    const gap = JSON.parse(text);
    console.error(`Lost ${gap.dropped} messages of ${gap.topic}: this program was too slow`);
  } else if (!topic.startsWith("system.")) console.log(`${topic} ${printable(text)}`);
}

function readArguments(): Wanted {
  try {
    const options = {
      url: { type: "string", default: "ws://127.0.0.1:8443/" },
      group: { type: "string" },
    } as const;
    const { values, positionals } = parseArgs({ args: Deno.args, options, allowPositionals: true });
    const [topic, ...rest] = positionals;
    if (topic !== undefined && rest.length === 0) return { url: values.url, topic, group: values.group };
    console.error(USAGE);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  }
  Deno.exit(2);
}

const wanted = readArguments();
console.error(await keepConnected(wanted.url, () => listen(wanted)));
Deno.exit(1);
