/**
 * The composition root of the hub: builds all parts from a configuration, starts them in order, and stops
 * them so that nobody loses what was promised. Two of them can run in one process.
 */
import type { MessageBroker } from "../broker/message_broker.ts";
import type { ReloadOutcome } from "../broker/control_topics.ts";
import { isLoopbackHost } from "../config/listener_checks.ts";
import type { Config } from "../config/schema.ts";
import { type Clock, type Logger, systemClock } from "../core/ports.ts";
import type { AcceptedSocket } from "../hub/accepted_socket.ts";
import type { Admission } from "../hub/admission.ts";
import { ConnectionFactory } from "../hub/connection_factory.ts";
import { createHttpFront } from "../hub/http_front.ts";
import { DoorStats } from "../hub/hub_stats.ts";
import { Listener } from "../hub/listener.ts";
import { OriginPolicy } from "../hub/origin_policy.ts";
import type { Relay } from "../hub/relay.ts";
import type { UpgradeTarget } from "../hub/upgrade.ts";
import type { HeartbeatMonitor } from "../link/heartbeat.ts";
import { LinkStats } from "../link/link_stats.ts";
import { OutboxLedger } from "../link/outbox_ledger.ts";
import { StreamStats } from "../link/stream_stats.ts";
import { TurnClock } from "../link/turn_clock.ts";
import { Turns } from "../link/turns.ts";
import { Health } from "../metrics/health.ts";
import { LoopLag } from "../metrics/loop_lag.ts";
import { createMetrics, type Metrics } from "../metrics/metrics.ts";
import { ProcessStats } from "../metrics/process_stats.ts";
import type { Agents } from "../tunnel/agents.ts";
import type { Tunnels } from "../tunnel/tunnels.ts";
import { agentTarget, agentUser, createAgents, framesSettings } from "./agents_setup.ts";
import { AuditLog } from "./audit_log.ts";
import { createAdmission, createHeartbeat } from "./connection_setup.ts";
import { createCloudBridge } from "./cloudbridge_setup.ts";
import { brokerTarget, createBroker } from "./broker_setup.ts";
import { drain } from "./drain.ts";
import { Lifecycle, type LifecycleStep } from "./lifecycle.ts";
import { formatListening, type ListeningAddress } from "./listening_address.ts";
import { Logins } from "./logins.ts";
import { HubMetricSource } from "./metric_sources.ts";
import { warnOfIdleLimits, warnOfOpenHub } from "./open_hub.ts";
import { MetricsDoor } from "./metrics_door.ts";
import { LiveMetrics } from "./live_metrics.ts";
import { createReload } from "./live_parts.ts";
import type { Reload } from "./reload.ts";
import type { Knobs } from "./knobs.ts";
import { createKnobs, createOptimizer } from "./optimizer_setup.ts";
import type { PerformanceOptimizer } from "./performance_optimizer.ts";
import { createRelay } from "./relay_setup.ts";
import { Storage } from "./storage.ts";
import { TlsStore } from "./tls_store.ts";
import type { HubServerOptions } from "./hub_server_options.ts";
import { probe } from "./probe.ts";
import { PublicDoor } from "./public_setup.ts";
import { HubQuotas } from "./quota_setup.ts";
import { countingVisitors, createTunnels } from "./tunnels_setup.ts";

/** What connections share with the rest of the hub. */
interface SharedParts {
  readonly knobs: Knobs;
  readonly turns: Turns;
  readonly clock: Clock;
}

/** A peer that does not answer a close is cut after this long. */
const CLOSE_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 30_000;

