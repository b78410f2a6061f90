/**
 * The connections of one agent to its hub: as many as are always kept, and more while they are needed. It guarantees
 * that each is made again by itself, that something new goes to the one with the fewest streams that can take it, that
 * one of them carries the messages, and that after `stop` nothing is left.
 *
 * A further connection is made when all that can be used are crowded (see {@link PoolLink.isCrowded}), when none of
 * them takes a stream, or when all owe an answer for too long; one at a time, and only while every other is up: a hub
 * that cannot be reached, or lets no more in, is not asked by more and more. It is closed after a while without
 * streams.
 */
import type { AgentConfig } from "../config/mod.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { OpenRefusal } from "../link/stream_mux.ts";
import type { OpenStream } from "../wire/frame_payloads.ts";
import type { LinkState } from "./link.ts";
import { type LinkStatus, PoolLink, type PoolLinkOwner, type PoolLinkSettings } from "./pool_link.ts";
import type { Session } from "./session.ts";
import { CHECK_MS, StallWatch } from "./stall_watch.ts";

/** How many connections to keep. */
export interface PoolOptions {
  /** Connections that are always kept. */
  readonly initial: number;
  /** The most at a time; not less than `initial`. */
  readonly max: number;
  /** How long one above `initial` may be without streams. */
  readonly idleTimeoutMs: number;
  /** How often idle ones are looked for. */
  readonly cleanupIntervalMs: number;
}

/** One connection, whatever happens. */
export const ONE_LINK: PoolOptions = {
  initial: 1,
  max: 1,
  idleTimeoutMs: 300_000,
  cleanupIntervalMs: 60_000,
};

/** What became of connections since the start. */
export interface PoolStats {
  /** Sessions that began. */
  connections: number;
  /** Connections above those that are always kept. */
  added: number;
  /** Connections that were closed because they had no streams. */
  retired: number;
  /** Connections that were given up because they did not answer while others did. */
  abandoned: number;
}

/** Who has a pool. */
export interface PoolOwner {
  /** Messages go over this session now; `null` for none. */
  readonly primaryChanged: (session: Session | null) => void;
  /** The state of a connection changed, or another one stands for all. May call `stop`. */
  readonly stateChanged: () => void;
}

/** What a pool is made of. */
export interface LinkPoolOptions {
  readonly pool: PoolOptions;
  readonly settings: PoolLinkSettings;
  readonly owner: PoolOwner;
}

/** Why a pool gives no stream. */
export type PoolRefusal = OpenRefusal | "offline";

type Timer = ReturnType<typeof setInterval>;

/** What the configuration says. */
export function readPool({ pool }: AgentConfig["hub"]): PoolOptions {
  const { initial, max, idle_timeout: idleTimeoutMs, cleanup_interval: cleanupIntervalMs } = pool;
  return { initial, max, idleTimeoutMs, cleanupIntervalMs };
}

/** The connections of one agent. */
export class LinkPool implements PoolLinkOwner {
  readonly stats: PoolStats = { connections: 0, added: 0, retired: 0, abandoned: 0 };
  readonly #options: LinkPoolOptions;
  /** All, the oldest first; never empty. */
  readonly #links = new Set<PoolLink>();
  readonly #watch: StallWatch<PoolLink>;
  /** What has not ended yet: attempts to dial, to log in, and connections. */
  readonly #open = new Set<Promise<unknown>>();
  #primary: PoolLink | null = null;
  #timers: Timer[] = [];
  #phase: "idle" | "running" | "stopped" = "idle";

  constructor(options: LinkPoolOptions) {
    this.#options = options;
    this.#watch = new StallWatch(this.#nowMs);
    for (let count = 0; count < options.pool.initial; count++) this.#create();
  }

