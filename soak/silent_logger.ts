/** A log for processes that are measured: what it kept would look like something that was lost. */
import type { Logger } from "../src/core/ports.ts";

/** A log that keeps nothing. */
export const SILENT: Logger = {
  debug: () => {},
  info: () => {},
  warning: () => {},
  error: () => {},
  isEnabled: () => false,
  child: () => SILENT,
};
