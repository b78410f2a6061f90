/**
 * What an agent does, for a person at a terminal: a block of lines at its end that is written over again and again,
 * with the log above it. Nothing of the block is left behind.
 */
import type { Agent } from "../agent/agent.ts";
import type { TunnelStatus } from "../agent/tunnel_client.ts";
import { VERSION } from "../core/version.ts";
import type { LogOutput } from "../server/log_output.ts";
import { approximateDuration, approximateSize, count, grouped } from "./figures.ts";
import type { Terminal } from "./io.ts";
import { printable } from "../core/printable.ts";

/** What is shown beside what the agent tells. */
export interface AgentScreenOptions {
  readonly hub: string;
  readonly agentId: string;
  /** Further lines. */
  readonly more: () => readonly string[];
  /** Milliseconds, as the agent's clock has them. */
  readonly now: () => number;
}

/** How often the block is written, and how soon after a change. */
const [TICK_MS, SOON_MS] = [1000, 50];
/** Tunnels that are shown; there may be hundreds. */
const MAX_TUNNELS = 20;
const [BOLD, GREEN, RED, PLAIN] = ["\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[0m"];

type Mood = "good" | "bad" | "plain";
type Line = readonly [label: string, mood: Mood, text: string];

/** Writes the block. */
export class AgentScreen {
  readonly #terminal: Terminal;
  readonly #options: AgentScreenOptions;
  readonly #tick: ReturnType<typeof setInterval>;
  #agent: Agent | null = null;
  #soon: ReturnType<typeof setTimeout> | undefined;
  /** Lines of the block that stand on the terminal. */
  #height = 0;
  #isClosed = false;

  constructor(terminal: Terminal, options: AgentScreenOptions) {
    this.#terminal = terminal;
    this.#options = options;
    this.#tick = setInterval(() => this.#draw(), TICK_MS);
  }

  /** Where the log goes, so that it and the block do not mix. */
  get log(): LogOutput {
    return {
      write: (line) => {
        this.#clear();
        this.#terminal.write(line);
        this.#draw();
        return true;
      },
      close: () => {},
    };
  }

  /** Something may have changed. */
  changed(agent: Agent): void {
    this.#agent = agent;
    if (!this.#isClosed) this.#soon ??= setTimeout(() => this.#draw(), SOON_MS);
  }

  /** Leaves nothing of the block behind. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#tick);
    clearTimeout(this.#soon);
    this.#clear();
  }

  #clear(): void {
    if (this.#height > 0) this.#terminal.write(`\x1b[${this.#height}F\x1b[J`);
    this.#height = 0;
  }

  #draw(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    if (this.#agent === null || this.#isClosed) return;
    const lines = this.#lines(this.#agent).map((line) => this.#format(line));
    const up = this.#height === 0 ? "" : `\x1b[${this.#height}F`;
    this.#terminal.write(`${up}\x1b[J${lines.join("\n")}\n`);
    this.#height = lines.length;
  }

  #lines(agent: Agent): Line[] {
    const { agentId, more } = this.#options;
    const statuses = agent.link.tunnels.statuses;
    const rest = statuses.length - MAX_TUNNELS;
    return [
      ["trunkline", "plain", `${VERSION}  agent ${agentId}; Ctrl-C stops it`],
      this.#linkLine(agent),
      ...statuses.slice(0, MAX_TUNNELS).map((status) => tunnelLine(status, agent)),
      ...(rest > 0 ? [["", "plain", `and ${count(rest, "tunnel")} more`] as const] : []),
      ...more().map((text) => ["", "plain", text] as const),
    ];
  }

  #linkLine({ link }: Agent): Line {
    const { hub, now } = this.#options;
    const up = link.links.filter(({ state }) => state === "up");
    const [first] = up;
    if (first !== undefined) {
      const since = approximateDuration(now() - (first.connectedSinceMs ?? now()));
      const trip = first.roundTripMs === null ? "" : `, ${first.roundTripMs.toFixed(1)} ms away`;
      return ["hub", "good", `${hub}  connected for ${since}, ${count(up.length, "connection")}${trip}`];
    }
    const { state } = link;
    if (state.kind !== "waiting") return ["hub", "plain", `${hub}  connecting`];
    const { failure: { text }, delayMs } = state;
    return ["hub", "bad", `${hub}  ${printable(text)}; again after ${approximateDuration(delayMs)}`];
  }

  /** What does not fit into the line could not be written over. */
  #format([label, mood, text]: Line): string {
    const { columns, hasColours } = this.#terminal;
    const width = Math.max(0, columns - 1);
    const head = label.padEnd(LABEL_WIDTH).slice(0, width);
    const body = text.slice(0, width - head.length);
    if (!hasColours) return `${head}${body}`;
    const colour = mood === "good" ? GREEN : mood === "bad" ? RED : "";
    return `${BOLD}${head}${PLAIN}${colour}${body}${colour === "" ? "" : PLAIN}`;
  }
}

const LABEL_WIDTH = 11;

function tunnelLine({ wanted, state }: TunnelStatus, { streams }: Agent): Line {
  const { name, localAddr } = wanted;
  switch (state.kind) {
    case "up": {
      const stats = streams.stats.get(name);
      const figures = stats === undefined
        ? ""
        : `   ${grouped(stats.active)} open, ${grouped(stats.total)} ` +
          `in all, ${approximateSize(stats.bytesWritten)} in, ${approximateSize(stats.bytesRead)} out`;
      return [name, "good", `${printable(state.url)} -> ${localAddr}${figures}`];
    }
    case "refused":
      return [name, "bad", `${printable(state.message)}; again after ${approximateDuration(state.delayMs)}`];
    case "asked":
    case "waiting":
      return [name, "plain", `${localAddr}  waiting for the hub`];
  }
}
