/**
 * How far a load test is, for a person who waits: a bar on a terminal, written over again and again; elsewhere a line
 * now and then.
 */
import { formatDuration } from "../config/units.ts";
import type { BenchProgressState } from "./bench_run.ts";
import { grouped } from "./figures.ts";
import type { CommandIo, Terminal } from "./io.ts";

/** How often the bar is written, and how often a line, in milliseconds. */
const [BAR_MS, LINE_MS] = [200, 10_000];
const [MIN_BAR, MAX_BAR] = [10, 40];
const [COLOUR, NO_COLOUR] = ["\x1b[36m", "\x1b[0m"];
/** Back to the beginning of the line, which is empty then. */
const CLEAR = "\r\x1b[K";

/** Tells one test's progress. */
export class BenchProgress {
  readonly #io: CommandIo;
  #lastMs = 0;
  #lastReceived = 0;
  #hasBar = false;

  constructor(io: CommandIo) {
    this.#io = io;
  }

  /** Takes how far it is; seldom says something. */
  show(state: BenchProgressState): void {
    const { terminal } = this.#io;
    const sinceMs = state.elapsedMs - this.#lastMs;
    if (sinceMs < (terminal === null ? LINE_MS : BAR_MS)) return;
    const rate = (state.received - this.#lastReceived) * 1000 / sinceMs;
    this.#lastMs = state.elapsedMs;
    this.#lastReceived = state.received;
    const seconds = formatDuration(Math.floor(state.elapsedMs / 1000) * 1000);
    const text = `${seconds}  ${grouped(state.sent)} sent, ${grouped(rate)} received/s`;
    if (terminal === null) return this.#io.err(`${percent(state.part).trim()} after ${text}`);
    this.#hasBar = true;
    terminal.write(`${CLEAR}${barOf(terminal, state.part, text)}`);
  }

  /** Leaves nothing of the bar behind. */
  clear(): void {
    if (this.#hasBar) this.#io.terminal?.write(CLEAR);
    this.#hasBar = false;
  }
}

function barOf({ columns, hasColours }: Terminal, part: number, text: string): string {
  const tail = ` ${percent(part)}  ${text}`;
  const room = Math.min(MAX_BAR, columns - tail.length - 1);
  // What does not fit into the line could not be written over.
  if (room < MIN_BAR) return tail.trimStart().slice(0, Math.max(0, columns - 1));
  const full = "█".repeat(Math.round(part * room));
  const bar = full + "░".repeat(room - full.length);
  return `${hasColours ? `${COLOUR}${bar}${NO_COLOUR}` : bar}${tail}`;
}

function percent(part: number): string {
  return `${Math.floor(part * 100)}%`.padStart(4);
}
