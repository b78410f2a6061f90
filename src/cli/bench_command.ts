/** What `trunkline bench` takes. */
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, constant, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { BENCH_LIMITS, BENCH_MODES } from "./bench_plan.ts";
import { connection } from "./connection_options.ts";
import { duration } from "./duration_parser.ts";
import { output } from "./output_options.ts";
import { size } from "./size_parser.ts";

const mode = optional(
  argument(choice(BENCH_MODES, { metavar: "MODE" }), {
    description:
      message`${"pub"}, the default: publishers and subscribers of one topic. ${"request"}: clients \
that ask a service. ${"mixed"}: both at once, each with the same options.`,
  }),
);

const shape = object({
  publishers: optional(
    option("--publishers", integer({ metavar: "N", min: 1, max: BENCH_LIMITS.publishers }), {
      description: message`How many connections publish; 1 by default.`,
    }),
  ),
  subscribers: optional(
    option("--subscribers", integer({ metavar: "N", min: 1, max: BENCH_LIMITS.subscribers }), {
      description: message`How many connections get every message; 10 by default.`,
    }),
  ),
  clients: optional(
    option("--clients", integer({ metavar: "N", min: 1, max: BENCH_LIMITS.clients }), {
      description: message`How many connections ask; 10 by default.`,
    }),
  ),
  services: optional(
    option("--services", integer({ metavar: "N", min: 0, max: BENCH_LIMITS.services }), {
      description:
        message`How many connections answer with what they were sent; 1 by default. With ${"0"} and \
--topic the service that is there is asked.`,
    }),
  ),
});

const amount = object({
  sizeBytes: withDefault(
    option("--size", size(BENCH_LIMITS.sizeBytes), {
      description: message`Bytes of a payload, for example ${"4KiB"}; ${"128"} by default.`,
    }),
    128,
  ),
  messages: optional(
    option("--messages", integer({ metavar: "N", min: 1, max: BENCH_LIMITS.messages }), {
      description: message`End after so many messages or requests in all.`,
    }),
  ),
  durationMs: optional(
    option("--duration", duration(), {
      description: message`Send for so long; ${"5s"} by default when --messages is not given.`,
    }),
  ),
  ratePerSecond: withDefault(
    option("--rate", integer({ metavar: "N", min: 0, max: BENCH_LIMITS.ratePerSecond }), {
      description: message`Messages or requests a second in all, evenly spread; the latency is counted from \
when each was meant to be sent. ${"0"}, the default, is as fast as possible.`,
    }),
    0,
  ),
  inFlight: optional(
    option("--in-flight", integer({ metavar: "N", min: 0, max: BENCH_LIMITS.inFlight }), {
      description:
        message`How many messages of each publisher (64 by default) or requests of each client (8) may \
be on their way. With ${"0"}, of pub only, nothing but the sockets slows the publishers.`,
    }),
  ),
});

/** `trunkline bench`. */
export const bench = merge(
  object({ name: constant("bench"), mode }),
  shape,
  amount,
  object({
    topic: optional(
      option("--topic", string({ metavar: "TOPIC" }), {
        description: message`The topic to use; by default one that nobody else has.`,
      }),
    ),
    timeoutMs: withDefault(
      option("--timeout", duration(), {
        description:
          message`How long an answer may take, or the next of the messages that are on their way; then \
the rest is missing. ${"5s"} by default.`,
      }),
      5000,
    ),
  }),
  connection,
  output,
);
