/**
 * Turns security events into lines of JSON and counts them all by kind. One peer cannot fill a disk: of its events of
 * one kind the first few are lines of their own, the others become one line a minute that says how many there were.
 * The number of peers that are told apart is bounded too; those beyond it share one line. A line holds no secret,
 * because no event does.
 */
import { clientKey } from "../core/ip_range.ts";
import {
  SECURITY_EVENT_KINDS,
  type SecurityEvent,
  type SecurityEventKind,
  type SecurityEvents,
} from "../core/security_event.ts";

/** Takes finished lines, their line ends included. Returns at once and never throws. */
export interface AuditSink {
  write(line: string): void;
}

/** What a trail works with. */
export interface AuditTrailOptions {
  /** `null`: events are counted only. */
  readonly sink: AuditSink | null;
  /** Milliseconds since 1970. @default Date.now */
  readonly wallNow?: () => number;
  /** Lines of their own for one peer and kind between two flushes. @default 10 */
  readonly burst?: number;
  /** Peers of one kind that are told apart between two flushes. @default 5000 */
  readonly maxPeers?: number;
}

interface PeerEvents {
  count: number;
  last: SecurityEvent;
}

/** The events of one kind since the last flush. */
interface KindEvents {
  readonly peers: Map<string, PeerEvents>;
  /** Of peers beyond the bound. */
  others: number;
}

const MAX_TEXT = 512;

/** The trail of one hub. Somebody has to flush it once a minute. */
export class AuditTrail implements SecurityEvents {
  readonly #sink: AuditSink | null;
  readonly #wallNow: () => number;
  readonly #burst: number;
  readonly #maxPeers: number;
  readonly #counts = new Map<SecurityEventKind, number>();
  readonly #kinds = new Map<SecurityEventKind, KindEvents>();

  constructor({ sink, wallNow = Date.now, burst = 10, maxPeers = 5000 }: AuditTrailOptions) {
    this.#sink = sink;
    this.#wallNow = wallNow;
    this.#burst = burst;
    this.#maxPeers = maxPeers;
  }

  /** How many events of each kind there were. */
  *counts(): Generator<readonly [SecurityEventKind, number]> {
    for (const kind of SECURITY_EVENT_KINDS) yield [kind, this.#counts.get(kind) ?? 0];
  }

  record(event: SecurityEvent): void {
    const { kind } = event;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    if (this.#sink === null) return;
    const events = this.#kinds.get(kind) ?? { peers: new Map<string, PeerEvents>(), others: 0 };
    this.#kinds.set(kind, events);
    const key = peerKey(event);
    const peer = events.peers.get(key);
    if (peer === undefined && events.peers.size >= this.#maxPeers) {
      events.others++;
      return;
    }
    const count = (peer?.count ?? 0) + 1;
    if (peer === undefined) events.peers.set(key, { count, last: event });
    else Object.assign(peer, { count, last: event });
    if (count <= this.#burst) this.#write(fieldsOf(event));
  }

  /** Writes how often what was not written happened, with the last of each; then every peer has its lines again. */
  flush(): void {
    for (const [kind, { peers, others }] of this.#kinds) {
      for (const { count, last } of peers.values()) {
        if (count > this.#burst) this.#write({ ...fieldsOf(last), repeated: count - this.#burst });
      }
      if (others > 0) this.#write({ kind, peers: "others", repeated: others });
    }
    this.#kinds.clear();
  }

  #write(fields: Readonly<Record<string, unknown>>): void {
    this.#sink?.write(auditLine(fields, this.#wallNow()));
  }
}

/** One line: the time, then the fields. Texts are cut, and nothing in them moves a terminal's cursor. */
export function auditLine(fields: Readonly<Record<string, unknown>>, wallMs: number): string {
  const line = JSON.stringify(
    { time: new Date(wallMs).toISOString(), ...fields },
    (_, value) =>
      typeof value === "string" && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value,
  );
  const escape = (text: string) => `\\u${text.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `${line.replace(/[\x7f-\x9f\u2028\u2029]/g, escape)}\n`;
}

function fieldsOf({ kind, address, connectionId, who, ...details }: SecurityEvent) {
  const { subject = null, tenant = null, account = null } = who ?? {};
  return { kind, address, connection: connectionId, subject, tenant, account, ...details };
}

/** A peer is who it is and where it comes from: new connections do not make it another one. */
function peerKey({ address, who }: SecurityEvent): string {
  return `${clientKey(address)}\n${who?.tenant ?? ""}\n${who?.subject ?? ""}`;
}
