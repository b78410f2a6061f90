/**
 * Says goodbye to everybody, each with a time to come back: at once to those who wait for nothing, to those with a
 * running request or stream when it is over, to all when the time of grace is. Agents hear at once that it ends.
 */
import type { MessageBroker } from "../broker/message_broker.ts";
import { CloseCode } from "../core/close_codes.ts";
import type { Connection } from "../hub/connection.ts";
import type { ConnectionFactory } from "../hub/connection_factory.ts";
import type { Agents } from "../tunnel/agents.ts";

/** What is drained, and how long that may take. */
export interface DrainOptions {
  readonly connections: ConnectionFactory;
  /** `null` while it is off. */
  readonly broker: MessageBroker | null;
  readonly agents: Agents;
  /** How long running requests and streams may take to finish, in milliseconds. */
  readonly graceMs: number;
  /** Over how much time clients are told to come back, in milliseconds. */
  readonly spreadMs: number;
}

/** How often those with a running request or stream are looked at. */
const CHECK_MS = 20;
/** What those who are left at the end of the grace get for the closing handshake. */
const LAST_WORDS_MS = 1000;

/** Drains; resolves when all are gone, or a moment after the time of grace. */
export async function drain(options: DrainOptions): Promise<void> {
  const { connections, broker, agents, graceMs, spreadMs } = options;
  const startedMs = performance.now();
  broker?.drain();
  const left = () => startedMs + graceMs - performance.now();
  let waiting: readonly Connection[] = [...connections.connections.values()];
  const later = () => Math.ceil(Math.random() * spreadMs);
  for (const connection of waiting) agents.goAway(connection, later());
  const isBusy = (connection: Connection) => broker?.isBusy(connection) === true || agents.isBusy(connection);
  for (;;) {
    const isOver = left() <= 0;
    const busy: Connection[] = [];
    for (const connection of waiting) {
      if (!isOver && isBusy(connection)) busy.push(connection);
      else connection.close(CloseCode.draining, "", { retryAfterMs: later() });
    }
    if (busy.length === 0) break;
    waiting = busy;
    await sleep(Math.min(CHECK_MS, Math.max(0, left())));
  }
  await within(connections.empty(), Math.max(left(), Math.min(graceMs, LAST_WORDS_MS)));
}

async function sleep(ms: number): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, ms));
}

async function within(done: Promise<void>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const outOfTime = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([done, outOfTime]);
  clearTimeout(timer);
}
