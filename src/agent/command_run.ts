/**
 * One run of a command of the shell: bytes in, bytes out, never longer than allowed, in time and in bytes. However it
 * ends, what came of it is a value; what is cut off is ended with all that it started.
 */
import { Buffer } from "node:buffer";
import { messageOf } from "../core/errors.ts";
import { printable } from "../core/printable.ts";

/** What to run. */
export interface CommandRun {
  /** As a person types it in a shell. */
  readonly command: string;
  /** What it reads. */
  readonly input: Uint8Array;
  /** What it has in its environment besides what this process has. */
  readonly env: Readonly<Record<string, string>>;
  readonly maxOutputBytes: number;
  readonly timeoutMs: number;
  /** Ends it at once. */
  readonly signal: AbortSignal;
}

/** What came of it. */
export type CommandOutcome =
  | { readonly kind: "output"; readonly output: Uint8Array }
  /** It ended otherwise than with exit code 0; `reason` says how. */
  | { readonly kind: "failed"; readonly reason: string }
  /** It took too long, wrote too much, or was ended by the signal. */
  | { readonly kind: "late" | "too_long" | "stopped" };

const onWindows = Deno.build.os === "windows";
/** The program that runs commands. */
export const SHELL = onWindows ? "cmd" : "sh";
/** How much of the end of its errors is kept to find the last line in. */
const TAIL_BYTES = 4096;
/** How much of that line is told. */
const REASON_CHARACTERS = 300;

/** Runs a command to its end. */
export async function runCommand({ input, maxOutputBytes, ...run }: CommandRun): Promise<CommandOutcome> {
  let child: Deno.ChildProcess;
  try {
    child = spawn(run);
  } catch (error) {
    return { kind: "failed", reason: messageOf(error) };
  }
  const cut = Promise.withResolvers<CommandOutcome>();
  const end = (kind: "late" | "too_long" | "stopped") => {
    killTree(child);
    cut.resolve({ kind });
  };
  const onAbort = () => end("stopped");
  const timer = setTimeout(() => end("late"), run.timeoutMs);
  run.signal.addEventListener("abort", onAbort);
  const stdout = new Output(child.stdout, { maxBytes: maxOutputBytes, onTooLong: () => end("too_long") });
  const stderr = new Output(child.stderr, { tailBytes: TAIL_BYTES });
  const fed = feed(child.stdin, input);
  const ended = Promise.all([child.status, stdout.ended, stderr.ended, fed])
    .then(([status]) => outcomeOf(status, { stdout, stderr }));
  try {
    return await Promise.race([cut.promise, ended]);
  } finally {
    clearTimeout(timer);
    run.signal.removeEventListener("abort", onAbort);
    // Whoever it left behind in another session may hold the pipes open for ever.
    await Promise.all([stdout.close(), stderr.close(), child.status]);
  }
}

function spawn({ command, env }: Pick<CommandRun, "command" | "env">): Deno.ChildProcess {
  return new Deno.Command(SHELL, {
    args: onWindows ? ["/d", "/s", "/c", `"${command}"`] : ["-c", command],
    env: { ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    windowsRawArguments: true,
    // A group of its own can be killed as a whole, and Ctrl-C in the terminal does not end what is to be finished.
    detached: !onWindows,
  }).spawn();
}

/** Ends a command with all that it started. */
function killTree({ pid }: Deno.ChildProcess): void {
  try {
    if (!onWindows) return Deno.kill(-pid, "SIGKILL");
    const args = ["/pid", String(pid), "/t", "/f"];
    new Deno.Command("taskkill", { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  } catch {
    // It has ended already.
  }
}

/** A command need not read what it is given. */
async function feed(stdin: WritableStream<Uint8Array<ArrayBuffer>>, input: Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    if (input.length > 0) await writer.write(new Uint8Array(input));
    await writer.close();
  } catch {
    // It has closed its input.
  }
}

interface OutputOptions {
  /** More than that is an error. */
  readonly maxBytes?: number;
  readonly onTooLong?: () => void;
  /** Only so much of the end is kept. */
  readonly tailBytes?: number;
}

/** What a command writes, as far as it may. */
class Output {
  /** Resolves once there is no more. */
  readonly ended: Promise<void>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #options: OutputOptions;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(stream: ReadableStream<Uint8Array>, options: OutputOptions) {
    this.#reader = stream.getReader();
    this.#options = options;
    this.ended = this.#read();
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  /** Reads no more. */
  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  async #read(): Promise<void> {
    const { maxBytes = Infinity, onTooLong, tailBytes = Infinity } = this.#options;
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) return;
      this.#parts.push(value);
      this.#length += value.length;
      if (this.#length > maxBytes) return onTooLong?.();
      if (this.#length > tailBytes) this.#keep(tailBytes);
    }
  }

  #keep(tailBytes: number): void {
    const tail = this.bytes.slice(-tailBytes);
    this.#parts = [tail];
    this.#length = tail.length;
  }
}

function outcomeOf(
  { success, code, signal }: Deno.CommandStatus,
  { stdout, stderr }: { stdout: Output; stderr: Output },
): CommandOutcome {
  if (success) return { kind: "output", output: stdout.bytes };
  const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
  const lines = new TextDecoder().decode(stderr.bytes).split("\n").map((line) => line.trim());
  const last = lines.findLast((line) => line !== "");
  return { kind: "failed", reason: last === undefined ? how : `${how}: ${shortened(printable(last))}` };
}

function shortened(line: string): string {
  return line.length <= REASON_CHARACTERS ? line : `${line.slice(0, REASON_CHARACTERS)}...`;
}
