/**
 * The small ports that every room shares: time and logging. They exist so that logic can be tested with a
 * fake clock and a log that is a list; the composition root decides what stands behind them.
 */

/** A source of monotonic time. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes backwards. */
  now(): number;
}

/** The process's monotonic clock. */
export const systemClock: Clock = { now: () => performance.now() };

/** Severity of a log line, from the most to the least talkative. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** Structured details of a log line; secrets are masked by field name before they are written. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Writes structured log lines. Never called once per message: a line costs microseconds. A field `tenant` says whose
 * line it is; a line without it is about the hub as a whole.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Whether lines of this level are written, so that costly fields need not be built in vain. */
  isEnabled(level: LogLevel): boolean;
  /** A logger whose lines carry `name` as the part of the system that they come from. */
  child(name: string): Logger;
}

/** A line of the log as listeners get it: of bounded size, secrets masked. */
export interface LogLine {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly level: LogLevel;
  /** The part of the system that it comes from; empty for the hub itself. */
  readonly logger: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** The log as its operator follows and changes it while it runs. */
export interface LogControl {
  /** Changes from which level on lines are written. */
  setLevel(level: LogLevel): void;
  /**
   * Tells `listener` of every line from now on, after it was written; the function that is returned ends that. A
   * listener that throws is told nothing more.
   */
  listen(listener: (line: LogLine) => void): () => void;
}
