/** What the example does on its connection: messages and a stream side by side. */
import { type AgentLink, expectStream } from "../../src/agent/agent_link.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { StreamCode } from "../../src/core/stream_codes.ts";
import type { StreamReset } from "../../src/link/stream.ts";
import { Collector } from "./streams.ts";

const SERVICE = "tools.upper";
const NEWS = "agents.news";
/** How much goes through the stream. */
const STREAM_BYTES = 256 * 1024;

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Where to, and whom to tell. */
export interface UseOptions {
  /** The agent that a stream is opened to. */
  readonly to: string;
  /** Whether somebody asked for that agent: then a login that may not go there is a failure. */
  readonly isStreamAskedFor: boolean;
  readonly tell: (line: string) => void;
}

/** Serves, asks, subscribes, publishes and opens a stream. Throws what of it did not succeed. */
export async function useConnection(link: AgentLink, options: UseOptions): Promise<void> {
  const { tell } = options;
  const { messages } = link;
  await messages.serve(SERVICE, ({ payload }) => text(payload).toUpperCase());
  tell(`Answered by ${SERVICE}: ${text(await messages.request(SERVICE, "hello"))}`);
  const heard = Promise.withResolvers<string>();
  await messages.subscribe("agents.+", ({ topic, payload }) => heard.resolve(`${topic} ${text(payload)}`));
  await messages.deliver(NEWS, "here I am");
  tell(`Heard ${await heard.promise}`);
  await useStream(link, options);
}

async function useStream(link: AgentLink, { to, isStreamAskedFor, tell }: UseOptions): Promise<void> {
  const bytes = new Uint8Array(STREAM_BYTES).map((_, at) => at);
  const { reset, back } = await throughStream(link, { to, bytes });
  if (reset !== null) {
    if (!isStreamAskedFor && reset.code === StreamCode.notAllowed) {
      return tell("This login may open no streams to agents (connect)");
    }
    const message = `Cannot use a stream to ${to}: it ended with ${reset.code} (${reset.reason})`;
    throw new TrunklineError("request_failed", message);
  }
  if (back !== bytes.length) {
    throw new TrunklineError("request_failed", `Cannot trust the stream to ${to}: ${back} bytes came back`);
  }
  tell(`Through a stream to ${to} and back: ${back} bytes`);
}

/** Opens a stream to whatever the other agent takes it for; gives how it ended and how many bytes came back. */
async function throughStream(
  link: AgentLink,
  { to, bytes }: { to: string; bytes: Uint8Array },
): Promise<{ reset: StreamReset | null; back: number }> {
  const collector = new Collector();
  const stream = expectStream(
    link.openStream({ target: { agent: to, host: "127.0.0.1", port: 7 } }, collector),
  );
  collector.attach(stream);
  stream.write(bytes);
  stream.end();
  const reset = await collector.over;
  return { reset, back: collector.bytes };
}
