/**
 * Takes the streams that the hub opens to an agent: those of its tunnels go to the services that they stand for, others
 * to the destinations that they name, as far as the agent's list allows.
 */
import type { AgentConfig } from "../config/mod.ts";
import { HostRules } from "../core/host_rules.ts";
import type { Clock } from "../core/ports.ts";
import { StreamCode } from "../core/stream_codes.ts";
import type { Flusher } from "../link/flusher.ts";
import type { Resolve } from "../link/resolver.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { StreamRefusal } from "../link/stream_mux.ts";
import type { OpenStream, TargetOpen, TunnelOpen } from "../wire/frame_payloads.ts";
import { encodeProxyHeader } from "../wire/proxy_header.ts";
import { CONNECT } from "./agent_counts.ts";
import type { ConfiguredService } from "./configured_services.ts";
import {
  forwardHttp,
  type HttpForwardOptions,
  type HttpReport,
  type RequestLine,
  type RequestResult,
} from "./http_forwarder.ts";
import { forwardLocally } from "./local_forwarder.ts";
import { LocalServices } from "./local_services.ts";
import { emptyStats, type LocalStats } from "./local_stats.ts";
import { TargetStreams } from "./target_streams.ts";
import type { TunnelClient } from "./tunnel_client.ts";

/** A tunnel as the configuration has it. */
export type ConfiguredTunnel = AgentConfig["tunnels"][number];

/** What an agent is for: its configuration, without the rest. */
export interface AgentOffer {
  readonly tunnels: readonly ConfiguredTunnel[];
  /** Destinations, as the configuration has them. */
  readonly allow: readonly string[];
  readonly services: readonly ConfiguredService[];
}

/** What takes streams. */
export interface AgentStreamsOptions {
  readonly tunnels: TunnelClient;
  readonly flusher: Flusher;
  /** Good enough where it is read once a turn. */
  readonly clock: Clock;
  /** Somebody was not led where it wanted to go. */
  readonly onDenied: (target: TargetOpen["target"], detail: string) => void;
  /** Finds what others want to reach. @default the system is asked */
  readonly resolve?: Resolve | undefined;
  /** A service could not be reached. */
  readonly onFailure: (tunnel: ConfiguredTunnel, reason: string) => void;
  /** It is known what became of a request over HTTP. @default nobody is told */
  readonly onRequest?: (tunnel: ConfiguredTunnel, seen: SeenRequest) => void;
  /** One connection is over, of a tunnel by its name or to a destination, after so many milliseconds. */
  readonly onDone: (name: string, result: { readonly ms: number; readonly isOk: boolean }) => void;
}

/** A request over HTTP and what became of it, after so many milliseconds. */
export interface SeenRequest extends RequestResult {
  readonly request: RequestLine;
  readonly ms: number;
}

/** An HTTP tunnel and its service. */
interface HttpRoute {
  readonly stats: LocalStats;
  readonly options: HttpForwardOptions;
}

/** The streams of one agent. */
export class AgentStreams {
  readonly #options: AgentStreamsOptions;
  /** By name. */
  #configured = new Map<string, ConfiguredTunnel>();
  readonly #stats = new Map<string, LocalStats>();
  /** Of HTTP tunnels, by name. */
  readonly #routes = new Map<string, HttpRoute>();
  /** Those to destinations that others name. */
  readonly targets: TargetStreams;
  readonly #services: LocalServices;
  #active = 0;
  #whenIdle: (() => void)[] = [];

  constructor(options: AgentStreamsOptions) {
    this.#options = options;
    this.#services = new LocalServices(options.flusher);
    this.targets = new TargetStreams({
      ...options,
      onDone: (result) => {
        options.onDone(CONNECT, result);
        this.#ended();
      },
    });
  }

  /** What went through each tunnel, by its name. */
  get stats(): ReadonlyMap<string, LocalStats> {
    return this.#stats;
  }

