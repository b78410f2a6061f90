/**
 * How far something was printed, kept in a file: written beside it and moved over it, so that it is the old or the new
 * position whenever the program ends. When the machine does, it is what its file system makes of that.
 */
import { messageOf, TrunklineError } from "../core/errors.ts";

/** The file. */
export class ResumeFile {
  readonly #path: string;
  #position: string | null;

  private constructor(path: string, position: string | null) {
    this.#path = path;
    this.#position = position;
  }

  /** Reads the file; one that is not there yet is made with the first position. Throws `usage`. */
  static open(path: string): ResumeFile {
    return new ResumeFile(path, readPosition(path));
  }

  /** The id behind which to go on; `null` before the first. */
  get position(): string | null {
    return this.#position;
  }

  /** Everything up to this id was printed; one that is below the last changes nothing. Throws as {@link restart} does. */
  keep(position: string): void {
    if (this.#position === null || position > this.#position) this.restart(position);
  }

  /**
   * What came before cannot be had any more: it goes on from here, wherever that is. Throws `request_failed` when
   * it cannot be written.
   */
  restart(position: string): void {
    const beside = `${this.#path}.new`;
    try {
      Deno.writeTextFileSync(beside, `${position}\n`);
      Deno.renameSync(beside, this.#path);
    } catch (error) {
      const message = `Cannot write the position to ${this.#path}: ${messageOf(error)}`;
      throw new TrunklineError("request_failed", message, { cause: error });
    }
    this.#position = position;
  }
}

function readPosition(path: string): string | null {
  let text: string;
  try {
    text = Deno.readTextFileSync(path).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new TrunklineError("usage", `Cannot read the position in ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text;
  throw new TrunklineError(
    "usage",
    `Cannot go on from ${path}: it holds no position; remove it to begin anew`,
  );
}
