/**
 * The payloads of requests to `system.*` topics: what each may hold, checked by schema. Unknown fields are
 * ignored, so that newer clients can say more.
 */
import { z } from "zod";
import type { LogLevel } from "../core/ports.ts";
import { isTopic, isTopicPattern } from "../core/topic.ts";
import type { ReplayFrom } from "../store/message_store.ts";
import type { BrokerError } from "./broker_error.ts";
import { compilePattern } from "./linear_pattern.ts";
import { MAX_PATTERN_CHARACTERS } from "./pattern_syntax.ts";
import { SUBSCRIPTION_ACTIONS } from "./subscription.ts";

const MAX_NAME = 36;
const MAX_DESCRIPTION = 1024;
const MAX_GROUP = 128;
const MAX_ID = 64;
const MAX_PRIORITY = 1_000_000;
/** What the metadata of one service may take as JSON: every connection may keep some. */
const MAX_METADATA_CHARACTERS = 4096;
/** A goodbye has room for it, whatever its characters are. */
const MAX_REASON_BYTES = 80;
/** Messages that a replay can ask for by their number. */
export const MAX_REPLAYED_LAST = 100_000;
const MESSAGE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/i;
const LOG_LEVELS = ["debug", "info", "warning", "error"] as const satisfies readonly LogLevel[];

const lowerCase = (value: unknown) => typeof value === "string" ? value.toLowerCase() : value;

const action = z.preprocess(
  lowerCase,
  z.enum(SUBSCRIPTION_ACTIONS, { error: `it has to be one of ${SUBSCRIPTION_ACTIONS.join(", ")}` })
    .default("both"),
);

const pattern = z.string({ error: "it has to be a topic or pattern" }).refine(isTopicPattern, {
  error:
    "it is no pattern: levels with dots between them, each a letter and then letters, digits, _ and -; " +
    "+ for one level, # at the end for all that follow",
});

const metadata = z.record(z.string(), z.unknown(), { error: "it has to be an object" }).refine(
  (value) => JSON.stringify(value).length <= MAX_METADATA_CHARACTERS,
  { error: `it has more than ${MAX_METADATA_CHARACTERS} characters as JSON` },
);

const level = z.preprocess(
  lowerCase,
  z.enum(LOG_LEVELS, { error: `it has to be one of ${LOG_LEVELS.join(", ")}` }),
);

const levelsError = `it has to be a list of 1 to ${LOG_LEVELS.length} levels`;
const levels = z.array(level, { error: levelsError }).min(1, { error: levelsError })
  .max(LOG_LEVELS.length, { error: levelsError });

/** What can be searched for, and why it is not more. */
const REGEX_RULES =
  "literals, ., [ ], ( ), (?: ), |, ^, $, *, +, ?, {n}, {n,}, {n,m} and \\d \\w \\s \\D \\W \\S \\n \\r \\t; " +
  `at most ${MAX_PATTERN_CHARACTERS} characters; no back-references and no looking around`;

const regex = z.string({ error: "it has to be a text" }).transform((value, context) => {
  const compiled = compilePattern(value);
  if (compiled.ok) return compiled.pattern;
  const message = `${compiled.reason}. Supported are ${REGEX_RULES}`;
  context.issues.push({ code: "custom", message, input: value });
  return z.NEVER;
});

const isPrintable = (value: string) => !/[\p{Cc}\p{Cs}]/u.test(value);
const bytesOf = (value: string) => new TextEncoder().encode(value).length;
const reasonError = `it has to be a text of at most ${MAX_REASON_BYTES} bytes without control characters`;
const reason = z.string({ error: reasonError }).refine(
  (value) => value.length <= MAX_REASON_BYTES && bytesOf(value) <= MAX_REASON_BYTES && isPrintable(value),
  { error: reasonError },
);

function text(maxLength: number, minLength = 0) {
  const length = minLength === 0 ? `at most ${maxLength}` : `${minLength} to ${maxLength}`;
  const error = `it has to be a text of ${length} characters`;
  return z.string({ error }).min(minLength, { error }).max(maxLength, { error });
}

