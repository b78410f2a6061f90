/** What the commands take that talk to a hub by messages. */
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, constant, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { connection } from "./connection_options.ts";
import { duration } from "./duration_parser.ts";
import { replayStart } from "./replay_start.ts";
import { output } from "./output_options.ts";

/** `trunkline pub`. */
export const pub = merge(
  object({
    name: constant("pub"),
    topic: argument(string({ metavar: "TOPIC" }), { description: message`Where to publish.` }),
    payload: optional(argument(string({ metavar: "PAYLOAD" }), {
      description:
        message`The message; ${"-"} or nothing is all of the input. One that begins with - goes after --.`,
    })),
    lines: option("--lines", { description: message`Publish each line of the input as it comes.` }),
    count: optional(
      option("--count", integer({ metavar: "N", min: 1 }), {
        description: message`Publish it so many times.`,
      }),
    ),
    intervalMs: withDefault(
      option("--interval", duration(), {
        description: message`Wait so long between two messages, for example ${"500ms"}.`,
      }),
      0,
    ),
    requireSubscriber: option("--require-subscriber", {
      description: message`Fail when nobody is subscribed.`,
    }),
    timeoutMs: withDefault(
      option("--timeout", duration(), {
        description: message`How long the hub may take to answer; ${"10s"} by default.`,
      }),
      10_000,
    ),
  }),
  connection,
  output,
);

/** `trunkline sub`. */
export const sub = merge(
  object({
    name: constant("sub"),
    patterns: multiple(
      argument(string({ metavar: "PATTERN" }), {
        description:
          message`What to subscribe to; ${"+"} is any one level, ${"#"} at the end all that follow.`,
      }),
      { min: 1 },
    ),
    group: optional(
      option("--group", string({ metavar: "NAME" }), {
        description: message`Share the messages with all others of this queue group.`,
      }),
    ),
    format: optional(
      option("--format", choice(["text", "json", "raw"], { metavar: "FORMAT" }), {
        description: message`${"text"}, topic and payload, is the default; ${"json"} is what --json says; \
${"raw"} is the payload alone, byte for byte.`,
      }),
    ),
    replay: optional(
      option("--replay", replayStart(), {
        description:
          message`Print what was published before, too, of topics with history: ${"last=10"} messages, \
${"since=5m"} ago or ${"since=2026-01-31T12:00:00Z"}, or behind a message: ${"id=<its id>"}.`,
      }),
    ),
    resume: optional(
      option("--resume", string({ metavar: "FILE" }), {
        description:
          message`Keep in this file how far one pattern was printed, go on there the next time, and reconnect \
by itself; begins with what is new, or with ${"--replay"}. For topics with history.`,
      }),
    ),
    count: optional(
      option("--count", integer({ metavar: "N", min: 1 }), {
        description: message`End after so many messages.`,
      }),
    ),
    timeoutMs: optional(
      option("--timeout", duration(), {
        description: message`End after so long, for example ${"30s"}; a failure if --count is not reached.`,
      }),
    ),
  }),
  connection,
  output,
);

/** `trunkline request`. */
export const request = merge(
  object({
    name: constant("request"),
    topic: argument(string({ metavar: "TOPIC" }), { description: message`What to ask.` }),
    payload: optional(argument(string({ metavar: "PAYLOAD" }), {
      description:
        message`The request; ${"-"} or nothing is all of the input. One that begins with - goes after --. \
The answer is printed byte for byte, on a terminal as a line that cannot do harm.`,
    })),
    count: withDefault(
      option("--count", integer({ metavar: "N", min: 1 }), {
        description: message`Send it so many times; ${"--json"} keeps the answers apart.`,
      }),
      1,
    ),
    concurrency: withDefault(
      option("--concurrency", integer({ metavar: "N", min: 1 }), {
        description: message`How many may wait for their answer at a time; 1 by default.`,
      }),
      1,
    ),
    intervalMs: withDefault(
      option("--interval", duration(), {
        description: message`Wait so long before the next one is sent, for example ${"500ms"}.`,
      }),
      0,
    ),
    timeoutMs: withDefault(
      option("--timeout", duration(), {
        description: message`How long an answer may take; hub and service are told. ${"5s"} by default.`,
      }),
      5000,
    ),
  }),
  connection,
  output,
);

/** `trunkline reply`. */
export const reply = merge(
  object({
    name: constant("reply"),
    topic: argument(string({ metavar: "TOPIC" }), {
      description: message`Which requests to answer; a pattern with ${"+"} and ${"#"} may be given too.`,
    }),
    exec: option("--exec", string({ metavar: "COMMAND" }), {
      description:
        message`What answers, run by ${"sh -c"} (${"cmd /c"} on Windows) for each request: its input is the \
payload, its output the answer, ${"TRUNKLINE_TOPIC"} and ${"TRUNKLINE_REQUEST_ID"} are in its environment. When it \
fails, the answer is an error with the last line of its errors.`,
    }),
    concurrency: optional(
      option("--concurrency", integer({ metavar: "N", min: 1 }), {
        description: message`How many commands run at a time; by default one for each processor. Other \
requests wait; when too many do, they are answered SERVICE_UNAVAILABLE.`,
      }),
    ),
    priority: withDefault(
      option("--priority", integer({ metavar: "N" }), {
        description: message`Requests go to whoever has the highest; 0 by default.`,
      }),
      0,
    ),
    serviceName: optional(
      option("--name", string({ metavar: "NAME" }), {
        description: message`Register as a service of this name, which ${"trunkline services"} shows.`,
      }),
    ),
    count: optional(
      option("--count", integer({ metavar: "N", min: 1 }), {
        description: message`End after so many requests.`,
      }),
    ),
    timeoutMs: optional(
      option("--timeout", duration(), {
        description:
          message`The longest a command may run, waiting included, whatever the request says; by default what \
the request says, or ${"5s"}.`,
      }),
    ),
  }),
  connection,
  output,
);

/** `trunkline services`. */
export const services = merge(object({ name: constant("services") }), connection, output);

/** `trunkline topic`. */
export const topic = merge(
  object({
    name: constant("topic"),
    topic: argument(string({ metavar: "TOPIC" }), { description: message`The topic, without wildcards.` }),
  }),
  connection,
  output,
);
