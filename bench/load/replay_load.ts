/**
 * The load of the history benchmark, a process of its own: a subscriber that asks for a replay, waits for all of it, and
 * asks again over a new connection. Prints "go" when the first replay is through and one JSON line at the end: how long
 * each replay took, in milliseconds.
 */
import { print } from "./console.ts";

/** What to do; given as JSON in the first argument. */
export interface ReplayLoad {
  readonly port: number;
  readonly topic: string;
  readonly messages: number;
  readonly payloadBytes: number;
  readonly seconds: number;
}

const encoder = new TextEncoder();

function prefixed(text: string): Uint8Array {
  const body = encoder.encode(text);
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

/** Takes one replay by counting its bytes; gives how long it took, in milliseconds. */
async function replay({ port, topic, messages, payloadBytes }: ReplayLoad): Promise<number> {
  using link = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = JSON.stringify({ topic, action: "publish", replay: { last: messages } });
  const each = 4 + `publish:${topic}:1.0.0:${crypto.randomUUID()}\n`.length + payloadBytes;
  const wanted = messages * each;
  const buffer = new Uint8Array(256 * 1024);
  // The greeting comes first, so that it is not counted.
  await link.write(prefixed("request:system.heartbeat:1.0.0\n{}"));
  await link.read(buffer);
  const startedMs = performance.now();
  await link.write(prefixed(`request:system.topic.subscribe:1.0.0\n${request}`));
  for (let got = 0; got < wanted;) {
    const count = await link.read(buffer);
    if (count === null) throw new Error("Cannot go on: the hub closed");
    got += count;
  }
  return performance.now() - startedMs;
}

const load: ReplayLoad = JSON.parse(Deno.args[0] ?? "{}");
await replay(load);
print("go");
const times: number[] = [];
const endMs = performance.now() + load.seconds * 1000;
while (performance.now() < endMs) times.push(await replay(load));
print(JSON.stringify(times));
