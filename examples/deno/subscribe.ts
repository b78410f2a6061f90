/**
 * Subscribes to a topic or pattern and prints what comes, a line each, until Ctrl-C. When the hub goes away it
 * comes back and subscribes again:
 * `deno run --allow-net examples/deno/subscribe.ts 'sensors.+.temp'`
 */
// deno-lint-ignore-file no-console -- it is a program for the shell
import { parseArgs } from "node:util";
import { decode, encode, errorIn, type HubError, PROTOCOL, type TextMessage } from "./text_message.ts";

const USAGE = "Usage: subscribe.ts [--url ws://127.0.0.1:8443/] [--group <name>] <pattern>";
const MAX_DELAY_MS = 15_000;
/** Login refused, no right to be here: only a person can change that. */
const FINAL_CODES = [4401, 4403];

/** What to subscribe to, and where. */
interface Wanted {
  readonly url: string;
  readonly topic: string;
  /** Of those who name the same group each message reaches one. */
  readonly group: string | undefined;
}

/** How a connection ended. */
interface End {
  /** Whether the hub took the subscription before. */
  readonly wasSubscribed: boolean;
  /** What the hub answered when it refused the subscription. */
  readonly refusal: HubError | null;
  readonly code: number;
  readonly reason: string;
}

/**
 * Connects, subscribes and prints until the connection ends. The hub pings to see whether we are there; the
 * runtime answers that.
 */
function listen({ url, topic, group }: Wanted): Promise<End> {
  const { promise, resolve } = Promise.withResolvers<End>();
  const id = crypto.randomUUID();
  let [wasSubscribed, refusal, failure]: [boolean, HubError | null, string] = [false, null, ""];
  const socket = new WebSocket(url, PROTOCOL);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    const wanted = JSON.stringify({ action: "publish", topic, group });
    socket.send(encode("request", "system.topic.subscribe", id, wanted));
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

/** What others publish must not control this terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "\u{fffd}");
}

/** The hub may say when to come back; otherwise the delay grows, and is random so that not all come at once. */
function delayOf({ code, reason }: End, attempts: number): number {
  const named = /\bretry=(\d+)$/.exec(reason)?.[1];
  if (named !== undefined) return Number(named);
  // 44xx: it would end the same way at once.
  if (code >= 4400 && code < 4450) return MAX_DELAY_MS;
  return Math.random() * Math.min(MAX_DELAY_MS, 500 * 2 ** attempts);
}

/** Subscribes until there is no sense in it; gives the reason. */
async function subscribe(wanted: Wanted): Promise<string> {
  let wasEverSubscribed = false;
  for (let attempts = 0;; attempts++) {
    const end = await listen(wanted);
    if (end.refusal !== null) return `${end.refusal.code}: ${end.refusal.message}`;
    const how = `${end.code} ${end.reason}`.trim();
    if (FINAL_CODES.includes(end.code)) return `The hub closed the connection: ${how}`;
    wasEverSubscribed ||= end.wasSubscribed;
    if (!wasEverSubscribed) return `Cannot talk to the hub at ${wanted.url}: ${how}`;
    if (end.wasSubscribed) attempts = 0;
    const delayMs = delayOf(end, attempts);
    console.error(`Lost the connection: ${how}; trying again in ${Math.ceil(delayMs / 1000)} s`);
    await new Promise((passed) => setTimeout(passed, delayMs));
  }
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

console.error(await subscribe(readArguments()));
Deno.exit(1);
