/**
 * One peer of the hub: who it is, how it speaks and what it still has to get. It knows nothing of rooms,
 * topics or tunnels. Its state changes in one place, and whoever listens hears of its end exactly once.
 */
import type { ClientCertificate } from "../core/client_certificate.ts";
import { CloseCode } from "../core/close_codes.ts";
import type { Channel, PushResult, SlowConsumerPolicy } from "../core/delivery.ts";
import type { Clock } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import type { EventOrigin } from "../core/security_event.ts";
import type { OutgoingMessage, TransportKind } from "../core/transport.ts";
import { ConnectionQuota, retryWhenFull, tooManyConnections } from "../limits/connection_quota.ts";
import type { QuotaRefusal } from "../limits/quota_scope.ts";
import type { QuotaManager } from "../limits/quota_manager.ts";
import type { LinkStats } from "../link/link_stats.ts";
import type { QueueLane } from "../link/lane.ts";
import type { OutboxOwner } from "../link/outbox.ts";
import type { CloseOptions, Transport, TransportOwner } from "../link/transport.ts";
import { type ConnectionEvent, type ConnectionState, nextState } from "./connection_state.ts";
import type { Login, LoginRequest } from "./login.ts";
import type { LoginHolder, LoginWatch } from "./login_watch.ts";

/** What a connection is made of. */
export interface ConnectionOptions {
  /** Unique in this process. */
  readonly id: string;
  readonly user: ConnectionUser;
  readonly stats: LinkStats;
  readonly clock: Clock;
  /** What its peer was let in with, verified; `null`: nothing. */
  readonly admittedBy: ClientCertificate | null;
  /** Watches the times of logins; `null` where nobody has to log in. */
  readonly watch: LoginWatch<Connection> | null;
  /** Decides how much each may use; `null`: everybody as much as there is. */
  readonly quotas: QuotaManager | null;
  /** Told when the socket is gone. */
  readonly onClosed: (connection: Connection) => void;
}

/** Who uses connections: takes their messages, hears of their end. */
export interface ConnectionUser {
  readonly maxMessageBytes: number;
  /** The transport is ready; whoever it is may still have to log in. */
  arrived?(connection: Connection): void;
  /** A message of somebody who did not log in yet; gives the number of deliveries. Left out: it is thrown away. */
  receivedEarly?(connection: Connection, data: Uint8Array, isBinary: boolean): number;
  /** Somebody logged in, or need not: it is in use from now on. */
  opened(connection: Connection): void;
  /** The login was renewed: its rights may be others. */
  renewed?(connection: Connection): void;
  /** The login runs out at this time, in milliseconds since 1970. */
  loginExpires?(connection: Connection, atMs: number): void;
  /** A message came; gives the number of deliveries that it caused. */
  received(connection: Connection, data: Uint8Array, isBinary: boolean): number;
  /** It takes nothing more: leave rooms, unsubscribe. Called once. */
  closing(connection: Connection): void;
}

/** One connected peer. */
export class Connection implements TransportOwner, OutboxOwner, LoginHolder {
  readonly id: string;
  readonly transport: Transport;
  /** What it may use; `null` before it is let in. */
  quota: ConnectionQuota | null = null;
  readonly #quotas: QuotaManager | null;
  /** What its peer was let in with, verified; `null`: nothing. */
  readonly admittedBy: ClientCertificate | null;
  readonly #user: ConnectionUser;
  readonly #stats: LinkStats;
  readonly #clock: Clock;
  readonly #watch: LoginWatch<Connection> | null;
  readonly #onClosed: (connection: Connection) => void;
  /** Messages that its outbox dropped because it was too slow. */
  lost = 0;
  #state: ConnectionState;

