/** What all sessions of one agent share, and the bounds of what one of them holds. */
import type { Clock } from "../core/ports.ts";
import type { PeerAddress } from "../core/transport.ts";
import { Flusher } from "../link/flusher.ts";
import type { LaneSettings } from "../link/lane.ts";
import { LinkStats } from "../link/link_stats.ts";
import { OutboxLedger } from "../link/outbox_ledger.ts";
import type { TransportSettings } from "../link/socket_transport.ts";
import { StreamStats } from "../link/stream_stats.ts";
import { Turns } from "../link/turns.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** The longest message that is read: what the largest payload of a hub takes. */
export const MAX_MESSAGE_BYTES = 16 * MIB;
/** What is handed to the socket at a time. */
export const SOCKET_BYTES = 128 * KIB;
/** What waits for the hub. */
export const LANES: LaneSettings = {
  control: { maxBytes: MIB, messageOverheadBytes: 128 },
  request: { maxBytes: 8 * MIB, messageOverheadBytes: 128 },
  publish: { maxBytes: 4 * MIB, messageOverheadBytes: 128 },
};
/** The share of one connection in a turn; an agent has few. */
const READ_LIMITS = { messages: 1024, bytes: MIB, deliveries: 4096 };
/** Everything that waits for the hub, streams included. */
const LEDGER_BYTES = 256 * MIB;
const JOIN_BYTES = 64 * KIB;
const CLOSE_TIMEOUT_MS = 1000;

/** What everything in one agent shares that has a part in the turns of the event loop. */
export interface AgentTurns {
  readonly turns: Turns;
  readonly flusher: Flusher;
}

/** Makes them; `atEndOfTurn` runs a function once, when the current turn is over and sockets were read again. */
export function createAgentTurns(atEndOfTurn?: (run: () => void) => void): AgentTurns {
  return { turns: new Turns(atEndOfTurn), flusher: new Flusher(JOIN_BYTES) };
}

/** What sessions share. */
export interface SessionParts {
  /** Whom they talk to. */
  readonly peer: PeerAddress;
  readonly transport: TransportSettings;
  readonly flusher: Flusher;
  readonly ledger: OutboxLedger;
  readonly streamStats: StreamStats;
}

/** Makes them. */
export function createSessionParts(
  peer: PeerAddress,
  { clock, turns: { turns, flusher } }: { clock: Clock; turns: AgentTurns },
): SessionParts {
  return {
    peer,
    transport: {
      stats: new LinkStats(),
      clock,
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      turns,
      readLimits: READ_LIMITS,
    },
    flusher,
    ledger: new OutboxLedger(LEDGER_BYTES, clock),
    streamStats: new StreamStats(),
  };
}
