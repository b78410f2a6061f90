/** One message that is answered, on a connection of its own. */
// deno-lint-ignore-file no-console -- it tells the person at the shell
import { parseArgs } from "node:util";
import { decode, encode, errorIn, protocols } from "./text_message.ts";

/** How long an answer may take. The hub keeps that time, and answers when it is over. */
const TIMEOUT_MS = 5000;
/** How much longer to wait for a hub that does not. */
const PATIENCE_MS = 2000;

/** What to send, and where. */
export interface Question {
  readonly url: string;
  readonly topic: string;
  readonly payload: string;
}

/** Resolves with the payload of the answer, rejects with the reason when it is an error or does not come. */
export function ask(
  action: "publish" | "request",
  { url, topic, payload }: Question,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const id = crypto.randomUUID();
  // Only requests have a time-out.
  const rest = action === "request" ? { id, timeoutMs: TIMEOUT_MS } : { id };
  const message = encode(action, topic, payload, rest);
  const socket = new WebSocket(url, protocols());
  socket.binaryType = "arraybuffer";
  socket.onopen = () => socket.send(message);
  socket.onmessage = ({ data }) => {
    const answer = decode(data);
    // Other messages are the greeting of the hub; an answer without an id says that ours could not be read.
    if (answer.action !== "response" || (answer.id !== id && answer.id !== "")) return;
    const error = errorIn(answer);
    if (error === null) resolve(answer.payload);
    else reject(new Error(`${error.code}: ${error.message}`));
    socket.close(1000);
  };
  const timer = setTimeout(() => socket.close(1000), TIMEOUT_MS + PATIENCE_MS);
  // After an answer the promise is settled, and the end of the connection changes nothing any more.
  socket.onerror = (event) => {
    const reason = event instanceof ErrorEvent ? event.message : "the connection failed";
    reject(new Error(`Cannot talk to the hub at ${url}: ${reason}`));
  };
  socket.onclose = ({ code, reason }) => {
    clearTimeout(timer);
    reject(new Error(`The connection ended before an answer came: ${code} ${reason}`.trim()));
  };
  return promise;
}

/** What the command line asks for; ends the program with 2 when it does not say. */
export function readQuestion(program: string): Question {
  const usage = `Usage: ${program} [--url ws://127.0.0.1:8443/] <topic> <payload>`;
  try {
    const options = { url: { type: "string", default: "ws://127.0.0.1:8443/" } } as const;
    const { values: { url }, positionals } = parseArgs({ args: Deno.args, options, allowPositionals: true });
    const [topic, payload, ...rest] = positionals;
    if (topic !== undefined && payload !== undefined && rest.length === 0) return { url, topic, payload };
    console.error(usage);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${usage}`);
  }
  Deno.exit(2);
}
