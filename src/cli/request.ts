/**
 * `trunkline request`: asks whichever service answers a topic, and prints what it says. How it went is the exit code.
 */
import { TrunklineError } from "../core/errors.ts";
import { isTopic } from "../core/topic.ts";
import { type AnswerError, isRefusal, problemsOf, readAnswerError } from "./hub_answer.ts";
import { HubClient } from "./hub_client.ts";
import { type ConnectionArguments, readHubTarget } from "./hub_target.ts";
import { readPayload } from "./input.ts";
import { type CommandIo, ExitCode } from "./io.ts";
import { payloadAsJson } from "./message_format.ts";
import { printableBytes } from "../core/printable.ts";
import { TOPIC_RULE } from "./topic_rules.ts";

/** What `request` takes. */
export interface RequestOptions extends ConnectionArguments {
  readonly topic: string;
  /** `-` or nothing: the input. */
  readonly payload?: string | undefined;
  /** How many requests to send. */
  readonly count: number;
  /** How many may wait for their answer at a time. */
  readonly concurrency: number;
  /** How long to wait between the starts of two requests, in milliseconds. */
  readonly intervalMs: number;
  /** How long the answer may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly json: boolean;
  readonly quiet: boolean;
}

const encoder = new TextEncoder();

/** Runs the command. Throws a `TrunklineError` when it cannot be done at all, or not be gone on with. */
export async function runRequest(options: RequestOptions, io: CommandIo): Promise<ExitCode> {
  checkUsage(options, io);
  const target = readHubTarget(options, Deno.env);
  const payload = await readPayload(options.payload, io.input);
  const client = await HubClient.connect(target, { warn: (line) => io.err(line) });
  try {
    const lost = client.ended.then((error) => Promise.reject(error));
    return await Promise.race([new Requester(client, options, io).run(payload), lost]);
  } finally {
    await client.close();
  }
}

function checkUsage({ topic, payload }: RequestOptions, { input }: CommandIo): void {
  if (!isTopic(topic)) {
    throw new TrunklineError("usage", `Cannot ask ${JSON.stringify(topic)}: a topic is ${TOPIC_RULE}`);
  }
  if (payload === undefined && input.isTerminal) {
    const next = "give one after the topic, '' for an empty one, or - to type it";
    throw new TrunklineError("usage", `Cannot ask ${topic}: there is no payload; ${next}`);
  }
}

/** Asks one topic and prints the answers as they come. */
class Requester {
  readonly #client: HubClient;
  readonly #options: RequestOptions;
  readonly #io: CommandIo;
  readonly #unanswered = new Set<Promise<void>>();
  #hasFailed = false;
  /** What makes everything else useless. */
  #fatal: TrunklineError | null = null;
  #hasReader = true;

  constructor(client: HubClient, options: RequestOptions, io: CommandIo) {
    this.#client = client;
    this.#options = options;
    this.#io = io;
  }

  /** Throws what makes everything else useless: no right, no connection, a hub that is silent. */
  async run(payload: Uint8Array): Promise<ExitCode> {
    const { count, concurrency, intervalMs } = this.#options;
    for (let sent = 0; sent < count && this.#goesOn; sent++) {
      if (sent > 0 && intervalMs > 0) await new Promise((resolve) => setTimeout(resolve, intervalMs));
      if (this.#unanswered.size >= concurrency) await Promise.race(this.#unanswered);
      if (this.#goesOn) this.#ask(payload);
    }
    await Promise.all(this.#unanswered);
    if (this.#fatal !== null) throw this.#fatal;
    return this.#hasFailed ? ExitCode.failed : ExitCode.done;
  }

  get #goesOn(): boolean {
    return this.#fatal === null && this.#hasReader;
  }

  #ask(payload: Uint8Array): void {
    const answered = this.#exchange(payload).finally(() => this.#unanswered.delete(answered));
    this.#unanswered.add(answered);
  }

  async #exchange(payload: Uint8Array): Promise<void> {
    const { topic, timeoutMs, json } = this.#options;
    const id = crypto.randomUUID();
    const startedMs = performance.now();
    const answer = await this.#client.exchange({
      action: "request",
      topic,
      requestId: id,
      timeoutMs,
      payload,
    });
    const ms = Number((performance.now() - startedMs).toFixed(3));
    if (answer.kind === "none") {
      this.#fatal ??= answer.error;
      return;
    }
    const error = readAnswerError(answer.payload);
    if (json) {
      const told = error === null ? { status: "success", payload: payloadAsJson(answer.payload) } : { error };
      this.#print(encoder.encode(`${JSON.stringify({ topic, id, ms, ...told })}\n`));
    }
    if (error !== null) this.#tellOfError(error);
    else if (!json) this.#print(this.#shown(answer.payload));
  }

  /** For a program byte for byte, for a person a line. */
  #shown(payload: Uint8Array): Uint8Array {
    return this.#io.isTerminal ? encoder.encode(`${printableBytes(payload)}\n`) : payload;
  }

  #tellOfError(error: AnswerError): void {
    const { code, message } = error;
    const text = `Cannot get an answer from ${this.#options.topic}: ${code} (${message})${
      this.#client.nextStepOf(code)
    }`;
    this.#hasFailed = true;
    if (isRefusal(code)) this.#fatal ??= new TrunklineError("refused", text, { details: { code } });
    else if (!this.#options.json) [text, ...problemsOf(error)].forEach((line) => this.#io.err(line));
  }

  /** Who reads the output may leave, as `head` does; there is nobody to ask for then. */
  #print(bytes: Uint8Array): void {
    if (!this.#io.outBytes(bytes)) this.#hasReader = false;
  }
}
