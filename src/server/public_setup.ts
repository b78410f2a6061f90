/** Builds the address of visitors of HTTP tunnels from the configuration, and opens and closes it with the hub. */
import type { Socket } from "node:net";
import type { Config } from "../config/schema.ts";
import { matchesAnyIpRange } from "../core/ip_range.ts";
import type { Clock, Logger } from "../core/ports.ts";
import { AcceptedSocket } from "../hub/accepted_socket.ts";
import { Refusals } from "../hub/refusals.ts";
import { Flusher } from "../link/flusher.ts";
import type { ExchangeRecord } from "../tunnel/exchange_record.ts";
import { HttpCounts } from "../tunnel/http_counts.ts";
import { PublicListener, type PublicListenerOptions } from "../tunnel/public_listener.ts";
import type { Tunnels } from "../tunnel/tunnels.ts";
import type { VisitorAdmission } from "../tunnel/visitor_admission.ts";
import { Deadline } from "../hub/deadline.ts";
import { VisitorEnds } from "../tunnel/visitor_ends.ts";
import type { VisitorSettings } from "../tunnel/visitor_ports.ts";
import { accessLine } from "./access_log.ts";
import type { ListeningAddress } from "./listening_address.ts";
import { createLogOutput, type LogOutput } from "./log_output.ts";
import { TlsStore } from "./tls_store.ts";

/** What it gets from the rest of the hub. */
export interface PublicDoorPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tunnels: Tunnels;
  readonly admission: VisitorAdmission;
  /** Small pieces are joined up to this size. */
  readonly joinBytes: number;
  /** A visitor was turned away because there is no memory for more. */
  readonly onTurnedAway: () => void;
  /** Told how long a request took, and until its response began, in seconds. */
  readonly onDone: (times: { readonly seconds: number; readonly waitedSeconds: number | null }) => void;
  /** Where the access log goes. @default the process's output */
  readonly accessLog?: LogOutput;
}

/** The address of visitors; nothing while it is switched off. */
export class PublicDoor {
  readonly counts = new HttpCounts();
  readonly ends = new VisitorEnds();
  readonly tls: TlsStore;
  readonly #config: Config;
  readonly #ports: PublicDoorPorts;
  readonly #settings: VisitorSettings;
  #listener: PublicListener | null = null;
  #accessLog: LogOutput | null = null;
  readonly #refusals = new Refusals();