  /**
   * Reads what these tunnels and destinations need, and changes nothing. What it gives takes them over and cannot fail;
   * streams that are there go on. Throws `certificate_invalid` for a file that cannot be used.
   */
  prepare({ tunnels, allow }: Pick<AgentOffer, "tunnels" | "allow">): () => void {
    const destinations = HostRules.parse(allow);
    const takeOverServices = this.#services.prepare(tunnels);
    return () => {
      takeOverServices();
      this.targets.allow(destinations);
      this.#configure(tunnels);
    };
  }

  /** Resolves once there is no stream. */
  idle(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#active === 0) resolve();
    else this.#whenIdle.push(resolve);
    return promise;
  }

  /** Closes what is kept for streams to come. */
  close(): void {
    this.#services.close();
  }

  /** Who uses a stream, or why nobody does. */
  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal {
    if (!("tunnelId" in open)) return this.#lead(stream, open);
    const wanted = this.#options.tunnels.find(open.tunnelId);
    const tunnel = wanted === undefined ? undefined : this.#configured.get(wanted.name);
    if (tunnel === undefined) {
      return { code: StreamCode.unknownTunnel, reason: `This agent has no tunnel ${open.tunnelId}` };
    }
    return tunnel.kind === "http"
      ? this.#forwardHttp(stream, tunnel)
      : this.#forward(stream, { open, tunnel });
  }

  #configure(tunnels: readonly ConfiguredTunnel[]): void {
    this.#configured = new Map(tunnels.map((tunnel) => [tunnel.name, tunnel]));
    for (const name of this.#stats.keys()) if (!this.#configured.has(name)) this.#stats.delete(name);
    for (const name of this.#configured.keys()) {
      if (!this.#stats.has(name)) this.#stats.set(name, emptyStats());
    }
    this.#routes.clear();
    for (const tunnel of tunnels.filter(({ kind }) => kind === "http")) {
      this.#routes.set(tunnel.name, this.#routeOf(tunnel, this.#stats.get(tunnel.name) ?? emptyStats()));
    }
  }

  #lead(stream: Stream, open: TargetOpen): StreamConsumer | StreamRefusal {
    const accepted = this.targets.accept(stream, open);
    if (!("code" in accepted)) this.#active++;
    return accepted;
  }

  #forward(
    stream: Stream,
    { open, tunnel }: { open: TunnelOpen; tunnel: ConfiguredTunnel },
  ): StreamConsumer {
    const { flusher, clock, onFailure, onDone } = this.#options;
    const stats = this.#stats.get(tunnel.name) ?? emptyStats();
    const startedMs = clock.now();
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
          onDone(tunnel.name, { ms: clock.now() - startedMs, isOk: !hasFailed });
          this.#ended();
        },
      },
    });
  }

  #forwardHttp(stream: Stream, tunnel: ConfiguredTunnel): StreamConsumer {
    const route = this.#routes.get(tunnel.name);
    if (route === undefined) {
      throw new TypeError(`Cannot lead a request: there is no route of ${tunnel.name}`);
    }
    route.stats.active++;
    route.stats.total++;
    this.#active++;
    return forwardHttp(stream, route.options);
  }

  /** What all exchanges of a tunnel share. */
  #routeOf(tunnel: ConfiguredTunnel, stats: LocalStats): HttpRoute {
    const { clock, onFailure, onDone, onRequest } = this.#options;
    const report: HttpReport = {
      failed: (reason) => {
        stats.failed++;
        onFailure(tunnel, reason);
      },
      answered: (request, { status, cause, startedMs }) =>
        onRequest?.(tunnel, { request, status, cause, ms: clock.now() - startedMs }),
      over: ({ isOk, startedMs }) => {
        stats.active--;
        onDone(tunnel.name, { ms: clock.now() - startedMs, isOk });
        this.#ended();
      },
    };
    const pool = this.#services.poolOf(tunnel);
    return { stats, options: { pool, hostHeader: tunnel.host_header, meter: stats, clock, report } };
  }

  #ended(): void {
    if (--this.#active > 0) return;
    for (const resolve of this.#whenIdle) resolve();
    this.#whenIdle = [];
  }
}