/** One hub. */
export class HubServer {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #door = new DoorStats();
  readonly #links = {
    websocket: new LinkStats(),
    text: new LinkStats(),
    frames: new LinkStats(),
    json: new LinkStats(),
  };
  readonly #streams = new StreamStats();
  readonly #health = new Health();
  readonly #metrics: Metrics;
  readonly #metricsDoor: MetricsDoor;
  readonly #quotas: HubQuotas;
  readonly #optimizer: PerformanceOptimizer;
  readonly #heartbeat: HeartbeatMonitor;
  readonly #connections: ConnectionFactory;
  readonly #relay: Relay | null;
  readonly #broker: MessageBroker | null;
  readonly #tunnels: Tunnels;
  readonly #publicDoor: PublicDoor;
  readonly #agents: Agents;
  readonly #admission: Admission;
  readonly #origins: OriginPolicy;
  readonly #audit: AuditLog;
  /** `null` on a hub that asks for no login. */
  readonly #logins: Logins | null;
  readonly #reload: Reload | null;
  readonly #tls: TlsStore;
  readonly #storage: Storage;
  readonly #lifecycle: Lifecycle;
  #listeners: Listener[] = [];
  #stopping: Promise<void> | null = null;

  constructor(config: Config, options: HubServerOptions) {
    const { logger, version, clock = systemClock, loginGate: gate = {}, readMemory } = options;
    this.#config = config;
    this.#clock = clock;
    this.#logger = logger;
    this.#audit = new AuditLog(config.logging.audit, logger.child("audit"));
    this.#logins = config.auth.mode === "none"
      ? null
      : new Logins(config, { events: this.#audit.events, logger: logger.child("auth"), clock, gate });
    this.#tls = new TlsStore(config.hub.tls, { door: "hub", logger: logger.child("tls") });
    this.#storage = new Storage(config, logger.child("storage"));
    const turns = new Turns(options.atEndOfTurn);
    const cachedClock = new TurnClock(clock, turns);
    this.#quotas = new HubQuotas(config, { clock: cachedClock, logger: logger.child("limits") });
    const ledger = new OutboxLedger(config.hub.outbox.total, clock);
    this.#heartbeat = createHeartbeat(config, clock);
    this.#admission = createAdmission(config);
    this.#origins = new OriginPolicy(config.hub.origins);
    const tuned = { ledger, turns, clock, admission: this.#admission, health: this.#health, readMemory };
    const knobs = createKnobs(config, tuned);
    this.#optimizer = createOptimizer(config, { ...tuned, knobs, logger: logger.child("performance") });
    const reload = createReload(config, options, {
      logins: this.#logins,
      audit: this.#audit,
      admission: this.#admission,
      origins: this.#origins,
      tls: this.#tls,
      optimizer: this.#optimizer,
      quotas: this.#quotas,
      storage: this.#storage,
      connections: () => this.#connections.connections.values(),
      broker: () => this.#broker,
      visitors: () => this.#publicDoor,
      logger,
    });
    this.#reload = reload;
    this.#connections = this.#createConnections({ knobs, turns, clock });
    this.#relay = createRelay(config, this.#connections);
    this.#broker = createBroker(config, {
      store: this.#storage.store,
      epochMs: this.#storage.epochMs,
      version,
      clock,
      cachedClock,
      logger: logger.child("broker"),
      log: options.log ?? null,
      stopHub: options.onStopRequested ?? (() => void this.stop()),
      ...(reload === null ? {} : { reload: () => reload.run() }),
      logins: this.#logins,
      events: this.#audit.events,
      readMetrics: () => this.#metrics.series(),
      listTunnels: (principal) => this.#tunnels.list(principal),
      onLatency: (seconds) => this.#metrics.observe("trunkline_broker_routing_seconds", seconds),
      onAnswered: (seconds) => this.#metrics.observe("trunkline_broker_request_seconds", seconds),
    });
    this.#tunnels = createTunnels(config, {
      clock,
      logger: logger.child("tunnels"),
      events: this.#audit.events,
      admission: countingVisitors(this.#admission),
      joinBytes: knobs.tuning.joinBytes,
      quotas: this.#quotas.manager,
      resolve: options.resolve,
    });
    this.#publicDoor = new PublicDoor(config, {
      clock: cachedClock,
      logger: logger.child("public"),
      tunnels: this.#tunnels,
      admission: countingVisitors(this.#admission, config.public.trusted_proxies),
      joinBytes: knobs.tuning.joinBytes,
      onTurnedAway: () => this.#door.refuse("memory"),
      onDone: ({ seconds, waitedSeconds }) => {
        this.#metrics.observe("tunnel_request_duration_seconds", seconds);
        if (waitedSeconds !== null) this.#metrics.observe("tunnel_response_wait_seconds", waitedSeconds);
      },
    });
    this.#agents = createAgents(config, {
      clock,
      logger: logger.child("agents"),
      logins: this.#logins,
      broker: this.#broker,
      services: options.frameServices ?? this.#tunnels,
    });
    const links = this.#links;
    const [relay, broker, agents] = [this.#relay, this.#broker, this.#agents];
    const quotas = this.#quotas.manager;
    const [connections, tunnels, visitors] = [this.#connections, this.#tunnels, this.#publicDoor];
    const parts = { relay, broker, agents, connections, tunnels, visitors, quotas };
    const counters = { door: this.#door, links, ledger, streams: this.#streams, ...parts };
    const loopLag = new LoopLag({
      clock,
      onLag: (seconds) => {
        this.#metrics.observe("trunkline_event_loop_lag_seconds", seconds);
        this.#optimizer.observe(seconds);
        this.#quotas.observe(seconds);
      },
    });
    this.#metrics = createMetrics([
      new HubMetricSource(counters),
      new ProcessStats({ version }),
      loopLag,
      this.#optimizer,
      this.#health,
      this.#audit,
      new LiveMetrics([this.#tls, this.#publicDoor.tls], reload),
    ]);
    this.#metricsDoor = new MetricsDoor(config.metrics, {
      metrics: this.#metrics,
      health: this.#health,
      loopLag,
      logger,
    });
    this.#lifecycle = new Lifecycle(this.#steps(), logger);
  }

  /** Starts all parts. Throws a `TrunklineError`; nothing is left running then. */
  async start(): Promise<void> {
    warnOfOpenHub(this.#config, this.#logger);
    warnOfIdleLimits(this.#config, this.#logger);
    await this.#lifecycle.start();
    this.#logger.info("The hub is ready", { addresses: this.addresses().map(formatListening) });
  }

  /** Drains and stops all parts; called while it stops already, it waits for the same end. */
  stop(): Promise<void> {
    return this.#stopping ??= this.#lifecycle.stop()
      .then(() => this.#logger.info("The hub has stopped"))
      .finally(() => this.#stopping = null);
  }

  /** Reads the configuration again and takes over what needs no restart; `null` when it cannot be read again. */
  async reload(): Promise<ReloadOutcome | null> {
    return this.#reload === null ? null : await this.#reload.run();
  }

  /** Where it listens, with the real ports. */
  addresses(): readonly ListeningAddress[] {
    const hub: ListeningAddress[] = this.#listeners.map(({ address }) => ({ name: "hub", ...address }));
    hub.push(...this.#publicDoor.addresses());
    const { address } = this.#metricsDoor;
    return address === null ? hub : [...hub, { name: "metrics", ...address, encrypted: false }];
  }

  /** The steps in the order of their start. */
  #steps(): LifecycleStep[] {
    return [
      { name: "certificates", start: () => this.#tls.start(), stop: () => this.#tls.stop() },
      { name: "audit", start: () => this.#audit.start(), stop: () => this.#audit.stop() },
      { name: "logins", start: () => this.#logins?.start(), stop: () => this.#logins?.stop() },
      { name: "metrics", start: () => this.#metricsDoor.start(), stop: () => this.#metricsDoor.stop() },
      { name: "limits", start: () => this.#quotas.start(), stop: () => this.#quotas.stop() },
      { name: "heartbeat", start: () => this.#heartbeat.start(), stop: () => this.#heartbeat.stop() },
      { name: "relay", start: () => this.#startPart("relay"), stop: () => this.#stopPart("relay") },
      { name: "storage", start: () => this.#storage.start(), stop: () => this.#storage.stop() },
      { name: "broker", start: () => this.#startPart("broker"), stop: () => this.#stopPart("broker") },
      { name: "listener", start: () => this.#startListeners(), stop: () => this.#stopListeners() },
      { name: "ready", start: () => this.#becomeReady(), stop: () => this.#becomeUnready() },
    ];
  }

  #createConnections({ knobs, turns, clock }: SharedParts): ConnectionFactory {
    const { readLimits } = knobs;
    const failed = (error: unknown) => this.#logger.error("Cannot go on with a connection", { error });
    const transport = { clock, readLimits, turns, closeTimeoutMs: CLOSE_TIMEOUT_MS, failed };
    return new ConnectionFactory({
      outbox: knobs.outbox,
      websocket: { ...transport, stats: this.#links.websocket },
      text: { ...transport, stats: this.#links.text },
      frames: framesSettings(this.#config, {
        ...transport,
        stats: this.#links.frames,
        streamStats: this.#streams,
        logins: this.#logins,
      }),
      json: { ...transport, stats: this.#links.json },
      heartbeat: this.#heartbeat,
      watch: this.#logins?.watch ?? null,
      quotas: this.#quotas.manager,
    });
  }

  #startPart(name: "relay" | "broker"): void {
    const part = name === "relay" ? this.#relay : this.#broker;
    if (part === null) return;
    if (name === "broker") this.#broker?.start();
    this.#health.set(name, true);
  }

  #stopPart(name: "relay" | "broker"): void {
    const part = name === "relay" ? this.#relay : this.#broker;
    if (part === null) return;
    if (name === "broker") this.#broker?.stop();
    this.#health.set(name, false);
  }

  async #startListeners(): Promise<void> {
    this.#listeners = [];
    try {
      for (const listen of this.#config.hub.listen) {
        const listener = this.#createListener(listen);
        await listener.listen();
        this.#listeners.push(listener);
      }
      await this.#publicDoor.start();
    } catch (error) {
      await this.#stopListeners();
      throw error;
    }
    this.#health.set("listener", true);
  }

  #createListener({ address, tls, transports }: Config["hub"]["listen"][number]): Listener {
    const { hub } = this.#config;
    const broker = this.#broker;
    const accepted = new Map<unknown, AcceptedSocket>();
    const http = createHttpFront({
      origins: this.#origins,
      onLoopback: isLoopbackHost(address.host),
      routes: (path) => this.#route(path, transports.includes("frames")),
      probe: (path) => probe(path, this.#health),
      accepted,
      isDraining: () => this.#health.phase === "draining",
      stats: this.#door,
      headersTimeoutMs: hub.first_byte_timeout,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      logins: this.#logins,
      queryToken: this.#config.auth.query_token,
      loginTimeoutMs: hub.auth_timeout,
      events: this.#audit.events,
    });
    return new Listener({
      address,
      tls: tls ? () => this.#tls.listener : null,
      transports,
      http,
      accepted,
      openText: broker === null ? null : (link) => this.#connections.openText(link, broker.createSession()),
      openFrames: (link) => this.#connections.openFrames(link, agentUser(link, this.#agents, this.#logins)),
      openJson: (link) =>
        this.#connections.openJson(
          link,
          createCloudBridge(this.#config, {
            clock: this.#clock,
            logins: this.#logins,
            certificate: link.certificate,
            egress: this.#tunnels.egress,
            agents: transports.includes("frames") ? this.#agents : null,
          }),
        ),
      admission: this.#admission,
      stats: this.#door,
      logins: this.#logins,
      events: this.#audit.events,
      logger: this.#logger.child("listener"),
      firstByteTimeoutMs: hub.first_byte_timeout,
      keepAliveMs: hub.tcp_keepalive,
    });
  }

  /** What a path leads to at an address that speaks frames, or does not. */
  #route(path: string, speaksFrames: boolean): UpgradeTarget | undefined {
    const [connections, agents, logins] = [this.#connections, this.#agents, this.#logins];
    return brokerTarget(path, { broker: this.#broker, connections }) ??
      (speaksFrames ? agentTarget(path, { agents, connections, logins }) : undefined) ??
      this.#relay?.target(path);
  }

  async #stopListeners(): Promise<void> {
    this.#health.set("listener", false);
    for (const listener of this.#listeners) listener.stopAccepting();
    this.#publicDoor.stopAccepting();
    await this.#tunnels.stopAccepting();
    const { grace: graceMs, spread: spreadMs } = this.#config.shutdown;
    const [connections, broker, agents] = [this.#connections, this.#broker, this.#agents];
    await drain({ connections, broker, agents, graceMs, spreadMs });
    for (const listener of this.#listeners) listener.destroyAll();
    this.#tunnels.destroyAll();
    this.#publicDoor.destroyAll();
    this.#listeners = [];
  }

  #becomeReady(): void {
    this.#health.setPhase("running");
    this.#optimizer.start();
  }

  #becomeUnready(): void {
    this.#health.setPhase("draining");
    this.#optimizer.rest();
  }
}