  /** `connect` makes the transport, which tells the connection what happens on it. */
  constructor(options: ConnectionOptions, connect: (connection: Connection) => Transport) {
    const { id, user, stats, clock, watch, quotas, onClosed } = options;
    this.id = id;
    this.admittedBy = options.admittedBy;
    this.#user = user;
    this.#stats = stats;
    this.#clock = clock;
    this.#watch = watch;
    this.#quotas = quotas;
    this.#onClosed = onClosed;
    this.#state = { name: "opening", sinceMs: clock.now() };
    this.transport = connect(this);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Who stands behind it; `null` unless it is open. */
  get principal(): Principal | null {
    return this.login?.principal ?? null;
  }

  /** What it logged in with; `null` unless it is open. */
  get login(): Login | null {
    return this.#state.name === "open" ? this.#state.login : null;
  }

  /** Whom an event of security is about that happens here. */
  get origin(): EventOrigin {
    return { address: this.transport.peer.ip, connectionId: this.id, who: this.principal };
  }

  /** How it speaks. */
  get kind(): TransportKind {
    return this.transport.kind;
  }

  /** Bytes that it still has to get, those in its socket included. */
  get heldBytes(): number {
    return this.transport.outbox.heldBytes;
  }

  /** The transport is ready. Who brings a login, or whom the user knows, is let in; who does not has some time for it. */
  transportReady(login: Login | null): void {
    if (!this.#move({ type: "transport_ready" })) return;
    this.#user.arrived?.(this);
    if (login !== null) this.authenticated(login);
    else if (this.#state.name === "authenticating") this.#watch?.waits(this);
  }

  /** What its peer shows to be let in, or to stay. */
  loginRequest({ token, tenant, via }: Pick<LoginRequest, "token" | "tenant" | "via">): LoginRequest {
    const isGone = () => this.#state.name === "draining" || this.#state.name === "closed";
    const { id: connectionId, admittedBy: certificate, login: renews, transport: { peer: { ip } } } = this;
    return { token, tenant, via, ip, connectionId, certificate, renews, isGone };
  }

  /** Takes its place among the connections of who pays for it; says what is full. It leaves at the end. */
  reserve(principal: Principal): QuotaRefusal | null {
    const isWaiting = this.#state.name === "opening" || this.#state.name === "authenticating";
    if (this.#quotas === null || this.quota !== null || !isWaiting) return null;
    const quota = this.#quotas.enter(principal);
    if (!(quota instanceof ConnectionQuota)) return quota;
    this.quota = quota;
    quota.onPaced = (paces) => this.transport.pace(paces);
    if (quota.paces !== null) this.transport.pace(quota.paces);
    return null;
  }

  /**
   * The login succeeded (or none is asked for): it is in use from now on. `false`: it is not waited for, or there are as
   * many connections as there may be.
   */
  authenticated(login: Login): boolean {
    const refusal = this.reserve(login.principal);
    if (refusal !== null) {
      this.closeAsFull(refusal);
      return false;
    }
    if (!this.#move({ type: "authenticated", login })) return false;
    this.#watch?.loggedIn(this, login);
    this.#user.opened(this);
    return true;
  }

  /** There are as many connections as there may be: it may come again later. */
  closeAsFull(refusal: QuotaRefusal): void {
    this.close(CloseCode.rateLimited, tooManyConnections(refusal), { retryAfterMs: retryWhenFull() });
  }

  /** The same somebody logged in again. `false`: nobody is logged in. */
  renew(login: Login): boolean {
    if (!this.#move({ type: "renewed", login })) return false;
    if (this.quota !== null) this.#quotas?.renew(this.quota, login.principal);
    this.#watch?.loggedIn(this, login);
    this.#user.renewed?.(this);
    return true;
  }

  loginExpires(atMs: number): void {
    this.#user.loginExpires?.(this, atMs);
  }

  received(data: Uint8Array, isBinary: boolean): number {
    const { name } = this.#state;
    if (name === "open") return this.#user.received(this, data, isBinary);
    return name === "authenticating" ? this.#user.receivedEarly?.(this, data, isBinary) ?? 0 : 0;
  }

  /** Queues a message. What a connection that ends is sent is refused as `closed`. */
  send(message: OutgoingMessage, lane: QueueLane): PushResult {
    if (this.#state.name !== "open" && this.#state.name !== "authenticating") return "closed";
    const encoded = message.encodedFor(this.kind);
    return this.#count(this.transport.outbox.push(lane, encoded), encoded.bytes);
  }

  /** Queues a publish; a connection that is too slow for it gets what the channel's policy says. */
  publish(message: OutgoingMessage, channel: Channel): PushResult {
    if (this.#state.name !== "open") return "closed";
    const encoded = message.encodedFor(this.kind);
    return this.#count(this.transport.outbox.publish(encoded, channel), encoded.bytes);
  }

  /** Whether a publish would be queued without anything being dropped for it. */
  hasRoomFor(message: OutgoingMessage): boolean {
    return this.transport.outbox.hasRoomFor(message.encodedFor(this.kind));
  }

  /** Whether so few publishes wait that what is in no hurry may be queued too. */
  get hasSpareRoom(): boolean {
    return this.#state.name === "open" && this.transport.outbox.hasSpareRoom;
  }

  /** Calls back once, when there is spare room again; the last call counts. */
  whenSpare(run: () => void): void {
    this.transport.outbox.whenSpare(run);
  }

  /** Says goodbye; see {@link CloseCode}. Of no effect on a connection that ends already. */
  close(code: number, reason: string, options: CloseOptions = {}): void {
    this.transport.close(code, reason, options);
  }

  overflow(): void {
    this.close(CloseCode.slowConsumer, "Too slow to take what it is sent");
  }

  evict(): void {
    this.overflow();
    this.transport.destroy();
  }

  dropped(policy: SlowConsumerPolicy, messages: number): void {
    this.lost += messages;
    if (policy !== "close") this.#stats.dropped[policy] += messages;
  }

  /** The transport says that a goodbye began, from either side. */
  transportClosing(code: number, reason: string): void {
    if (!this.#move({ type: "closing", code, reason })) return;
    this.#watch?.left(this);
    this.#user.closing(this);
    this.quota?.leave();
  }

  /** The transport says that the socket is gone. */
  transportClosed(): void {
    this.transportClosing(CloseCode.abnormal, "");
    if (this.#move({ type: "closed", code: CloseCode.abnormal, reason: "" })) this.#onClosed(this);
  }

  #count(result: PushResult, bytes: number): PushResult {
    if (result === "queued") {
      this.#stats.messagesSent++;
      this.#stats.bytesSent += bytes;
    } else if (result === "full") {
      this.#stats.dropped.slow_consumer++;
    }
    return result;
  }

  #move(event: ConnectionEvent): boolean {
    const next = nextState(this.#state, event, this.#clock.now());
    if (next === null) return false;
    this.#state = next;
    return true;
  }
}
