/**
 * What tenants do not share: each has its own subscriptions, ids and services. A space comes with the first
 * connection of its tenant and goes with the last.
 */
import type { Principal } from "../core/principal.ts";
import type { EventOrigin } from "../core/security_event.ts";
import type { MessageRouter } from "./message_router.ts";
import type { MessageTaps } from "./message_taps.ts";
import type { Presence } from "./presence.ts";
import type { Replays } from "./replays.ts";
import type { RequestRouter } from "./request_router.ts";
import type { ServiceRegistry } from "./service_registry.ts";
import type { Reader } from "./subscription.ts";
import type { SubscriptionManager } from "./subscription_manager.ts";
import type { TenantArchive } from "./tenant_archive.ts";

/** One connection of a tenant. */
export interface Member extends Reader {
  /** Who stands behind it; `null` unless it is open. */
  readonly principal: Principal | null;
  /** Whom an event of security is about that happens there. */
  readonly origin: EventOrigin;
  /** Says goodbye. */
  close(code: number, reason: string): void;
}

/** What a space is made of. */
export interface TenantParts {
  readonly subscriptions: SubscriptionManager;
  readonly router: MessageRouter;
  readonly requests: RequestRouter;
  readonly services: ServiceRegistry;
  readonly taps: MessageTaps;
  readonly presence: Presence;
  readonly archive: TenantArchive;
  readonly replays: Replays;
}

/** The space of one tenant. */
export class TenantSpace implements TenantParts {
  readonly subscriptions: SubscriptionManager;
  readonly router: MessageRouter;
  readonly requests: RequestRouter;
  readonly services: ServiceRegistry;
  readonly taps: MessageTaps;
  readonly presence: Presence;
  readonly archive: TenantArchive;
  readonly replays: Replays;
  /** Whose space it is. */
  readonly tenant: string;
  readonly #members = new Map<string, Member>();
  readonly #onEmpty: () => void;

  constructor(tenant: string, parts: TenantParts, onEmpty: () => void) {
    this.tenant = tenant;
    this.subscriptions = parts.subscriptions;
    this.router = parts.router;
    this.requests = parts.requests;
    this.services = parts.services;
    this.taps = parts.taps;
    this.presence = parts.presence;
    this.archive = parts.archive;
    this.replays = parts.replays;
    this.#onEmpty = onEmpty;
  }

  /** What finding subscribers and telling them of what the hub notices took so far, counted in deliveries. */
  get spent(): number {
    return this.subscriptions.searched + this.router.announced;
  }

  enter(member: Member): void {
    this.#members.set(member.id, member);
  }

  leave(member: Member): void {
    this.replays.leave(member);
    if (this.#members.delete(member.id) && this.#members.size === 0) this.#onEmpty();
  }

  /** How many connections it has. */
  get size(): number {
    return this.#members.size;
  }

  /** The connection of this id. */
  member(id: string): Member | undefined {
    return this.#members.get(id);
  }
}

/** The spaces of all tenants. */
export class TenantSpaces {
  readonly #create: (tenant: string) => TenantParts;
  readonly #onLeft: (space: TenantSpace) => void;
  readonly #spaces = new Map<string, TenantSpace>();
  #cacheHits = 0;
  #cacheMisses = 0;

  /** `onLeft` is told of each space whose last connection went. */
  constructor(create: (tenant: string) => TenantParts, onLeft: (space: TenantSpace) => void = () => {}) {
    this.#create = create;
    this.#onLeft = onLeft;
  }

  /** Adds a connection to the space of its tenant. */
  enter(tenant: string, member: Member): TenantSpace {
    let space = this.#spaces.get(tenant);
    if (space === undefined) {
      space = new TenantSpace(tenant, this.#create(tenant), () => this.#leave(tenant));
      this.#spaces.set(tenant, space);
    }
    space.enter(member);
    return space;
  }

  /** All spaces. */
  all(): Iterable<TenantSpace> {
    return this.#spaces.values();
  }

  /** How many replays of all tenants are in progress. */
  get replayCount(): number {
    return this.#sum(({ replays }) => replays.size);
  }

  /** How many services of all tenants are registered. */
  get serviceCount(): number {
    return this.#sum(({ services }) => services.size);
  }

  /** How many requests of all tenants wait for their answer. */
  get outstandingRequests(): number {
    return this.#sum(({ requests }) => requests.outstanding);
  }

  /** How many subscriptions all tenants have. */
  get subscriptionCount(): number {
    return this.#sum(({ subscriptions }) => subscriptions.size);
  }

  /** Routes that were found in a cache; never falls. */
  get cacheHits(): number {
    return this.#cacheHits + this.#sum(({ subscriptions }) => subscriptions.cacheHits);
  }

  /** Routes that had to be made; never falls. */
  get cacheMisses(): number {
    return this.#cacheMisses + this.#sum(({ subscriptions }) => subscriptions.cacheMisses);
  }

  #leave(tenant: string): void {
    const space = this.#spaces.get(tenant);
    if (space === undefined) return;
    this.#spaces.delete(tenant);
    this.#cacheHits += space.subscriptions.cacheHits;
    this.#cacheMisses += space.subscriptions.cacheMisses;
    this.#onLeft(space);
  }

  #sum(of: (space: TenantSpace) => number): number {
    let sum = 0;
    for (const space of this.#spaces.values()) sum += of(space);
    return sum;
  }
}
