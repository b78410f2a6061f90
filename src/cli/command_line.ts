/**
 * The command line: which commands there are and what each takes, parsed into one closed union.
 */
import { merge, object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, multiple, optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, command, constant, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { runSync } from "@optique/run";
import { VERSION } from "../core/version.ts";
import { bench } from "./bench_command.ts";
import { ExitCode, type Io } from "./io.ts";
import { pub, reply, request, services, sub, topic } from "./message_commands.ts";
import { output } from "./output_options.ts";
import { tokenOptions } from "./token_options.ts";
import { agent, http, tcp, tunnels } from "./tunnel_commands.ts";

const configuration = object({
  configFile: optional(
    option("-c", "--config-file", string({ metavar: "FILE" }), {
      description: message`Configuration file; ${"config.yaml"} in this folder when there is one.`,
    }),
  ),
  set: multiple(
    option("--set", string({ metavar: "KEY=VALUE" }), {
      description: message`Override one key, for example ${"hub.listen=:8443"}; may be repeated.`,
    }),
  ),
});

const hub = merge(object({ name: constant("hub") }), configuration, output);
const check = merge(object({ name: constant("check") }), configuration, output);
const config = merge(object({ name: constant("config") }), configuration, output);
const token = merge(tokenOptions, configuration, output);
const certs = merge(
  object({
    name: constant("certs"),
    out: withDefault(
      option("-o", "--out", string({ metavar: "FOLDER" }), {
        description: message`Where to write the files; ${"./certs"} by default.`,
      }),
      "./certs",
    ),
    hosts: map(
      multiple(argument(string({ metavar: "HOST" }), {
        description: message`Names and addresses of the server; localhost and loopback by default.`,
      })),
      (hosts) => hosts.length === 0 ? ["localhost", "127.0.0.1", "::1"] : [...hosts],
    ),
    days: withDefault(
      option("--days", integer({ metavar: "DAYS", min: 1, max: 3650 }), {
        description: message`How long the server and client certificates are valid; 825 by default.`,
      }),
      825,
    ),
    force: option("-f", "--force", { description: message`Overwrite certificates that are there.` }),
    newCa: option("--new-ca", { description: message`Make a new authority even if there is one.` }),
  }),
  output,
);

const tunnelling = or(
  command("agent", agent, {
    description: message`Run an agent: tunnels, destinations and services of its configuration.`,
  }),
  command("http", http, { description: message`Give a local web service a public address.` }),
  command("tcp", tcp, {
    description: message`Give a local TCP service a port of the hub, or reach one behind an agent.`,
  }),
  command("tunnels", tunnels, { description: message`List the tunnels that are registered.` }),
);

const parser = or(
  command("hub", hub, { description: message`Run the hub. This is what happens without a command.` }),
  command("check", check, { description: message`Check the configuration and name every mistake.` }),
  command("config", config, {
    description: message`Print the effective configuration with its sources and without secrets.`,
  }),
  command("certs", certs, { description: message`Make certificates for development and tests.` }),
  command("token", token, {
    description: message`Make a JSON Web Token for development, signed with ${"auth.jwt.secret"}.`,
  }),
  tunnelling,
  command("pub", pub, { description: message`Publish messages to a topic.` }),
  command("sub", sub, { description: message`Print the messages that are published to topics.` }),
  command("request", request, { description: message`Ask a service and print its answer.` }),
  command("reply", reply, { description: message`Answer requests with what a command prints.` }),
  command("services", services, { description: message`List the services that are registered.` }),
  command("topic", topic, {
    description: message`Show what is kept of a topic, and how many are subscribed.`,
  }),
  command("bench", bench, { description: message`Put load on a running hub and measure.` }),
  hub,
);

/** What was asked for. */
export type Command = InferValue<typeof parser>;

/** What came of the command line: a command to run, or an exit code when everything is said already. */
export type ParsedCommandLine =
  | { readonly kind: "command"; readonly command: Command }
  | { readonly kind: "exit"; readonly code: number };

/** Thrown through the parser when it is done by itself (help, version, a mistake). */
class ParserExit extends Error {
  readonly code: number;

  constructor(code: number) {
    super("The command line is answered");
    this.code = code;
  }
}

/** Parses the arguments; help, version and mistakes are printed here. */
export function parseCommandLine(args: readonly string[], io: Io): ParsedCommandLine {
  try {
    const command = runSync(parser, {
      programName: "trunkline",
      // Nothing at all is the hub with its defaults, for which the parser has no word.
      args: args.length === 0 ? ["hub"] : args,
      help: "both",
      version: VERSION,
      completion: "command",
      errorExitCode: ExitCode.usage,
      aboveError: "none",
      brief: message`A hub for messages and tunnels: one process, one port, one connection per spoke.`,
      stdout: (text) => io.out(text.replace(/\n$/, "")),
      stderr: (text) => io.err(text.replace(/\n$/, "")),
      onExit: (code) => {
        throw new ParserExit(code);
      },
    });
    return { kind: "command", command };
  } catch (error) {
    if (!(error instanceof ParserExit)) throw error;
    if (error.code !== ExitCode.done) {
      io.err("`trunkline --help` and `trunkline <command> --help` tell what there is");
    }
    return { kind: "exit", code: error.code };
  }
}
