/**
 * Runs one command: a closed union of commands, one switch, one file a command. Every error that a person can
 * cause ends as one line and an exit code.
 */
import { type ErrorCode, TrunklineError } from "../core/errors.ts";
import { runCheck } from "./check.ts";
import { type Command, parseCommandLine } from "./command_line.ts";
import { runConfig } from "./config.ts";
import { runHub } from "./hub.ts";
import { type CommandIo, ExitCode } from "./io.ts";

/** Parses the arguments and runs the command; gives the exit code. */
export async function runCli(args: readonly string[], io: CommandIo): Promise<number> {
  const parsed = parseCommandLine(args, io);
  if (parsed.kind === "exit") return parsed.code;
  try {
    return await runCommand(parsed.command, io);
  } catch (error) {
    if (!(error instanceof TrunklineError)) throw error;
    io.err(error.message);
    return exitCodeOf(error.code);
  }
}

/** What only some commands need, as the library for certificates, is loaded by them alone: no hub does. */
function runCommand(command: Command, io: CommandIo): Promise<number> | number {
  switch (command.name) {
    case "hub":
      return runHub(command, io);
    case "check":
      return runCheck(command, io);
    case "config":
      return runConfig(command, io);
    case "certs":
      return import("./certs.ts").then(({ runCerts }) => runCerts(command, io));
    case "token":
      return import("./token.ts").then(({ runToken }) => runToken(command, io));
    case "pub":
      return import("./pub.ts").then(({ runPub }) => runPub(command, io));
    case "sub":
      return import("./sub.ts").then(({ runSub }) => runSub(command, io));
    case "request":
      return import("./request.ts").then(({ runRequest }) => runRequest(command, io));
    case "reply":
      return import("./reply.ts").then(({ runReply }) => runReply(command, io));
    case "services":
      return import("./services.ts").then(({ runServices }) => runServices(command, io));
    case "topic":
      return import("./topic.ts").then(({ runTopic }) => runTopic(command, io));
    case "agent":
      return import("./agent.ts").then(({ runAgent }) => runAgent(command, io));
    case "http":
      return import("./http.ts").then(({ runHttp }) => runHttp(command, io));
    case "tcp":
      return import("./tcp.ts").then(({ runTcp }) => runTcp(command, io));
    case "tunnels":
      return import("./tunnels.ts").then(({ runTunnels }) => runTunnels(command, io));
    case "bench":
      return import("./bench.ts").then(({ runBench }) => runBench(command, io));
  }
}

/** What the configuration can mend is a mistake of usage. */
function exitCodeOf(code: ErrorCode): ExitCode {
  switch (code) {
    case "usage":
    case "config_invalid":
    case "certificate_invalid":
    case "address_in_use":
    case "listen_failed":
      return ExitCode.usage;
    case "permission_missing":
    case "start_failed":
    case "request_failed":
    case "timed_out":
      return ExitCode.failed;
    case "unreachable":
    case "not_frames":
    case "connection_lost":
      return ExitCode.unreachable;
    case "refused":
      return ExitCode.refused;
  }
}
