/** An agent with tunnels that runs until the end of its scope. */
import { Agent, type AgentOptions } from "../../src/agent/agent.ts";
import type { TunnelState, TunnelStatus } from "../../src/agent/tunnel_client.ts";
import { loadAgentConfig } from "../../src/config/agent_config.ts";
import type { AgentConfig } from "../../src/config/schema_agent.ts";
import { systemClock } from "../../src/core/ports.ts";
import { Backoff } from "../../src/limits/backoff.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { targetOf } from "./dialling.ts";

/** What may be different. */
export interface TunnelAgentOptions extends Partial<AgentOptions> {
  readonly agentId?: string;
  readonly token?: string | null;
  /** Where others may go. @default nowhere */
  readonly allow?: readonly string[];
  /** @default none */
  readonly services?: AgentConfig["services"];
}

/** A configuration of an agent from overrides, each `key=value`. */
export function agentConfig(set: readonly string[]): AgentConfig {
  const result = loadAgentConfig({
    file: null,
    env: {},
    set,
    cwd: Deno.cwd(),
    readSecretFile: (path) => Deno.readTextFileSync(path),
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

/** Tunnels as a configuration has them, in YAML. */
export function tunnelsOf(yaml: string): AgentConfig["tunnels"] {
  return agentConfig([`tunnels=${yaml}`]).tunnels;
}

/** One agent. */
export class TunnelAgent implements AsyncDisposable {
  readonly logger = new MemoryLogger();
  readonly agent: Agent;
  readonly history: TunnelStatus[] = [];
  readonly #changed = new Set<() => void>();
  readonly #tunnels: AgentConfig["tunnels"];

  constructor(
    url: string,
    yaml: string,
    { agentId = "edge", token = null, allow = [], services = [], ...rest }: TunnelAgentOptions = {},
  ) {
    this.#tunnels = tunnelsOf(yaml);
    this.agent = new Agent({
      target: targetOf(url),
      identity: { agentId, token, tenant: null },
      logger: this.logger,
      clock: systemClock,
      backoff: new Backoff({ random: () => 0 }),
      offer: { tunnels: this.#tunnels, allow, services },
      onTunnel: (status) => {
        this.history.push(status);
        for (const changed of this.#changed) changed();
      },
      ...rest,
    });
    this.agent.start();
  }

  /** The state of one tunnel. */
  state(name: string): TunnelState | undefined {
    return this.agent.link.tunnels.statuses.find(({ wanted }) => wanted.name === name)?.state;
  }

  /** Until a tunnel is in a state. */
  async reached<K extends TunnelState["kind"]>(name: string, kind: K): Promise<TunnelState & { kind: K }> {
    for (;;) {
      const state = this.state(name);
      if (state?.kind === kind) return state as TunnelState & { kind: K };
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#changed.add(resolve);
      await promise;
      this.#changed.delete(resolve);
    }
  }

  /** The tunnels that it was given. */
  get wanted(): AgentConfig["tunnels"] {
    return this.#tunnels;
  }

  /** Until it could not connect, or was refused, once. */
  async waited(): Promise<void> {
    while (this.agent.counts.errors.connection === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** The port at which a tunnel is up. */
  async port(name: string): Promise<number> {
    return Number(new URL((await this.reached(name, "up")).url).port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent.stop();
  }
}
