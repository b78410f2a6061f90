/** What an agent did for others, in plain numbers: by what it was asked for, and what went wrong. */

/** What can go wrong. */
export const AGENT_ERROR_KINDS = [
  /** A connection to the hub that could not be made, or ended. */
  "connection",
  /** The hub refused a tunnel. */
  "tunnel",
  /** The service behind a tunnel could not be reached. */
  "local",
  /** A destination was not allowed, or could not be reached. */
  "destination",
  /** A command or URL did not answer as it should. */
  "service",
] as const;
/** A kind of {@link AGENT_ERROR_KINDS}. */
export type AgentErrorKind = typeof AGENT_ERROR_KINDS[number];

/** Names that have numbers of their own; the others share one. */
export const MAX_NAMES = 100;
const OTHER = "other";
/** What streams to destinations count as, which others name. */
export const CONNECT = "connect";

/** What came of requests for one name. */
export interface RequestCount {
  /** What it is called in metrics. */
  readonly name: string;
  ok: number;
  failed: number;
}

/** The counts of one agent. */
export class AgentCounts {
  readonly errors: Record<AgentErrorKind, number> = {
    connection: 0,
    tunnel: 0,
    local: 0,
    destination: 0,
    service: 0,
  };
  /** By tunnel or service. */
  readonly requests = new Map<string, RequestCount>();
  /** Told how long each took, in seconds, under one of {@link MAX_NAMES} names or that of all others. */
  onDuration: (name: string, seconds: number) => void = () => {};

  /** A request is over: a stream of a tunnel or to a destination, or a question to a service. */
  done(name: string, { ms, isOk }: { readonly ms: number; readonly isOk: boolean }): void {
    const count = this.requests.get(name) ?? this.#begin(name);
    if (isOk) count.ok++;
    else count.failed++;
    this.onDuration(count.name, ms / 1000);
  }

  #begin(name: string): RequestCount {
    const counted = this.requests.size < MAX_NAMES ? name : OTHER;
    const count = this.requests.get(counted) ?? { name: counted, ok: 0, failed: 0 };
    this.requests.set(counted, count);
    return count;
  }
}
