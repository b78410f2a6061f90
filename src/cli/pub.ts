/**
 * `trunkline pub`: publishes messages and waits until the hub has answered each. What is published comes from the
 * command line or the input; how it went is the exit code.
 */
import { TrunklineError } from "../core/errors.ts";
import { isTopic } from "../core/topic.ts";
import { type Answer, answerError } from "./hub_answer.ts";
import { HubClient } from "./hub_client.ts";
import { type ConnectionArguments, readHubTarget } from "./hub_target.ts";
import { readLines, readPayload } from "./input.ts";
import { type CommandIo, ExitCode } from "./io.ts";
import { TOPIC_RULE } from "./topic_rules.ts";

/** What `pub` takes. */
export interface PubOptions extends ConnectionArguments {
  readonly topic: string;
  /** `-` or nothing: the input. */
  readonly payload?: string | undefined;
  /** Whether each line of the input is a message. */
  readonly lines: boolean;
  /** How often to publish the payload; once when nothing is said. */
  readonly count?: number | undefined;
  /** How long to wait between two messages, in milliseconds. */
  readonly intervalMs: number;
  /** Whether it is a failure when nobody is subscribed. */
  readonly requireSubscriber: boolean;
  /** How long the hub may take to answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Messages that may wait for their answer, so that a far hub does not slow a long input down. */
const MAX_UNANSWERED = 64;

/** Runs the command. Throws a `TrunklineError` when it cannot be done at all, or not be gone on with. */
export async function runPub(options: PubOptions, io: CommandIo): Promise<ExitCode> {
  checkUsage(options, io);
  const target = readHubTarget(options, Deno.env);
  const payloads = await payloadsOf(options, io);
  const client = await HubClient.connect(target, {
    warn: (line) => io.err(line),
    answerTimeoutMs: options.timeoutMs,
  });
  try {
    const publisher = new Publisher(client, options, io);
    const lost = client.ended.then((error) => Promise.reject(error));
    return await Promise.race([publisher.run(payloads), lost]);
  } finally {
    await client.close();
  }
}

function checkUsage({ topic, payload, lines, count }: PubOptions, { input }: CommandIo): void {
  if (!isTopic(topic)) {
    throw usage(`Cannot publish to ${JSON.stringify(topic)}: a topic is ${TOPIC_RULE}`);
  }
  if (lines && payload !== undefined && payload !== "-") {
    throw usage(
      "Cannot publish a payload with --lines: lines are read from the input; leave the payload out",
    );
  }
  if (lines && count !== undefined) {
    throw usage("Cannot publish lines with --count: each is published once; leave one of them out");
  }
  if (payload === undefined && !lines && input.isTerminal) {
    throw usage("Cannot publish: there is no payload; give one after the topic, or - to type it");
  }
}

/** The payloads one after the other. Without `--lines` the input is read here, before the hub is dialled. */
async function payloadsOf(options: PubOptions, { input }: CommandIo): Promise<AsyncIterable<Uint8Array>> {
  const { payload, lines, count = 1 } = options;
  if (lines) return readLines(input.chunks());
  return repeated(await readPayload(payload, input), count);
}

async function* repeated(payload: Uint8Array, count: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield payload;
}

/** Publishes to one topic and tells what came of it. */
class Publisher {
  readonly #client: HubClient;
  readonly #options: PubOptions;
  readonly #io: CommandIo;
  readonly #unanswered = new Set<Promise<void>>();
  #hasFailed = false;
  /** What makes everything else useless. */
  #fatal: TrunklineError | null = null;
  #isToldOfNobody = false;

  constructor(client: HubClient, options: PubOptions, io: CommandIo) {
    this.#client = client;
    this.#options = options;
    this.#io = io;
  }

  /** Throws what makes everything else useless: no right, no connection, no answer. */
  async run(payloads: AsyncIterable<Uint8Array>): Promise<ExitCode> {
    const { intervalMs } = this.#options;
    let isFirst = true;
    for await (const payload of payloads) {
      if (!isFirst && intervalMs > 0) await new Promise((resolve) => setTimeout(resolve, intervalMs));
      isFirst = false;
      this.#publish(payload);
      if (this.#unanswered.size >= MAX_UNANSWERED) await Promise.race(this.#unanswered);
      if (this.#fatal !== null) break;
    }
    await Promise.all(this.#unanswered);
    if (this.#fatal !== null) throw this.#fatal;
    return this.#hasFailed ? ExitCode.failed : ExitCode.done;
  }

  #publish(payload: Uint8Array): void {
    const requestId = crypto.randomUUID();
    const { topic } = this.#options;
    const answered = this.#client.call({ action: "publish", topic, requestId, payload })
      .then((answer) => this.#tell(requestId, answer))
      .finally(() => this.#unanswered.delete(answered));
    this.#unanswered.add(answered);
  }

  #tell(id: string, answer: Answer): void {
    const { topic, json } = this.#options;
    if (answer.kind === "none") {
      this.#fatal ??= answer.error;
      return;
    }
    if (json) this.#io.out(JSON.stringify({ topic, id, ...outcome(answer) }));
    if (answer.kind === "success") return;
    if (answer.code === "NO_ROUTE_FOUND") return this.#tellOfNobody();
    const error = answerError(answer, `publish to ${topic}`);
    if (error.code === "refused") this.#fatal ??= error;
    else if (!json) this.#io.err(error.message);
    this.#hasFailed = true;
  }

  /** Once is enough: it is the same for all that follow. */
  #tellOfNobody(): void {
    const { topic, json, quiet, requireSubscriber } = this.#options;
    if (requireSubscriber) this.#hasFailed = true;
    if (this.#isToldOfNobody || json || (quiet && !requireSubscriber)) return;
    this.#isToldOfNobody = true;
    this.#io.err(`Nobody is subscribed to ${topic}`);
  }
}

function outcome(answer: Exclude<Answer, { kind: "none" }>): object {
  if (answer.kind === "success") return { status: "success" };
  return { error: { code: answer.code, message: answer.message } };
}

function usage(message: string): TrunklineError {
  return new TrunklineError("usage", message);
}