  constructor(config: Config, ports: PublicDoorPorts) {
    this.#config = config;
    this.#ports = ports;
    const { tls, trusted_proxies } = config.public;
    this.#settings = {
      protocol: tls === null ? "http" : "https",
      isTrusted: (ip) => matchesAnyIpRange(trusted_proxies, ip),
      exchangeIdleMs: config.tunnel.idle_timeout,
      ...limitsOf(config.public),
    };
    this.tls = new TlsStore(config.public.tls, { door: "public", logger: ports.logger });
  }

  /** How many visitors' connections there are. */
  get connections(): number {
    return this.#listener?.size ?? 0;
  }

  /** Where it listens, with the real port. */
  addresses(): ListeningAddress[] {
    if (this.#listener === null) return [];
    const { listen, tls } = this.#config.public;
    return [{ name: "public", host: listen.host, port: this.#listener.port, encrypted: tls !== null }];
  }

  /** Opens it. Throws a `TrunklineError`. */
  async start(): Promise<void> {
    const { enabled, listen, access_log: accessLog } = this.#config.public;
    if (!enabled) return;
    const { logger, clock, tunnels, admission } = this.#ports;
    this.tls.start();
    const prepare = this.#createPrepare();
    if (accessLog !== "off") {
      this.#accessLog = this.#ports.accessLog ?? createLogOutput(Deno.stdout, () => {});
    }
    this.#listener = await PublicListener.listen({
      ...listen,
      keepAliveMs: this.#config.hub.tcp_keepalive,
      settings: this.#settings,
      ports: {
        clock,
        wallClock: { now: () => Date.now() },
        flusher: new Flusher(this.#ports.joinBytes),
        route: (host) => tunnels.visit(host),
        record: (record) => this.#record(record),
        endedSlow: (reason) => this.ends.count(reason),
      },
      admission,
      prepare,
      turnAway: (raw) => this.#turnAway(raw),
      onError: (reason) => logger.error("The address of visitors failed", { reason }),
      onFault: (reason) => logger.error("Cannot take a visitor", { reason }),
    });
    tunnels.publicPort = this.#listener.port;
  }

  /** Takes nobody any more; those who are there finish. */
  stopAccepting(): void {
    this.#listener?.stopAccepting();
  }

  /** Ends everybody who is left. */
  destroyAll(): void {
    this.tls.stop();
    this.#refusals.destroyAll();
    this.#listener?.destroyAll();
    this.#listener = null;
    this.#accessLog?.close();
    this.#accessLog = null;
  }

  /** Other limits from now on, for visitors who are there too. */
  change(config: Config["public"]): void {
    Object.assign(this.#settings, limitsOf(config));
  }

  #record(record: ExchangeRecord): void {
    const { access_log: format } = this.#config.public;
    this.counts.count(record);
    const { durationMs, waitedMs } = record;
    this.#ports.onDone({
      seconds: durationMs / 1000,
      waitedSeconds: waitedMs === null ? null : waitedMs / 1000,
    });
    if (format !== "off") this.#accessLog?.write(`${accessLine(record, format)}\n`);
  }

  #turnAway(raw: Socket): void {
    this.#ports.onTurnedAway();
    const accepted = new AcceptedSocket(raw);
    const isTold = this.#refusals.tell(accepted, {
      reason: "memory",
      // Who reads the whole request first may have no place to keep it.
      prepare: async () => await this.#introduce(accepted, () => true) && await accepted.readChunk() !== null,
      kind: "http",
    });
    if (!isTold) raw.resetAndDestroy();
  }

  /** Reads the PROXY header and does the TLS handshake, where there are any; whether that went well and it may enter. */
  async #introduce(accepted: AcceptedSocket, enter: (ip: string) => boolean): Promise<boolean> {
    const { proxy_protocol: isProxied, trusted_proxies: proxies } = this.#config.public;
    const isProxy = isProxied && matchesAnyIpRange(proxies, accepted.peer.ip);
    if (isProxy && await accepted.readProxyHeader() !== "ok") return false;
    if (!enter(accepted.peer.ip)) return false;
    const { options } = this.tls;
    return options === null || await accepted.startTls(options) === "secured";
  }

  /** What makes a visitor's socket ready to be read. */
  #createPrepare(): PublicListenerOptions["prepare"] {
    return async (raw, enter) => {
      const accepted = new AcceptedSocket(raw);
      const deadline = new Deadline(this.#settings.headerTimeoutMs, () => {
        this.ends.count("handshake");
        accepted.destroy();
      });
      try {
        if (!await this.#introduce(accepted, enter)) return null;
      } finally {
        deadline.clear();
      }
      const { localAddress: ip = "", localPort: port = 0 } = raw;
      return { link: accepted.link, peer: knownPeer(accepted.peer), local: knownPeer({ ip, port }) };
    };
  }
}

/** What can change while the door is open. */
function limitsOf(config: Config["public"]) {
  const { max_body, header_timeout, idle_timeout, response_timeout, body_rate, send_timeout } = config;
  return {
    headerTimeoutMs: header_timeout,
    idleTimeoutMs: idle_timeout,
    responseTimeoutMs: response_timeout,
    sendTimeoutMs: send_timeout,
    bodyBytesPerSecond: body_rate,
    maxBodyBytes: max_body,
  };
}

/** A socket that is gone already does not tell. */
function knownPeer({ ip, port }: { readonly ip: string; readonly port: number }) {
  return { ip: ip === "" ? "0.0.0.0" : ip, port };
}
