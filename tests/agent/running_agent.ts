/** An agent that runs until the end of its scope, and what a test waits for of it. */
import assert from "node:assert/strict";
import { AgentLink, type AgentLinkOptions, expectStream } from "../../src/agent/agent_link.ts";
import type { LinkState } from "../../src/agent/link.ts";
import type { LinkFailure } from "../../src/agent/link_failure.ts";
import type { Session } from "../../src/agent/session.ts";
import { Backoff } from "../../src/limits/backoff.ts";
import type { OpenStream } from "../../src/wire/frame_payloads.ts";
import { RecordingStream } from "../helpers/echo_stream.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { targetOf, type TargetOptions } from "./dialling.ts";

/** What may be different. */
export interface RunningOptions
  extends Partial<Pick<AgentLinkOptions, "bounds" | "authTimeoutMs" | "registerAs" | "pool" | "clock">> {
  readonly agentId?: string;
  readonly token?: string | null;
  readonly target?: TargetOptions;
  /** @default comes back at once */
  readonly backoff?: Backoff;
}

/** Does not come back while a test runs. */
export const SLOW = new Backoff({ random: () => 0.9, transient: { initialMs: 1e6, maxMs: 1e6 } });

/** A stream to this agent. */
export function streamTo(agent: string): OpenStream {
  return { target: { agent, host: "127.0.0.1", port: 1 } };
}

/** One agent. */
export class RunningAgent implements AsyncDisposable {
  readonly logger = new MemoryLogger();
  readonly link: AgentLink;
  readonly states: LinkState<Session>[] = [];
  #waiting: { kind: string; count: number; resolve: () => void }[] = [];

  constructor(
    url: string,
    { agentId = "edge", token = null, target = {}, backoff, ...rest }: RunningOptions = {},
  ) {
    this.link = new AgentLink({
      target: targetOf(url, target),
      identity: { agentId, token, tenant: null },
      logger: this.logger,
      backoff: backoff ?? new Backoff({ random: () => 0 }),
      onState: (state) => this.#saw(state),
      ...rest,
    });
    this.link.start();
  }

  /** An agent that is up. */
  static async up(url: string, options: RunningOptions = {}): Promise<RunningAgent> {
    const agent = new RunningAgent(url, options);
    await agent.was("up");
    return agent;
  }

  /** Until it was in the state so many times. */
  async was(kind: string, count = 1): Promise<void> {
    if (this.count(kind) >= count) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ kind, count, resolve });
    await promise;
  }

  /** How often it was in the state. */
  count(kind: string): number {
    return this.states.filter((state) => state.kind === kind).length;
  }

  /** Why it waited, the last time, and for how long. */
  get failure(): LinkFailure & { delayMs: number } {
    const waiting = this.states.findLast((state) => state.kind === "waiting");
    assert.ok(waiting?.kind === "waiting", "it never waited");
    return { ...waiting.failure, delayMs: waiting.delayMs };
  }

  /** The session that is up. */
  get session(): Session {
    const { state } = this.link;
    assert.equal(state.kind, "up");
    return (state as LinkState<Session> & { kind: "up" }).session;
  }

  /** The warnings of its log. */
  get warnings(): string[] {
    return this.logger.lines.filter(({ level }) => level === "warning").map(({ fields }) =>
      String(fields["cause"])
    );
  }

  /** How many of its connections are up. */
  get upLinks(): number {
    return this.link.links.filter(({ state }) => state === "up").length;
  }

  /** Opens a stream that remembers what comes. */
  openStream(agent: string): RecordingStream {
    const recording = new RecordingStream();
    recording.stream = expectStream(this.link.openStream(streamTo(agent), recording));
    return recording;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link.stop();
  }

  #saw(state: LinkState<Session>): void {
    this.states.push(state);
    const ready = this.#waiting.filter(({ kind, count }) => this.count(kind) >= count);
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    for (const { resolve } of ready) resolve();
  }
}
