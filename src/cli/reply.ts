/**
 * `trunkline reply`: has a command of the shell answer requests, until a signal or a count. Then it takes no more,
 * finishes those that it has, and leaves.
 */
import { TrunklineError } from "../core/errors.ts";
import { isTopicPattern } from "../core/topic.ts";
import { SHELL } from "../agent/command_run.ts";
import { answerError, expectSuccess } from "./hub_answer.ts";
import { HubClient } from "./hub_client.ts";
import { type ConnectionArguments, type HubTarget, readHubTarget } from "./hub_target.ts";
import { type CommandIo, ExitCode } from "./io.ts";
import { Responder, type ResponderOptions } from "./responder.ts";
import { readRevoked, rightTakenAway } from "./revoked_topics.ts";
import { listenForStop } from "./signals.ts";
import { PATTERN_RULE } from "./topic_rules.ts";

/** What `reply` takes. */
export interface ReplyOptions extends ConnectionArguments, Omit<ResponderOptions, "concurrency"> {
  /** A topic or a pattern. */
  readonly topic: string;
  /** How many commands run at a time; as many as there are processors when nothing is said. */
  readonly concurrency?: number | undefined;
  /** Requests go to whoever has the highest. */
  readonly priority: number;
  /** Registers a service of this name. */
  readonly serviceName?: string | undefined;
}

/** Runs the command until it is done. Throws a `TrunklineError` when it cannot begin, or not go on. */
export async function runReply(options: ReplyOptions, io: CommandIo): Promise<ExitCode> {
  checkUsage(options);
  const target = readHubTarget(options, Deno.env);
  await checkPermission();
  const { concurrency = navigator.hardwareConcurrency } = options;
  const responder = new Responder({ ...options, concurrency }, io);
  const signals = listenForStop(() => {
    responder.stop();
    Deno.exit(ExitCode.done);
  });
  try {
    return await serve(target, { stopped: signals.first.then(() => "stopped"), responder, options, io });
  } finally {
    signals.dispose();
  }
}

function checkUsage({ topic, exec }: ReplyOptions): void {
  if (!isTopicPattern(topic)) {
    const message = `Cannot answer requests to ${JSON.stringify(topic)}: a pattern is ${PATTERN_RULE}`;
    throw new TrunklineError("usage", message);
  }
  if (exec.trim() === "") {
    throw new TrunklineError(
      "usage",
      "Cannot run an empty command; say with --exec what answers the requests",
    );
  }
}

/** Without it every single request would fail. */
async function checkPermission(): Promise<void> {
  const { state } = await Deno.permissions.query({ name: "run", command: SHELL });
  if (state === "granted") return;
  const message = `Cannot run commands: this process may not start ${SHELL}; start it with --allow-run, ` +
    "as `deno task cli reply` does";
  throw new TrunklineError("permission_missing", message);
}

interface Serving {
  readonly responder: Responder;
  readonly options: ReplyOptions;
  readonly io: CommandIo;
  /** Resolves when a signal asks for the end. */
  readonly stopped: Promise<"stopped">;
}

async function serve(target: HubTarget, { responder, options, io, stopped }: Serving): Promise<ExitCode> {
  const revoked = Promise.withResolvers<never>();
  // Who does not wait for it any more is not told.
  revoked.promise.catch(() => {});
  const client = await Promise.race([
    stopped,
    HubClient.connect(target, {
      onPublish: ({ topicKey, payload }) => {
        const [topic] = topicKey === "system.topic.revoked" ? readRevoked(payload) : [];
        if (topic !== undefined) revoked.reject(new TrunklineError("refused", rightTakenAway(topic)));
      },
      warn: (line) => io.err(line),
      onRequest: (message, answering) => responder.take(message, answering),
      onAnswerRefused: (refusal) => io.err(answerError(refusal, "answer a request").message),
    }),
  ]);
  if (!(client instanceof HubClient)) return ExitCode.done;
  const lost = client.ended.then((error) => Promise.reject(error));
  try {
    const begun = begin(client, options, io).then(() => responder.enough);
    await Promise.race([stopped, begun, lost, revoked.promise]);
    await Promise.race([leave(client, options, responder), lost]);
    return ExitCode.done;
  } finally {
    responder.stop();
    await client.close();
    // What was ended is waited for: nothing of it is left behind.
    await responder.finish();
  }
}

async function begin(client: HubClient, options: ReplyOptions, io: CommandIo): Promise<void> {
  const { topic, serviceName: name, priority, quiet } = options;
  if (name !== undefined) {
    const description = `Answers requests to ${topic}`;
    const answer = await client.request("system.service.register", { name, description });
    expectSuccess(answer, `register as ${name}`);
  }
  const answer = await client.request("system.topic.subscribe", { action: "request", topic, priority });
  expectSuccess(answer, `answer requests to ${topic}`);
  if (!quiet) io.err(`Answering requests to ${topic}`);
}

/** Requests that are on their way already come before the answer of the hub, and are served too. */
async function leave(client: HubClient, { topic }: ReplyOptions, responder: Responder): Promise<void> {
  await client.request("system.topic.unsubscribe", { action: "request", topic });
  await responder.finish();
}
