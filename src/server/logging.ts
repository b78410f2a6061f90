/**
 * The log of one hub or agent. It hands LogTape records to LogTape's own formatters and redaction without its
 * global configuration, so that two hubs in one process have logs of their own; it guarantees that a log call
 * never throws, that a line is written before the call returns, and that secrets are masked.
 */

import { redactByField } from "@logtape/redaction";
import type { LogRecord, Sink } from "@logtape/logtape";
import { messageOf } from "../core/errors.ts";
import type { LogControl, LogFields, Logger, LogLevel, LogLine } from "../core/ports.ts";
import { createJsonFormatter, createPrettyFormatter } from "./log_format.ts";
import { type LogOutput, openLogOutput } from "./log_output.ts";
import {
  boundedText,
  createPatternMask,
  maskFieldValue,
  plainFields,
  secretFieldNames,
} from "./log_redaction.ts";

/** How to log; the keys of `logging` in the configuration. */
export interface LoggingOptions {
  /** Lines below this level are not written. */
  readonly level: LogLevel;
  /** `auto` is `pretty` on a terminal and `json` otherwise. */
  readonly format: "auto" | "pretty" | "json";
  /** `stderr`, `stdout`, the path of a file to append to, or an output of the caller's own. */
  readonly output: string | LogOutput;
  /** Whether the output is a terminal. @default what the runtime says of stderr or stdout, else false */
  readonly isTerminal?: boolean;
  /** Whether colours are unwanted also on a terminal. @default whether NO_COLOR is set */
  readonly noColor?: boolean;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/** A log that is open until it is closed. */
export interface Logging extends LogControl {
  /** The root logger; parts of the system get children of it. */
  readonly logger: Logger;
  /** Ends the log. Everything logged before is written; what comes after is dropped. */
  close(): Promise<void>;
}

/**
 * Opens a log.
 *
 * @throws {TrunklineError} `permission_missing` or `start_failed` when the file cannot be opened.
 */
export function createLogging(options: LoggingOptions): Logging {
  const { level, format, output, now = Date.now } = options;
  const isTerminal = options.isTerminal ?? isTerminalOutput(output);
  const pretty = format === "pretty" || (format === "auto" && isTerminal);
  const colors = isTerminal && !(options.noColor ?? Deno.noColor);
  const opened = typeof output === "string" ? openLogOutput(output) : output;
  const formatter = pretty ? createPrettyFormatter({ colors }) : createJsonFormatter();
  const log = new Log({ level, now, formatter, output: opened });
  return {
    logger: new NamedLogger(log, []),
    setLevel: (level) => log.setLevel(level),
    listen: (listener) => log.listen(listener),
    close() {
      opened.close();
      return Promise.resolve();
    },
  };
}

function isTerminalOutput(output: string | LogOutput): boolean {
  if (output === "stderr") return Deno.stderr.isTerminal();
  return output === "stdout" && Deno.stdout.isTerminal();
}

/** Levels by severity. */
const severity: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3 };

interface LogParts {
  readonly level: LogLevel;
  readonly now: () => number;
  readonly formatter: (record: LogRecord) => string;
  readonly output: LogOutput;
}

/** What all loggers of one log share. */
class Log {
  readonly #now: () => number;
  readonly #sink: Sink;
  readonly #maskPatterns = createPatternMask();
  readonly #listeners = new Set<(line: LogLine) => void>();
  #level: LogLevel;
  #lostLines = 0;

  constructor({ level, now, formatter, output }: LogParts) {
    this.#level = level;
    this.#now = now;
    const write = (record: LogRecord) => {
      if (output.write(formatter(record))) this.#reportLostLines();
      else this.#lostLines++;
      if (this.#listeners.size > 0) this.#tell(record);
    };
    this.#sink = redactByField(write, { fieldPatterns: secretFieldNames, action: maskFieldValue });
  }

  setLevel(level: LogLevel): void {
    this.#level = level;
  }

  isEnabled(level: LogLevel): boolean {
    return severity[level] >= severity[this.#level];
  }

  write(level: LogLevel, category: readonly string[], message: string, fields: LogFields): void {
    if (!this.isEnabled(level)) return;
    const properties = { ...plainFields(fields, { withStack: this.isEnabled("debug") }) };
    const text = boundedText(message);
    // An empty raw message keeps the redaction from reading placeholders into ours.
    this.#sink({ category, level, message: [text], rawMessage: "", timestamp: this.#now(), properties });
  }

  listen(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Listeners get what stands in the output, masked like it. */
  #tell(record: LogRecord): void {
    const { message, fields } = this.#maskPatterns(record);
    const { timestamp: timeMs, category } = record;
    const line = { timeMs, level: levelOf(record), logger: category.join("."), message, fields };
    for (const listener of [...this.#listeners]) {
      try {
        listener(line);
      } catch (error) {
        this.#listeners.delete(listener);
        const reason = { error: messageOf(error) };
        this.write("error", [], "A listener of the log failed and is told nothing more", reason);
      }
    }
  }

  #reportLostLines(): void {
    if (this.#lostLines === 0) return;
    const lines = this.#lostLines;
    this.#lostLines = 0;
    this.write("warning", [], "Log lines were lost because the output did not take them", { lines });
  }
}

/** The level under our name for it; ours are all that is written here. */
function levelOf({ level }: LogRecord): LogLevel {
  return level === "debug" || level === "info" || level === "warning" ? level : "error";
}

/** A logger with the names of the part that it belongs to. */
class NamedLogger implements Logger {
  readonly #log: Log;
  readonly #names: readonly string[];

  constructor(log: Log, names: readonly string[]) {
    this.#log = log;
    this.#names = names;
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#log.write("debug", this.#names, message, fields);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#log.write("info", this.#names, message, fields);
  }

  warning(message: string, fields: LogFields = {}): void {
    this.#log.write("warning", this.#names, message, fields);
  }

  error(message: string, fields: LogFields = {}): void {
    this.#log.write("error", this.#names, message, fields);
  }

  isEnabled(level: LogLevel): boolean {
    return this.#log.isEnabled(level);
  }

  child(name: string): Logger {
    return new NamedLogger(this.#log, [...this.#names, name]);
  }
}