const priorityError = `it has to be a whole number from ${-MAX_PRIORITY} to ${MAX_PRIORITY}`;

const sinceError = "it has to be the id of a message, or a time in ISO 8601 as 2026-01-31T12:00:00Z";
const lastError = `it has to be a whole number from 0 to ${MAX_REPLAYED_LAST}`;
const since = z.string({ error: sinceError }).transform((value, context): ReplayFrom => {
  if (MESSAGE_ID.test(value)) return { kind: "after", id: value.toLowerCase() };
  const atMs = ISO_TIME.test(value) ? Date.parse(value) : NaN;
  if (!Number.isNaN(atMs)) return { kind: "since", atMs };
  context.issues.push({ code: "custom", message: sinceError, input: value });
  return z.NEVER;
});
const last = z.int({ error: lastError }).min(0, { error: lastError }).max(MAX_REPLAYED_LAST, {
  error: lastError,
}).transform((count): ReplayFrom => ({ kind: "last", count }));

const replayError = "it has to be { since: message id or time } or { last: number }";
const replay = z.object({ since: since.optional(), last: last.optional() }, { error: replayError })
  .transform(({ since, last }, context): ReplayFrom => {
    const from = since ?? last;
    if (from !== undefined && (since === undefined || last === undefined)) return from;
    context.issues.push({ code: "custom", message: replayError, input: null });
    return z.NEVER;
  });

/** What each request says. */
export const systemPayloads = {
  nothing: z.object({}),
  register: z.object({
    name: text(MAX_NAME, 1),
    description: text(MAX_DESCRIPTION),
    metadata: metadata.default({}),
  }),
  subscribe: z.object({
    action,
    topic: pattern,
    priority: z.int({ error: priorityError }).min(-MAX_PRIORITY, { error: priorityError })
      .max(MAX_PRIORITY, { error: priorityError }).default(0),
    group: text(MAX_GROUP, 1).optional(),
    replay: replay.optional(),
  }),
  unsubscribe: z.object({ action, topic: pattern }),
  serviceSubscriptions: z.object({ serviceId: text(MAX_ID, 1).optional() }),
  presence: z.object({
    topic: z.string({ error: "it has to be a topic" }).refine(isTopic, {
      error: "it is no topic: levels with dots between them, without + and #",
    }),
  }),
  logSubscribe: z.object({ levels: levels.default([...LOG_LEVELS]), regex: regex.optional() }),
  disconnect: z.object({ serviceId: text(MAX_ID, 1), reason: reason.optional() }),
  logLevel: z.object({ level }),
  metrics: z.object({
    showAll: z.boolean({ error: "it has to be true or false" }).default(true),
    paramFilter: z.record(z.string(), z.string({ error: "it has to be a text" }), {
      error: "it has to be an object of texts",
    }).optional(),
  }),
};

const decoder = new TextDecoder("utf-8", { fatal: true });

/** What a payload says, or what is wrong with it. */
export type PayloadResult<T> =
  | { readonly ok: true; readonly payload: T }
  | { readonly ok: false; readonly error: BrokerError };

/** Reads the payload of a request to a system topic; an empty one says nothing, as `{}` does. */
export function readPayload<T>(schema: z.ZodType<T>, bytes: Uint8Array): PayloadResult<T> {
  const value = parseObject(bytes);
  if (value === null) return invalid("Cannot read the payload: it has to be a JSON object", null);
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, payload: result.data };
  const [issue] = result.error.issues;
  const field = issue?.path.join(".") ?? "";
  return invalid(`Cannot read ${field}: ${issue?.message ?? "it is wrong"}`, field);
}

function invalid(message: string, field: string | null): { readonly ok: false; readonly error: BrokerError } {
  const details = field === null ? {} : { details: { field } };
  return { ok: false, error: { code: "INVALID_REQUEST", message, ...details } };
}

function parseObject(bytes: Uint8Array): object | null {
  if (bytes.length === 0) return {};
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
