/**
 * What hub and agent agreed on at the login. The hub's numbers are believed only within bounds: a wrong one would make
 * the two ends disagree about credit, or let the hub make an agent busy with heartbeats.
 */
import type { WindowLimits } from "../link/flow_control.ts";
import type { MuxLimits } from "../link/mux_limits.ts";

/** What an agent grants, and what it assumes where the hub says nothing. */
export interface SessionBounds {
  /** Streams of the hub at a time. @default 4096 */
  readonly maxStreams: number;
  /** The largest window of a stream. @default 16 MiB */
  readonly maxWindowBytes: number;
  /** All windows together. @default 64 MiB */
  readonly connectionBytes: number;
  /** Silence after which the hub is asked for a sign of life, unless the hub's own is shorter. @default 30_000 */
  readonly heartbeatIntervalMs: number;
  /** Silence after which the hub is given up, unless the hub's own is shorter. @default 60_000 */
  readonly heartbeatTimeoutMs: number;
}

/** What nothing is said about. */
export const DEFAULT_BOUNDS: SessionBounds = {
  maxStreams: 4096,
  maxWindowBytes: 16 * 1024 * 1024,
  connectionBytes: 64 * 1024 * 1024,
  heartbeatIntervalMs: 30_000,
  heartbeatTimeoutMs: 60_000,
};

const DEFAULT_WINDOW_BYTES = 256 * 1024;
/** The largest window that a hub can give every new stream. */
const MAX_INITIAL_BYTES = 16 * 1024 * 1024;
/** A hub cannot ask for heartbeats closer than this. */
const MIN_HEARTBEAT_MS = 1000;

/** The limits of one session: the agent's own, and from the login on those of the hub too. */
export class SessionLimits implements MuxLimits {
  readonly maxStreams: number;
  readonly #bounds: SessionBounds;
  #initialBytes = DEFAULT_WINDOW_BYTES;
  /** Who reads the windows reads what is true at that time. */
  readonly windows: WindowLimits;
  heartbeatIntervalMs: number;
  heartbeatTimeoutMs: number;
  /** Streams of the agent at a time; the hub refuses more. */
  maxOwnStreams = Infinity;
  /** The longest payload of a message that the hub takes; `null` while it did not say. */
  maxPayloadBytes: number | null = null;

  constructor(bounds: SessionBounds) {
    const initialBytes = () => this.#initialBytes;
    this.#bounds = bounds;
    this.maxStreams = bounds.maxStreams;
    this.windows = {
      get initialBytes() {
        return initialBytes();
      },
      maxBytes: bounds.maxWindowBytes,
      connectionBytes: bounds.connectionBytes,
    };
    this.heartbeatIntervalMs = bounds.heartbeatIntervalMs;
    this.heartbeatTimeoutMs = bounds.heartbeatTimeoutMs;
  }

  get peerInitialBytes(): number {
    return this.#initialBytes;
  }

  /** Takes over what the hub says; gives what is wrong with it, or `null`. Both sides give new streams the same window. */
  agree(limits: Readonly<Record<string, number>>): string | null {
    const { initialWindow = DEFAULT_WINDOW_BYTES, maxPayload = null, maxStreams = 0 } = limits;
    if (!Number.isInteger(initialWindow) || initialWindow < 1 || initialWindow > MAX_INITIAL_BYTES) {
      return `an initial window of ${initialWindow} bytes`;
    }
    if (maxPayload !== null && !(Number.isInteger(maxPayload) && maxPayload > 0)) {
      return `payloads of at most ${maxPayload} bytes`;
    }
    if (!Number.isInteger(maxStreams) || maxStreams < 0) return `at most ${maxStreams} streams`;
    this.#initialBytes = initialWindow;
    this.maxOwnStreams = maxStreams === 0 ? Infinity : maxStreams;
    this.maxPayloadBytes = maxPayload;
    const { heartbeatIntervalMs, heartbeatTimeoutMs } = this.#bounds;
    this.heartbeatIntervalMs = shorter(heartbeatIntervalMs, limits["heartbeatIntervalMs"]);
    this.heartbeatTimeoutMs = Math.max(
      shorter(heartbeatTimeoutMs, limits["heartbeatTimeoutMs"]),
      // Who is asked has to have some time to answer.
      this.heartbeatIntervalMs * 2,
    );
    return null;
  }
}

/** The own time, or the hub's where that is shorter. */
function shorter(ownMs: number, hubMs: number | undefined): number {
  return hubMs !== undefined && Number.isFinite(hubMs)
    ? Math.min(ownMs, Math.max(hubMs, MIN_HEARTBEAT_MS))
    : ownMs;
}
