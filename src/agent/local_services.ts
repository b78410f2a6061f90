/**
 * The connections to the local HTTP services of an agent, by tunnel; those of a tunnel that changed, or whose file of
 * authorities did, are made anew.
 */
import { TrunklineError } from "../core/errors.ts";
import { type ClientTls, readClientTls } from "../link/client_tls.ts";
import type { Flusher } from "../link/flusher.ts";
import type { ConfiguredTunnel } from "./agent_streams.ts";
import { CONNECT_TIMEOUT_MS } from "./local_forwarder.ts";
import { LocalPool } from "./local_pool.ts";

interface Entry {
  /** What the pool was made of, what was in files included. */
  readonly key: string;
  readonly pool: LocalPool;
}

/** The pools of one agent. */
export class LocalServices {
  #entries: ReadonlyMap<string, Entry> = new Map();
  readonly #flusher: Flusher;

  constructor(flusher: Flusher) {
    this.#flusher = flusher;
  }

  /**
   * Reads what these tunnels need, and changes nothing. What it gives makes them the tunnels, and cannot fail. Throws
   * `certificate_invalid` for a file that cannot be used.
   */
  prepare(tunnels: readonly ConfiguredTunnel[]): () => void {
    const next = new Map<string, Entry>();
    for (const tunnel of tunnels.filter(({ kind }) => kind === "http")) {
      next.set(tunnel.name, this.#entryOf(tunnel));
    }
    return () => {
      for (const [name, entry] of this.#entries) if (next.get(name) !== entry) entry.pool.close();
      this.#entries = next;
    };
  }

  poolOf({ name }: ConfiguredTunnel): LocalPool {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new TrunklineError("start_failed", `There is no pool of ${name}`);
    return entry.pool;
  }

  /** Closes what is idle. */
  close(): void {
    for (const { pool } of this.#entries.values()) pool.close();
    this.#entries = new Map();
  }

  /** The one that is there, unless it was made of something else. */
  #entryOf({ name, local, ca, insecure, pool }: ConfiguredTunnel): Entry {
    const tls = local.scheme === "https" ? tlsOf(ca, insecure) : null;
    const key = JSON.stringify([local, tls, pool]);
    const before = this.#entries.get(name);
    if (before?.key === key) return before;
    const { host, port } = local;
    const options = { host, port, tls, connectTimeoutMs: CONNECT_TIMEOUT_MS, flusher: this.#flusher };
    const { max: maxConnections, idle_timeout: idleTimeoutMs } = pool;
    return { key, pool: new LocalPool({ ...options, maxConnections, idleTimeoutMs }) };
  }
}

function tlsOf(ca: string | null, insecure: boolean): ClientTls {
  const names = { ca: "ca", cert: "cert", key: "key" };
  const files = readClientTls({ ca, cert: null, key: null }, { names, code: "certificate_invalid" });
  return { ...files, verify: !insecure, minVersion: "1.2" };
}
