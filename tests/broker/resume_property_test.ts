/** Subscribers that come, go, read slowly and resume, while messages are published and trimmed at random. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { TestHub } from "../helpers/test_hub.ts";
import { BrokerClient, newId, type Transport, TRANSPORTS } from "./broker_client.ts";
import { connect, idOf } from "./history_client.ts";

type Step =
  | { readonly kind: "publish"; readonly topic: string; readonly count: number; readonly isLarge: boolean }
  | { readonly kind: "again" }
  | { readonly kind: "read"; readonly count: number }
  | { readonly kind: "leave" }
  | { readonly kind: "resume"; readonly pattern: string };

const SIZE = 60;
const LARGE = "x".repeat(8000);
const TOPICS = ["log.a", "log.b", "log.c.d"];

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("publish" as const),
    topic: fc.constantFrom(...TOPICS),
    count: fc.integer({ min: 1, max: 50 }),
    isLarge: fc.boolean(),
  }),
  fc.constant({ kind: "again" as const }),
  fc.record({ kind: fc.constant("read" as const), count: fc.integer({ min: 1, max: 60 }) }),
  fc.constant({ kind: "leave" as const }),
  fc.record({ kind: fc.constant("resume" as const), pattern: fc.constantFrom("log.a", "log.+") }),
);

/** A subscriber to `log.#` that keeps account of what it got. */
class Follower {
  readonly #hub: TestHub;
  readonly #transport: Transport;
  #client: BrokerClient | null = null;
  #position: string | null = null;
  /** What was published when it was told that nothing is missing from there on. */
  readonly got: string[] = [];
  hasMissed = false;

  constructor(hub: TestHub, transport: Transport) {
    this.#hub = hub;
    this.#transport = transport;
  }

  /** Comes back and goes on where it was; other patterns of the same connection change nothing. */
  async resume(pattern: string | null): Promise<void> {
    const isNew = this.#client === null;
    const client = this.#client ??= await connect(this.#hub, this.#transport);
    if (isNew) await this.#subscribe(client, "log.#");
    if (pattern !== null) await this.#subscribe(client, pattern);
  }

  async read(count: number): Promise<void> {
    for (let at = 0; at < count && this.#client !== null && !this.isCaughtUp(); at++) {
      await this.#take(this.#client);
    }
  }

  async leave(): Promise<void> {
    await this.#client?.close();
    this.#client = null;
  }

  /** Set by the test: whether everything has come. */
  isCaughtUp: () => boolean = () => false;

  async #subscribe(client: BrokerClient, topic: string): Promise<void> {
    const replay = this.#position === null ? { last: 0 } : { since: this.#position };
    const id = newId();
    client.send(
      `request:system.topic.subscribe:1.0.0:${id}`,
      JSON.stringify({ topic, action: "publish", replay }),
    );
    for (;;) {
      const message = await client.next();
      if (!message.header.endsWith(id)) {
        this.#note(message.header, idOf(message));
        continue;
      }
      const answer = JSON.parse(message.payload);
      if (answer.recovered === false) this.hasMissed = true;
      this.#position ??= answer.position;
      return;
    }
  }

  async #take(client: BrokerClient): Promise<void> {
    const message = await client.next();
    this.#note(message.header, idOf(message));
  }

  #note(header: string, id: string): void {
    if (header.startsWith("publish:system.topic.gap")) this.hasMissed = true;
    if (!header.startsWith("publish:log.")) return;
    assert.ok(
      this.got.length === 0 || id > (this.got.at(-1) ?? ""),
      `in order and once: ${id} behind ${this.got.at(-1)}`,
    );
    this.got.push(id);
    this.#position = id;
  }
}

/** Publishes and remembers; sometimes the same again, which is no new message. */
class Author {
  readonly ids: string[] = [];
  readonly #client: BrokerClient;
  #lastHeader = "";

  constructor(client: BrokerClient) {
    this.#client = client;
  }

  async publish(topic: string, payload: string): Promise<void> {
    this.#lastHeader = `publish:${topic}:1.0.0:${newId()}`;
    const { payload: { status, id } } = await this.#client.askAs(this.#lastHeader, payload);
    assert.equal(status, "success");
    this.ids.push(id);
  }

  async again(): Promise<void> {
    if (this.#lastHeader === "") return;
    const { payload: { id } } = await this.#client.askAs(this.#lastHeader, "again");
    assert.equal(id, this.ids.at(-1));
  }
}

async function run(steps: readonly Step[], transport: Transport, storage: readonly string[]): Promise<void> {
  await using hub = await TestHub.start([
    `broker.topics=[{ pattern: "log.#", history: { size: ${SIZE}, ttl: 1h } }]`,
    "hub.outbox.publish=256KiB",
    ...storage,
  ]);
  await using publisher = await connect(hub);
  const author = new Author(publisher);
  const follower = new Follower(hub, transport);
  follower.isCaughtUp = () => follower.got.at(-1) === author.ids.at(-1);
  await follower.resume(null);
  for (const step of steps) {
    if (step.kind === "publish") {
      for (let at = 0; at < step.count; at++) await author.publish(step.topic, step.isLarge ? LARGE : "x");
    } else if (step.kind === "again") await author.again();
    else if (step.kind === "read") await follower.read(step.count);
    else if (step.kind === "leave") await follower.leave();
    else await follower.resume(step.pattern);
  }
  await follower.resume(null);
  await follower.read(Infinity);
  await follower.leave();
  if (!follower.hasMissed) assert.deepEqual(follower.got, author.ids, "each message once, in order");
  else assert.ok(new Set(follower.got).isSubsetOf(new Set(author.ids)));
}

for (const transport of TRANSPORTS) {
  Deno.test(`Resume: whatever happens, each message comes once and in order, or it is told that some are missing (${transport})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => run(steps, transport, [])),
      { numRuns: 12 },
    );
  });
}

Deno.test("Resume: the same with a store on disk", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const path = await Deno.makeTempDir();
      try {
        await run(steps, "websocket", [`storage.path=${path}`]);
      } finally {
        await Deno.remove(path, { recursive: true });
      }
    }),
    { numRuns: 4 },
  );
});
