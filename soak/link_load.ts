/**
 * Everything that an agent's connection can be busy with, at once: streams that it opens, streams that the hub opens to
 * it, publishes and requests. It counts what came of each, and notices what came wrong.
 */
import { echo } from "../examples/agent/streams.ts";
import type { AgentLink } from "../src/agent/agent_link.ts";
import { messageOf, TrunklineError } from "../src/core/errors.ts";
import type { Stream, StreamConsumer, StreamReset } from "../src/link/stream.ts";

/** Streams at a time, to the hub and through it back to this agent. */
const STREAMS = { echo: 4, self: 2 };
const CHUNK_BYTES = 64 * 1024;
const PUBLISHERS = 2;
const ASKERS = 8;
const TOPICS = { service: "soak.service", news: "soak.news" };

/** What was done, and what came of it. */
export class LoadCounts {
  streams = 0;
  /** Streams that were not opened, because the connection ended by itself before. */
  unopened = 0;
  streamBytes = 0;
  published = 0;
  heard = 0;
  answered = 0;
  /** Requests that failed because the connection ended. */
  lost = 0;
  /** Requests for which the hub still knew the connection before, whose end it had not noticed. */
  unavailable = 0;
  /** What must not happen; the first of each. */
  readonly wrong = new Set<string>();
}

/** The byte at a place of every stream. */
function byteAt(at: number): number {
  return (at * 31 + (at >> 8)) & 0xff;
}

const PATTERN = new Uint8Array(2 * CHUNK_BYTES).map((_, at) => byteAt(at & 0xffff));

/** A stream that sends without an end, and checks what comes back. */
class Pump implements StreamConsumer {
  readonly over: Promise<void>;
  readonly #over = Promise.withResolvers<void>();
  readonly #counts: LoadCounts;
  #stream: Stream | null = null;
  #sent = 0;
  #got = 0;
  #ends = 0;

  constructor(counts: LoadCounts) {
    this.#counts = counts;
    this.over = this.#over.promise;
  }

  begin(stream: Stream): void {
    this.#stream = stream;
    this.drained();
  }

  /** There was no connection to open it on. */
  giveUp(): void {
    this.#counts.unopened++;
    this.#over.resolve();
  }

  data(bytes: Uint8Array): void {
    const last = this.#got + bytes.length - 1;
    if (bytes[0] !== byteAt(this.#got & 0xffff) || bytes.at(-1) !== byteAt(last & 0xffff)) {
      this.#counts.wrong.add("a stream brought other bytes than were sent");
    }
    this.#got += bytes.length;
    this.#counts.streamBytes += bytes.length;
    this.#stream?.consumed(bytes.length);
  }

  end(): void {
    this.#counts.wrong.add("a stream ended that nobody ended");
  }

  drained(): void {
    let isFull = false;
    while (!isFull) {
      const from = this.#sent & 0xffff;
      isFull = this.#stream?.write(PATTERN.subarray(from, from + CHUNK_BYTES)) !== true;
      this.#sent += CHUNK_BYTES;
    }
  }

  closed(reset: StreamReset | null): void {
    if (++this.#ends > 1) this.#counts.wrong.add("a stream ended twice");
    // One through this agent may hear first of the end of its other half, which is on the same connection.
    const isCut = reset?.origin === "link" || (reset?.origin === "peer" && !reset.notStarted);
    if (isCut) this.#counts.streams++;
    else this.#counts.wrong.add(`a stream ended with ${reset?.code} (${reset?.reason})`);
    this.#over.resolve();
  }
}

/** The load of one agent. */
export class LinkLoad {
  readonly counts = new LoadCounts();
  readonly #link: AgentLink;
  readonly #agentId: string;
  readonly #runs = new Map<string, number>();
  #number = 0;

  constructor(link: AgentLink, agentId: string) {
    this.#link = link;
    this.#agentId = agentId;
  }

  /** Registers what answers and listens, once for all connections. */
  async register(): Promise<void> {
    const { messages } = this.#link;
    this.#link.onStream(echo);
    await messages.serve(TOPICS.service, ({ payload }) => {
      this.#ran(payload);
      return payload;
    });
    await messages.subscribe(TOPICS.news, ({ payload }) => {
      this.#ran(payload);
      this.counts.heard++;
    });
  }

  /** Keeps the connection that is up busy until it ends; resolves when nothing of that is left. */
  async run(isOver: () => boolean): Promise<void> {
    const pumps: Pump[] = [];
    for (const [agent, count] of [["echo", STREAMS.echo], [this.#agentId, STREAMS.self]] as const) {
      for (let at = 0; at < count; at++) pumps.push(this.#pump(agent));
    }
    await Promise.all([
      ...pumps.map(({ over }) => over),
      ...Array.from({ length: PUBLISHERS }, () => this.#publish(isOver)),
      ...Array.from({ length: ASKERS }, () => this.#ask(isOver)),
    ]);
    this.#runs.clear();
  }

  #pump(agent: string): Pump {
    const pump = new Pump(this.counts);
    const stream = this.#link.openStream({ target: { agent, host: "soak", port: 1 } }, pump);
    if (typeof stream === "string") pump.giveUp();
    else pump.begin(stream);
    return pump;
  }

  async #publish(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      for (let at = 0; at < 20; at++) {
        if (this.#link.messages.publish(TOPICS.news, `p${this.#number++}`) === "queued") {
          this.counts.published++;
        }
      }
      await new Promise((next) => setTimeout(next, 1));
    }
  }

  async #ask(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const payload = `r${this.#number++}`;
      try {
        const answer = await this.#link.messages.request(TOPICS.service, payload);
        if (new TextDecoder().decode(answer) !== payload) {
          this.counts.wrong.add("an answer was for somebody else");
        }
        this.counts.answered++;
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  #failed(error: unknown): void {
    const { code = null, details = {} } = error instanceof TrunklineError ? error : {};
    if (code === "connection_lost") this.counts.lost++;
    else if (details["code"] === "SERVICE_UNAVAILABLE") this.counts.unavailable++;
    else this.counts.wrong.add(`a request failed: ${messageOf(error)}`);
  }

  #ran(payload: Uint8Array): void {
    const key = new TextDecoder().decode(payload);
    const runs = (this.#runs.get(key) ?? 0) + 1;
    this.#runs.set(key, runs);
    if (runs > 1) this.counts.wrong.add("a handler ran twice for one message");
  }
}