  /** Where the connection stands that carries the messages; without one, the first that is up, or the first. */
  get state(): LinkState<Session> {
    const [first] = this.#links;
    return (this.#primary ?? this.#up()[0] ?? first)?.state ?? { kind: "stopped" };
  }

  /** Whether there is a connection. */
  get isUp(): boolean {
    return this.#up().length > 0;
  }

  /** The session that carries the messages. */
  get primary(): Session | null {
    return this.#primary?.session ?? null;
  }

  /** All connections, those that are made or waited for included. */
  get status(): LinkStatus[] {
    return [...this.#links].map(({ status }) => status);
  }

  /** Begins to connect; of no effect later. */
  start(): void {
    if (this.#phase !== "idle") return;
    this.#phase = "running";
    const { initial, max, cleanupIntervalMs } = this.#options.pool;
    if (max > 1) this.#timers.push(setInterval(() => this.#check(), CHECK_MS));
    if (max > initial) this.#timers.push(setInterval(() => this.#cleanUp(), cleanupIntervalMs));
    for (const link of this.#links) link.start();
  }

  /** A login shows something else from now on. */
  credentialsChanged(): void {
    for (const link of this.#links) link.credentialsChanged();
  }

  /** Ends everything for good; resolves when nothing is left. */
  async stop(): Promise<void> {
    this.#phase = "stopped";
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    for (const link of this.#links) link.stop();
    while (this.#open.size > 0) await Promise.allSettled([...this.#open]);
  }

  /** Opens a stream where it does best. */
  openStream(open: OpenStream, consumer: StreamConsumer): Stream | PoolRefusal {
    const best = this.#best();
    if (best === null) return this.isUp ? "going_away" : "offline";
    const opened = best.openStream(open, consumer);
    if (typeof opened === "string") return this.#openElsewhere(opened, { open, consumer, best });
    this.used(best);
    return opened;
  }

  begins(link: PoolLink): void {
    this.stats.connections++;
    if (this.#primary === null && link.isUsable) this.#promote(link);
  }

  ends(link: PoolLink): void {
    this.#watch.forget(link);
    if (this.#primary !== link) return;
    link.isPrimary = false;
    this.#promote(this.#phase === "running" ? this.#best() : null);
    this.#options.owner.stateChanged();
  }

  used(link: PoolLink): void {
    if (this.#options.pool.max === 1) return;
    this.#watch.relyOn(link, this.#nowMs);
    if (link.isCrowded || this.#isDoubtful(link)) this.#addIfCrowded();
  }

  changed(link: PoolLink): void {
    if (link.isRetired && link.state.kind === "stopped") this.#links.delete(link);
    this.#options.owner.stateChanged();
  }

  keep<T>(promise: Promise<T>): Promise<T> {
    const settled = promise.then(() => {}, () => {}).finally(() => this.#open.delete(settled));
    this.#open.add(settled);
    return promise;
  }

  get #nowMs(): number {
    return this.#options.settings.clock.now();
  }

  #up(): PoolLink[] {
    return [...this.#links].filter(({ session }) => session !== null);
  }

  #isDoubtful(link: PoolLink): boolean {
    return this.#watch.isDoubtful(link, this.#nowMs);
  }

  /** The one with the fewest streams, of equals the oldest; one that owes an answer only where there is no other. */
  #best(): PoolLink | null {
    let best: PoolLink | null = null;
    let isBestDoubtful = false;
    for (const link of this.#links) {
      if (!link.isUsable) continue;
      const isDoubtful = this.#isDoubtful(link);
      const isBetter = best === null ||
        (isDoubtful === isBestDoubtful ? link.streams < best.streams : isBestDoubtful);
      if (!isBetter) continue;
      best = link;
      isBestDoubtful = isDoubtful;
    }
    return best;
  }

  /** The best one does not take it; the others are asked in their order. */
  #openElsewhere(
    refusal: OpenRefusal,
    { open, consumer, best }: { open: OpenStream; consumer: StreamConsumer; best: PoolLink },
  ): Stream | OpenRefusal {
    for (const link of this.#links) {
      if (link === best || !link.isUsable || this.#isDoubtful(link)) continue;
      const opened = link.openStream(open, consumer);
      if (typeof opened !== "string") return opened;
    }
    this.#add();
    return refusal;
  }

  #promote(link: PoolLink | null): void {
    this.#primary = link;
    if (link !== null) link.isPrimary = true;
    this.#options.owner.primaryChanged(link?.session ?? null);
  }

  #create(): PoolLink {
    const link = new PoolLink(this.#options.settings, this);
    this.#links.add(link);
    return link;
  }

  #addIfCrowded(): void {
    for (const link of this.#links) {
      if (link.isUsable && !link.isCrowded && !this.#isDoubtful(link)) return;
    }
    this.#add();
  }

  #add(): void {
    if (this.#phase !== "running" || this.#links.size >= this.#options.pool.max) return;
    for (const { state } of this.#links) if (state.kind !== "up") return;
    this.stats.added++;
    const { logger } = this.#options.settings;
    logger.debug("Adding a connection to the hub", { connections: this.#links.size });
    this.#create().start();
  }

  /** Gives up what does not answer while others do. */
  #check(): void {
    const watched = [...this.#links].filter(({ isUsable }) => isUsable);
    for (const link of this.#watch.check(watched, this.#nowMs)) {
      this.stats.abandoned++;
      link.abandon();
    }
    // A new one shows whether it is the way that is gone, or only these.
    if (watched.length > 0 && watched.every((link) => this.#isDoubtful(link))) this.#add();
  }

  /** Closes what is not needed: what is not up first, and of equals the newest. */
  #cleanUp(): void {
    const { initial, idleTimeoutMs } = this.#options.pool;
    const kept = [...this.#links].filter(({ isRetired }) => !isRetired).reverse();
    let surplus = kept.length - initial;
    kept.sort((one, other) => Number(one.isUsable) - Number(other.isUsable));
    for (const link of kept) {
      if (surplus <= 0) return;
      if (link.isPrimary || !link.isIdle(idleTimeoutMs)) continue;
      surplus--;
      this.stats.retired++;
      link.retire();
    }
  }
}
