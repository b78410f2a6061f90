/**
 * Takes the streams that the hub opens to an agent: those of its tunnels go to the services that they stand for.
 */
import type { AgentConfig } from "../config/mod.ts";
import { StreamCode } from "../core/stream_codes.ts";
import type { Flusher } from "../link/flusher.ts";
import type { ByteMeter } from "../link/socket_pump.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { StreamRefusal } from "../link/stream_mux.ts";
import type { OpenStream } from "../wire/frame_payloads.ts";
import { encodeProxyHeader } from "../wire/proxy_header.ts";
import { forwardLocally } from "./local_forwarder.ts";
import type { TunnelClient } from "./tunnel_client.ts";

/** A tunnel as the configuration has it. */
export type ConfiguredTunnel = AgentConfig["tunnels"][number];

/** What went through one tunnel, by the agent's own count. */
export interface LocalStats extends ByteMeter {
  /** Connections to the service that there are. */
  active: number;
  /** Those that there were, and those of them that could not be made. */
  total: number;
  failed: number;
}

/** What takes streams. */
export interface AgentStreamsOptions {
  readonly tunnels: TunnelClient;
  readonly flusher: Flusher;
  /** A service could not be reached. */
  readonly onFailure: (tunnel: ConfiguredTunnel, reason: string) => void;
  /** One connection is over, after so many milliseconds. */
  readonly onDone?: (
    tunnel: ConfiguredTunnel,
    result: { readonly ms: number; readonly isOk: boolean },
  ) => void;
}

type TunnelStream = Extract<OpenStream, { tunnelId: number }>;

/** The streams of one agent. */
export class AgentStreams {
  readonly #options: AgentStreamsOptions;
  /** By name. */
  #configured = new Map<string, ConfiguredTunnel>();
  readonly #stats = new Map<string, LocalStats>();
  #active = 0;
  #whenIdle: (() => void)[] = [];

  constructor(options: AgentStreamsOptions) {
    this.#options = options;
  }

  /** What went through each tunnel, by its name. */
  get stats(): ReadonlyMap<string, LocalStats> {
    return this.#stats;
  }

  /** These are the tunnels from now on; streams that are there go on. */
  update(tunnels: readonly ConfiguredTunnel[]): void {
    this.#configured = new Map(tunnels.map((tunnel) => [tunnel.name, tunnel]));
    for (const name of this.#stats.keys()) if (!this.#configured.has(name)) this.#stats.delete(name);
    for (const name of this.#configured.keys()) {
      if (!this.#stats.has(name)) this.#stats.set(name, emptyStats());
    }
  }

  /** Resolves once there is no stream. */
  idle(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#active === 0) resolve();
    else this.#whenIdle.push(resolve);
    return promise;
  }

  /** Who uses a stream, or why nobody does. */
  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal {
    if (!("tunnelId" in open)) return { code: StreamCode.notAllowed, reason: "This agent leads nowhere" };
    const wanted = this.#options.tunnels.find(open.tunnelId);
    const tunnel = wanted === undefined ? undefined : this.#configured.get(wanted.name);
    if (tunnel === undefined) {
      return { code: StreamCode.unknownTunnel, reason: `This agent has no tunnel ${open.tunnelId}` };
    }
    return this.#forward(stream, { open, tunnel });
  }

  #forward(
    stream: Stream,
    { open, tunnel }: { open: TunnelStream; tunnel: ConfiguredTunnel },
  ): StreamConsumer {
    const { flusher, onFailure, onDone } = this.#options;
    const stats = this.#stats.get(tunnel.name) ?? emptyStats();
    const startedMs = performance.now();
    let hasFailed = false;
    stats.active++;
    stats.total++;
    this.#active++;
    const { host, port } = tunnel.local;
    return forwardLocally(stream, {
      target: {
        host,
        port,
        preface: tunnel.proxy_protocol ? encodeProxyHeader(open.src, open.dst) : null,
      },
      flusher,
      report: {
        meter: stats,
        onFailure: (reason) => {
          hasFailed = true;
          stats.failed++;
          onFailure(tunnel, reason);
        },
        onClosed: () => {
          stats.active--;
          onDone?.(tunnel, { ms: performance.now() - startedMs, isOk: !hasFailed });
          this.#ended();
        },
      },
    });
  }

  #ended(): void {
    if (--this.#active > 0) return;
    for (const resolve of this.#whenIdle) resolve();
    this.#whenIdle = [];
  }
}

function emptyStats(): LocalStats {
  return { active: 0, total: 0, failed: 0, bytesRead: 0, bytesWritten: 0 };
}
