/** A log that is a list, so that a test can look at what was said. */
import type { LogFields, Logger, LogLevel } from "../../src/core/ports.ts";

/** One line. */
export interface LoggedLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps every line; children write to the same list. */
export class MemoryLogger implements Logger {
  readonly lines: LoggedLine[] = [];

  debug(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "debug", message, fields });
  }

  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "info", message, fields });
  }

  warning(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "warning", message, fields });
  }

  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "error", message, fields });
  }

  isEnabled(): boolean {
    return true;
  }

  child(): Logger {
    return this;
  }
}
