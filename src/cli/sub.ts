/**
 * `trunkline sub`: prints what is published to some patterns, until a signal, a count, a time-out, or nobody who
 * reads the output any more.
 */
import { TrunklineError } from "../core/errors.ts";
import { isTopicPattern } from "../core/topic.ts";
import type { HeldMessages } from "./held_messages.ts";
import { expectSuccess } from "./hub_answer.ts";
import type { HubClient } from "./hub_client.ts";
import { type ConnectionArguments, type HubTarget, readHubTarget } from "./hub_target.ts";
import { type CommandIo, ExitCode } from "./io.ts";
import type { MessageFormat } from "./message_format.ts";
import { MessageOutput } from "./message_output.ts";
import { replayOf, type ReplayStart } from "./replay_start.ts";
import { ResumeFile } from "./resume_file.ts";
import { follow } from "./sub_follow.ts";
import { subscribeOnce } from "./subscriber.ts";
import { listenForStop } from "./signals.ts";
import { PATTERN_RULE } from "./topic_rules.ts";

/** What `sub` takes. */
export interface SubOptions extends ConnectionArguments {
  readonly patterns: readonly string[];
  /** Queue group: each message goes to one of its members. */
  readonly group?: string | undefined;
  /** Text when nothing is said; `json` says JSON too. */
  readonly format?: MessageFormat | undefined;
  /** What was published before is printed too. */
  readonly replay?: ReplayStart | undefined;
  /** The file that keeps how far it was printed. */
  readonly resume?: string | undefined;
  /** After so many messages it is done. */
  readonly count?: number | undefined;
  /** After so many milliseconds it ends; a failure when a count was not reached. */
  readonly timeoutMs?: number | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Runs the command until it is done. Throws a `TrunklineError` when it cannot begin, or not go on. */
export async function runSub(options: SubOptions, io: CommandIo): Promise<ExitCode> {
  const format = checkUsage(options);
  checkReplay(options);
  const target = readHubTarget(options, Deno.env);
  const signals = listenForStop(() => Deno.exit(ExitCode.done));
  try {
    const stopped = signals.first.then(() => ExitCode.done);
    const receiving = { stopped, options, output: new MessageOutput({ ...options, format }, io), io };
    const { resume: path, patterns: [pattern = ""] } = options;
    if (path === undefined) return await receive(target, receiving);
    return await follow(target, { ...receiving, pattern, file: ResumeFile.open(path) });
  } finally {
    signals.dispose();
  }
}

function checkUsage({ patterns, format, json }: SubOptions): MessageFormat {
  for (const pattern of patterns) {
    if (isTopicPattern(pattern)) continue;
    const message = `Cannot subscribe to ${JSON.stringify(pattern)}: a pattern is ${PATTERN_RULE}`;
    throw new TrunklineError("usage", message);
  }
  if (json && format !== undefined && format !== "json") {
    throw new TrunklineError("usage", `Cannot print as JSON and as ${format}; leave --json or --format out`);
  }
  return json ? "json" : format ?? "text";
}

function checkReplay({ patterns, group, replay, resume }: SubOptions): void {
  const wanted = resume !== undefined ? "--resume" : replay !== undefined ? "--replay" : null;
  if (group !== undefined && wanted !== null) {
    throw new TrunklineError(
      "usage",
      `Cannot use ${wanted} with --group: a group shares what is new; leave one out`,
    );
  }
  if (resume !== undefined && patterns.length > 1) {
    throw new TrunklineError(
      "usage",
      "Cannot use --resume with several patterns: the file holds one position",
    );
  }
}

interface Receiving {
  readonly options: SubOptions;
  readonly output: MessageOutput;
  readonly io: CommandIo;
  /** Resolves when a signal asks for the end. */
  readonly stopped: Promise<ExitCode>;
}

async function receive(target: HubTarget, receiving: Receiving): Promise<ExitCode> {
  const { stopped, output, io } = receiving;
  try {
    return await subscribeOnce(target, {
      io,
      stopped,
      take: (message) => void output.take(message),
      run: (client, messages) => {
        const subscribed = subscribeAll(client, { ...receiving, messages }).then(() => output.expire());
        return Promise.race([output.done, subscribed]);
      },
    });
  } finally {
    output.stop();
  }
}

async function subscribeAll(
  client: HubClient,
  { options, output, io, messages }: Omit<Receiving, "stopped"> & { readonly messages: HeldMessages },
): Promise<void> {
  const { group, replay } = options;
  const rest = {
    ...(group === undefined ? {} : { group }),
    ...(replay === undefined ? {} : { replay: replayOf(replay) }),
  };
  for (const topic of options.patterns) {
    const asked = client.request("system.topic.subscribe", { action: "publish", topic, ...rest });
    await messages.until(asked, (answer) => {
      if (expectSuccess(answer, `subscribe to ${topic}`)["recovered"] === false) {
        output.tellUnrecovered(topic);
      }
      if (!options.quiet) io.err(`Subscribed to ${topic}`);
    });
  }
}
