/** The connections to the local HTTP services of an agent, by tunnel; those of a tunnel that changed are made anew. */
import { TrunklineError } from "../core/errors.ts";
import { type ClientTls, readClientTls } from "../link/client_tls.ts";
import type { Flusher } from "../link/flusher.ts";
import type { ConfiguredTunnel } from "./agent_streams.ts";
import { CONNECT_TIMEOUT_MS } from "./local_forwarder.ts";
import { LocalPool } from "./local_pool.ts";

interface Entry {
  /** What the pool was made of. */
  readonly key: string;
  readonly pool: LocalPool;
}

/** The pools of one agent. */
export class LocalServices {
  readonly #entries = new Map<string, Entry>();
  readonly #flusher: Flusher;

  constructor(flusher: Flusher) {
    this.#flusher = flusher;
  }

  /** These are the tunnels from now on. Throws `certificate_invalid` for a file that cannot be used. */
  update(tunnels: readonly ConfiguredTunnel[]): void {
    const wanted = new Map(
      tunnels.filter(({ kind }) => kind === "http").map((tunnel) => [tunnel.name, tunnel]),
    );
    for (const [name, { key, pool }] of this.#entries) {
      const tunnel = wanted.get(name);
      if (tunnel !== undefined && keyOf(tunnel) === key) continue;
      pool.close();
      this.#entries.delete(name);
    }
    for (const tunnel of wanted.values()) {
      if (!this.#entries.has(tunnel.name)) {
        this.#entries.set(tunnel.name, { key: keyOf(tunnel), pool: createPool(tunnel, this.#flusher) });
      }
    }
  }

  poolOf({ name }: ConfiguredTunnel): LocalPool {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new TrunklineError("start_failed", `There is no pool of ${name}`);
    return entry.pool;
  }

  /** Closes what is idle. */
  close(): void {
    for (const { pool } of this.#entries.values()) pool.close();
    this.#entries.clear();
  }
}

function createPool({ local, ca, insecure, pool }: ConfiguredTunnel, flusher: Flusher): LocalPool {
  return new LocalPool({
    host: local.host,
    port: local.port,
    tls: local.scheme === "https" ? tlsOf(ca, insecure) : null,
    maxConnections: pool.max,
    idleTimeoutMs: pool.idle_timeout,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    flusher,
  });
}

function tlsOf(ca: string | null, insecure: boolean): ClientTls {
  const names = { ca: "ca", cert: "cert", key: "key" };
  const files = readClientTls({ ca, cert: null, key: null }, { names, code: "certificate_invalid" });
  return { ...files, verify: !insecure, minVersion: "1.2" };
}

function keyOf({ local, ca, insecure, pool }: ConfiguredTunnel): string {
  return JSON.stringify([local, ca, insecure, pool]);
}
