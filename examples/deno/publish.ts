/**
 * Publishes one message and tells whether it was delivered:
 * `deno run --allow-net examples/deno/publish.ts sensors.a.temp 21`
 */
// deno-lint-ignore-file no-console -- it is a program for the shell
import { parseArgs } from "node:util";
import { decode, encode, errorIn, PROTOCOL } from "./text_message.ts";

const USAGE = "Usage: publish.ts [--url ws://127.0.0.1:8443/] <topic> <payload>";

/** Resolves when the hub has delivered the message, rejects with the reason when it has not. */
function publish(url: string, topic: string, payload: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const id = crypto.randomUUID();
  const message = encode("publish", topic, id, payload);
  const socket = new WebSocket(url, PROTOCOL);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => socket.send(message);
  socket.onmessage = ({ data }) => {
    const answer = decode(data);
    // Other messages are the greeting of the hub; an answer without an id says that ours could not be read.
    if (answer.action !== "response" || (answer.id !== id && answer.id !== "")) return;
    const error = errorIn(answer);
    if (error === null) resolve();
    else reject(new Error(`${error.code}: ${error.message}`));
    socket.close(1000);
  };
  // After an answer the promise is settled, and the end of the connection changes nothing any more.
  socket.onerror = (event) => {
    const reason = event instanceof ErrorEvent ? event.message : "the connection failed";
    reject(new Error(`Cannot talk to the hub at ${url}: ${reason}`));
  };
  socket.onclose = ({ code, reason }) => {
    reject(new Error(`The hub closed the connection before it answered: ${code} ${reason}`.trim()));
  };
  return promise;
}

function readArguments() {
  try {
    const options = { url: { type: "string", default: "ws://127.0.0.1:8443/" } } as const;
    const { values: { url }, positionals } = parseArgs({ args: Deno.args, options, allowPositionals: true });
    const [topic, payload, ...rest] = positionals;
    if (topic !== undefined && payload !== undefined && rest.length === 0) return { url, topic, payload };
    console.error(USAGE);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  }
  Deno.exit(2);
}

const { url, topic, payload } = readArguments();
try {
  await publish(url, topic, payload);
  console.log(`Delivered: ${topic}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 1;
}
