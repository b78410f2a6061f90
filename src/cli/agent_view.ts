/** How a person or a script sees an agent at work: a live block on a terminal, lines elsewhere. */
import type { Agent } from "../agent/agent.ts";
import { systemClock } from "../core/ports.ts";
import type { LogOutput } from "../server/log_output.ts";
import { AgentLines } from "./agent_lines.ts";
import { AgentScreen } from "./agent_screen.ts";
import type { CommandIo } from "./io.ts";

/** What to show. */
export interface AgentViewOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly hub: string;
  readonly agentId: string;
  /** Further lines for a person. @default none */
  readonly more?: () => readonly string[];
}

/** Shows an agent. */
export class AgentView {
  readonly #lines: AgentLines | null;
  readonly #screen: AgentScreen | null;

  constructor(io: CommandIo, { json, quiet, hub, agentId, more = () => [] }: AgentViewOptions) {
    const { terminal } = io;
    const isWatched = terminal !== null && !json && !quiet;
    this.#screen = isWatched
      ? new AgentScreen(terminal, { hub, agentId, more, now: () => systemClock.now() })
      : null;
    // Who watches the block needs no lines in it; a program behind a pipe does.
    this.#lines = (isWatched && io.isTerminal) || (quiet && !json)
      ? null
      : new AgentLines(io, { json, hub, agentId });
  }

  /** Whether a person watches it at work. */
  get isWatched(): boolean {
    return this.#screen !== null;
  }

  /** Where log lines for the terminal have to go; `null`: as they are told. */
  get log(): LogOutput | null {
    return this.#screen?.log ?? null;
  }

  /** Something may have changed. */
  changed(agent: Agent): void {
    this.#lines?.changed(agent);
    this.#screen?.changed(agent);
  }

  close(): void {
    this.#screen?.close();
  }
}
