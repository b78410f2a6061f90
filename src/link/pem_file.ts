/** PEM files that settings name. */
import { type ErrorCode, messageOf, TrunklineError } from "../core/errors.ts";

/** Which file. */
export interface PemFile {
  /** What the setting is called. */
  readonly name: string;
  readonly path: string;
  /** What a failure is. */
  readonly code: ErrorCode;
}

/** Reads the text of a file. Throws the code, naming the setting, the file and what is the matter with it. */
export function readPemFile({ name, path, code }: PemFile): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound
      ? "the file does not exist"
      : cause instanceof Deno.errors.NotCapable
      ? `the permission is missing; run with --allow-read=${path}`
      : messageOf(cause);
    throw new TrunklineError(code, `Cannot read ${name} from ${path}: ${why}`, { cause });
  }
}
