/**
 * What `sub --resume` does: prints what is published to a pattern, keeps in a file how far it came, and goes on there
 * whenever the connection is lost.
 */
import { type ErrorCode, TrunklineError } from "../core/errors.ts";
import { Backoff } from "../limits/backoff.ts";
import { isSystemTopic } from "../core/topic.ts";
import type { TextMessage } from "../wire/text_message.ts";
import type { HeldMessages } from "./held_messages.ts";
import { expectSuccess } from "./hub_answer.ts";
import type { HubClient } from "./hub_client.ts";
import type { HubTarget } from "./hub_target.ts";
import type { CommandIo, ExitCode } from "./io.ts";
import type { MessageOutput } from "./message_output.ts";
import { PrintedPosition } from "./printed_position.ts";
import { replayOf, type ReplayStart } from "./replay_start.ts";
import type { ResumeFile } from "./resume_file.ts";
import { subscribeOnce } from "./subscriber.ts";

/** What it works with. */
export interface Following {
  readonly options: { readonly replay?: ReplayStart | undefined; readonly quiet: boolean };
  readonly pattern: string;
  readonly file: ResumeFile;
  readonly output: MessageOutput;
  readonly io: CommandIo;
  /** Resolves when a signal asks for the end. */
  readonly stopped: Promise<ExitCode>;
}

/** What may be over by itself the next time. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["unreachable", "connection_lost", "timed_out"]);

/** Follows a pattern until a signal, the count or the time-out ends it. Throws what will not be over by itself. */
export async function follow(target: HubTarget, following: Following): Promise<ExitCode> {
  const { output, stopped } = following;
  const backoff = new Backoff({ random: Math.random, transient: { initialMs: 200, maxMs: 10_000 } });
  const state = { isFirst: true };
  const done = Promise.race([stopped, output.done]);
  try {
    for (;;) {
      const startedMs = performance.now();
      const code = await connectOnce(target, following, state).catch((error: unknown) => {
        if (state.isFirst || !(error instanceof TrunklineError) || !PASSING.has(error.code)) throw error;
        if (!following.options.quiet) following.io.err(`${error.message}; trying again`);
        return null;
      });
      if (code !== null) return code;
      backoff.lived(performance.now() - startedMs);
      const ended = await pause(backoff.next("transient"), done);
      if (ended !== null) return ended;
    }
  } finally {
    output.stop();
  }
}

/** One connection; rejects with how it was lost. */
function connectOnce(
  target: HubTarget,
  following: Following,
  state: { isFirst: boolean },
): Promise<ExitCode> {
  const { stopped, output, file, io } = following;
  const connected = Promise.withResolvers<HubClient>();
  const position = new PrintedPosition({
    hasHistory: async (topic) => await hasHistory(await connected.promise, topic),
    keep: (id) => file.keep(id),
  });
  return subscribeOnce(target, {
    io,
    stopped,
    take: (message) => take(message, { output, position }),
    run: (client, messages) => {
      connected.resolve(client);
      const subscribed = subscribe(client, { ...following, messages }, state).then(() => output.done);
      return Promise.race([output.done, subscribed, position.failed]);
    },
    leave: () => position.settle(),
  });
}

/** What counts as a position has been printed. */
function take(
  message: TextMessage,
  { output, position }: { readonly output: MessageOutput; readonly position: PrintedPosition },
): void {
  const { requestId, topicKey } = message;
  if (output.take(message) && requestId !== null && !isSystemTopic(topicKey)) {
    position.printed(topicKey, requestId);
  }
}

async function hasHistory(client: HubClient, topic: string): Promise<boolean> {
  const answer = await client.request("system.topic.info", { topic });
  return expectSuccess(answer, `look at ${topic}`)["history"] !== null;
}

async function subscribe(
  client: HubClient,
  { pattern, file, options, output, io, messages }: Following & { readonly messages: HeldMessages },
  state: { isFirst: boolean },
): Promise<void> {
  const first = options.replay === undefined ? { last: 0 } : replayOf(options.replay);
  const replay = file.position === null ? first : { since: file.position };
  const asked = client.request("system.topic.subscribe", { action: "publish", topic: pattern, replay });
  await messages.until(asked, (answer) => {
    const { recovered, position } = expectSuccess(answer, `subscribe to ${pattern}`);
    if (recovered === false) output.tellUnrecovered(pattern);
    // What is gone is told once.
    const isNew = file.position === null || recovered === false;
    if (isNew && typeof position === "string") file.restart(position);
    if (!options.quiet) io.err(`${state.isFirst ? "Subscribed to" : "Connected again to"} ${pattern}`);
    if (state.isFirst) void output.expire();
    state.isFirst = false;
  });
}

/** Waits; `null` when the time is over. */
async function pause<T>(ms: number, done: Promise<T>): Promise<T | null> {
  const over = Promise.withResolvers<null>();
  const timer = setTimeout(() => over.resolve(null), ms);
  try {
    return await Promise.race([done, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
