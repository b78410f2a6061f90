/**
 * The services of one tenant: who registered, as what, and whether it still answers. A service that falls silent is
 * asked for a sign of life; one that does not answer is late until it is heard again, and gone with its connection.
 * What happens is told to whoever listens.
 */
import type { TransportKind } from "../core/transport.ts";
import type { HubMessage } from "./outgoing.ts";

/** How a service describes itself. */
export interface ServiceDescription {
  readonly name: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Whether a service answers. */
export type ServiceState = "active" | "late" | "gone";

/** What happens to services. */
export type ServiceEvent = "registered" | "updated" | "late" | "gone";

/** A service as others see it. */
export interface ServiceInfo extends ServiceDescription {
  readonly id: string;
  /** ISO 8601, as `lastHeartbeat`: when its last message came. */
  readonly connectedAt: string;
  readonly lastHeartbeat: string;
  readonly state: ServiceState;
}

/** Whose service it is. */
export interface ServiceConnection {
  readonly id: string;
  readonly kind: TransportKind;
  send(message: HubMessage, lane: "control"): unknown;
}

/** When silence matters, in milliseconds. */
export interface ServiceTimes {
  /** After so much of it a service is asked for a sign of life. */
  readonly askAfterMs: number;
  /** After so much of it a service is late. */
  readonly lateAfterMs: number;
}

/** What a registry works with. */
export interface ServiceRegistryOptions {
  readonly times: ServiceTimes;
  /** Asks a service for a sign of life. */
  readonly ask: (connection: ServiceConnection) => void;
  readonly onEvent: (event: ServiceEvent, service: ServiceInfo) => void;
}

/** One registered service. */
export class Service {
  readonly connection: ServiceConnection;
  readonly connectedAt: Date;
  description: ServiceDescription;
  state: ServiceState = "active";
  /** When its last message came, in milliseconds of the registry's clock. */
  lastHeardMs: number;
  askedMs = -Infinity;

  constructor(connection: ServiceConnection, description: ServiceDescription, nowMs: number) {
    this.connection = connection;
    this.description = description;
    this.lastHeardMs = nowMs;
    this.connectedAt = new Date();
  }
}

/** The services of one tenant. Times are milliseconds of one clock, given by the caller. */
export class ServiceRegistry {
  readonly #options: ServiceRegistryOptions;
  readonly #services = new Map<string, Service>();

  constructor(options: ServiceRegistryOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#services.size;
  }

  /** Registers a connection as a service, or changes what it registered as. */
  register(connection: ServiceConnection, description: ServiceDescription, nowMs: number): Service {
    const known = this.#services.get(connection.id);
    if (known !== undefined) {
      known.description = description;
      this.#tell("updated", known, nowMs);
      return known;
    }
    const service = new Service(connection, description, nowMs);
    this.#services.set(connection.id, service);
    this.#tell("registered", service, nowMs);
    return service;
  }

  /** A service is gone with its connection; whether it was there. */
  leave(service: Service, nowMs: number): boolean {
    if (!this.#services.delete(service.connection.id)) return false;
    service.state = "gone";
    this.#tell("gone", service, nowMs);
    return true;
  }

  /** A message of a service came. Called for each of them: cheap unless it was late. */
  heard(service: Service, nowMs: number): void {
    service.lastHeardMs = nowMs;
    if (service.state !== "late") return;
    service.state = "active";
    this.#tell("updated", service, nowMs);
  }

  /** The services, in the order in which they came. */
  *list(nowMs: number): Generator<ServiceInfo> {
    for (const service of this.#services.values()) yield infoOf(service, nowMs);
  }

  /** The name and the state of each. */
  *states(): Generator<{ readonly name: string; readonly state: ServiceState }> {
    for (const { description: { name }, state } of this.#services.values()) yield { name, state };
  }

  /** How a connection described itself; `null` when it is no service. */
  descriptionOf(id: string): ServiceDescription | null {
    return this.#services.get(id)?.description ?? null;
  }

  /** Looks at every service once: asks who is silent, marks who is late. */
  check(nowMs: number): void {
    const { askAfterMs, lateAfterMs } = this.#options.times;
    for (const service of this.#services.values()) {
      const silentMs = nowMs - service.lastHeardMs;
      const wasAsked = service.askedMs >= service.lastHeardMs;
      if (silentMs >= askAfterMs && !wasAsked) {
        service.askedMs = nowMs;
        this.#options.ask(service.connection);
      } else if (silentMs >= lateAfterMs && wasAsked && service.state === "active") {
        service.state = "late";
        this.#tell("late", service, nowMs);
      }
    }
  }

  #tell(event: ServiceEvent, service: Service, nowMs: number): void {
    this.#options.onEvent(event, infoOf(service, nowMs));
  }
}

function infoOf(
  { connection, description, connectedAt, lastHeardMs, state }: Service,
  nowMs: number,
): ServiceInfo {
  return {
    id: connection.id,
    ...description,
    connectedAt: connectedAt.toISOString(),
    lastHeartbeat: new Date(Date.now() - (nowMs - lastHeardMs)).toISOString(),
    state,
  };
}
