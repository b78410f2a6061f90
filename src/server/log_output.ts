/**
 * Where log lines go. Every line is handed to the operating system before the call returns, so that a crash or an
 * exit right after it loses nothing; a line that cannot be written (disk full, reader gone) is counted and never
 * ends the program.
 */

import { messageOf, TrunklineError } from "../core/errors.ts";

/** Takes finished lines. */
export interface LogOutput {
  /** Writes one line, its line end included. Says whether it was written. */
  write(line: string): boolean;
  /** Gives back what was opened. */
  close(): void;
}

/** The part of a file that is written to. */
interface SyncWriter {
  writeSync(bytes: Uint8Array): number;
}

/**
 * Opens what `logging.output` names: `stderr`, `stdout`, or the path of a file to append to.
 *
 * @throws {TrunklineError} `permission_missing` or `start_failed`, naming `logging.output`.
 */
export function openLogOutput(output: string): LogOutput {
  if (output === "stderr") return createLogOutput(Deno.stderr, () => {});
  if (output === "stdout") return createLogOutput(Deno.stdout, () => {});
  const file = openAppendedFile({ path: output, setting: "logging.output", what: "the log", mode: 0o640 });
  return createLogOutput(file, () => file.close());
}

/** An output on top of something that can be written to. */
export function createLogOutput(writer: SyncWriter, close: () => void): LogOutput {
  const encoder = new TextEncoder();
  let torn = false;
  let closed = false;
  return {
    write(line) {
      if (closed) return false;
      const bytes = encoder.encode(torn ? `\n${line}` : line);
      const written = writeAll(writer, bytes);
      // The rest of a line that was cut off must not swallow the beginning of the next one.
      if (written > 0) torn = written < bytes.length;
      return written === bytes.length;
    },
    close() {
      if (closed) return;
      closed = true;
      close();
    },
  };
}

function writeAll(writer: SyncWriter, bytes: Uint8Array): number {
  let written = 0;
  try {
    while (written < bytes.length) {
      const count = writer.writeSync(bytes.subarray(written));
      if (count === 0) break;
      written += count;
    }
  } catch {
    // There is nobody to tell: the log is what failed. The caller counts the line.
  }
  return written;
}

/** A file that lines are appended to. */
export interface AppendedFile {
  readonly path: string;
  /** The setting that names it. */
  readonly setting: string;
  /** What is written there, for messages. */
  readonly what: string;
  /** Permissions of a file that does not exist yet. */
  readonly mode: number;
}

/**
 * Opens a file to append to.
 *
 * @throws {TrunklineError} `permission_missing` or `start_failed`, naming the setting.
 */
export function openAppendedFile({ path, setting, what, mode }: AppendedFile): Deno.FsFile {
  try {
    return Deno.openSync(path, { append: true, create: true, mode });
  } catch (cause) {
    const details = { path, setting };
    if (cause instanceof Deno.errors.NotCapable) {
      const next = `run with --allow-write=${path}, or set ${setting} to something else`;
      const message = `Cannot write ${what} to ${path}: the permission is missing; ${next}`;
      throw new TrunklineError("permission_missing", message, { cause, details });
    }
    const next = `set ${setting} to a file that can be written, or to something else`;
    const message = `Cannot write ${what} to ${path}: ${messageOf(cause)}; ${next}`;
    throw new TrunklineError("start_failed", message, { cause, details });
  }
}
