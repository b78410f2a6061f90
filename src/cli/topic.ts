/** `trunkline topic`: what a hub keeps of one topic, and how many are subscribed to it. */
import { TrunklineError } from "../core/errors.ts";
import { isTopic } from "../core/topic.ts";
import { printable } from "../core/printable.ts";
import { formatDuration } from "../config/units.ts";
import { isJsonObject, type JsonObject } from "../wire/error_payload.ts";
import { expectSuccess } from "./hub_answer.ts";
import { HubClient } from "./hub_client.ts";
import { type ConnectionArguments, readHubTarget } from "./hub_target.ts";
import { type CommandIo, ExitCode } from "./io.ts";
import { TOPIC_RULE } from "./topic_rules.ts";

/** What `topic` takes. */
export interface TopicOptions extends ConnectionArguments {
  readonly topic: string;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Runs the command. Throws a `TrunklineError` when the hub does not tell. */
export async function runTopic(options: TopicOptions, io: CommandIo): Promise<ExitCode> {
  const { topic } = options;
  if (!isTopic(topic)) {
    throw new TrunklineError("usage", `Cannot look at ${JSON.stringify(topic)}: a topic is ${TOPIC_RULE}`);
  }
  const target = readHubTarget(options, Deno.env);
  const client = await HubClient.connect(target, { warn: (line) => io.err(line) });
  try {
    const { status: _, ...info } = expectSuccess(
      await client.request("system.topic.info", { topic }),
      `look at ${topic}`,
    );
    if (options.json) io.out(JSON.stringify(info));
    else for (const line of describe(info)) io.out(line);
    return ExitCode.done;
  } finally {
    await client.close();
  }
}

function describe({ retains, retained, history, subscribers }: JsonObject): string[] {
  return [
    `subscribers  ${count(subscribers)}`,
    `retained     ${isJsonObject(retained) ? value(retained) : retains === true ? "no value" : "off"}`,
    ...(isJsonObject(history) ? historyLines(history) : ["history      off"]),
  ];
}

function value({ payload, encoding, size, time, truncated }: JsonObject): string {
  const shown = typeof payload === "string" ? printable(payload) : "";
  const form = encoding === "base64" ? " (base64)" : "";
  return `${shown}${truncated === true ? "…" : ""}${form}, ${count(size)} bytes, ${text(time)}`;
}

function historyLines({ count: messages, bytes, size, ttlMs, oldest, newest }: JsonObject): string[] {
  const ttl = typeof ttlMs === "number" ? formatDuration(ttlMs) : "";
  const head = `history      ${count(messages)} of ${count(size)} messages, ${
    count(bytes)
  } bytes, for ${ttl}`;
  return [head, ...message("oldest", oldest), ...message("newest", newest)];
}

function message(name: string, shown: unknown): string[] {
  return isJsonObject(shown) ? [`  ${name}     ${text(shown["time"])}  ${text(shown["id"])}`] : [];
}

function count(value: unknown): string {
  return typeof value === "number" ? String(value) : "";
}

function text(value: unknown): string {
  return typeof value === "string" ? printable(value) : "";
}
