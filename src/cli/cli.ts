/**
 * Runs one command: a closed union of commands, one switch, one file a command. Every error that a person can
 * cause ends as one line and an exit code.
 */
import { type ErrorCode, TrunklineError } from "../core/errors.ts";
import { runCheck } from "./check.ts";
import { type Command, parseCommandLine } from "./command_line.ts";
import { runConfig } from "./config.ts";
import { runHub } from "./hub.ts";
import { ExitCode, type Io } from "./io.ts";

/** Parses the arguments and runs the command; gives the exit code. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
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

function runCommand(command: Command, io: Io): Promise<number> | number {
  switch (command.name) {
    case "hub":
      return runHub(command, io);
    case "check":
      return runCheck(command, io);
    case "config":
      return runConfig(command, io);
    case "certs":
      return runCertsLater(command, io);
  }
}

/** The library for certificates is large: only those who ask for them load it, no hub does. */
async function runCertsLater(command: Extract<Command, { name: "certs" }>, io: Io): Promise<number> {
  const { runCerts } = await import("./certs.ts");
  return await runCerts(command, io);
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
      return ExitCode.failed;
  }
}
