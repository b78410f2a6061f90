/**
 * The user of one connection of frames: lets its agent log in and gives it its place among the agents, then it is a
 * service like any other that speaks text messages, and its streams are taken by those who run tunnels. Until it is
 * logged in nothing of it is taken but its AuthRequest and heartbeats; an end in the middle of that leaves nothing.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { ClientCertificate } from "../core/client_certificate.ts";
import type { Logger } from "../core/ports.ts";
import { accountOf, DEFAULT_TENANT, type Principal } from "../core/principal.ts";
import type { EventOrigin } from "../core/security_event.ts";
import { HUB_AGENT } from "../core/rights.ts";
import { StreamCode } from "../core/stream_codes.ts";
import type { Connection, ConnectionUser } from "../hub/connection.ts";
import type { FramesUser } from "../hub/frames_user.ts";
import type { Login, LoginDesk, LoginOutcome } from "../hub/login.ts";
import { type ConnectionQuota, tooManyConnections } from "../limits/connection_quota.ts";
import type { OwnerFrame } from "../link/frames_transport.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { OpenRefusal, StreamMux, StreamRefusal } from "../link/stream_mux.ts";
import { encodeFrame } from "../wire/frame.ts";
import { type FrameFault, protocolFault } from "../wire/frame_header.ts";
import type { AuthRequest, GoAway, OpenStream, SharedOpen, TunnelResponse } from "../wire/frame_payloads.ts";
import { isWaiting, push, refuse, respond } from "./agent_answers.ts";
import type { AgentLimits, KnownPlace } from "./agent_place.ts";
import {
  type AgentRefusal,
  loginRefusal,
  NO_NAME_FOR_AGENTS,
  placeRefusal,
  protocolRefusal,
  quotaRefusal,
  refusalResponse,
  TOKEN_MISSING,
  TOKEN_REVOKED,
} from "./agent_refusal.ts";
import type { Agent, AgentConnection, AgentName, AgentSessions } from "./agent_sessions.ts";
import type { AgentLink, FrameServices } from "./frame_services.ts";

/** What a session works with. */
export interface AgentSessionOptions {
  /** What it logged in with before its first frame; `null`: it has to show a token, or a certificate. */
  readonly known: Login | null;
  /** What its connection was made with; `null`: none. */
  readonly certificate: ClientCertificate | null;
  /** Where `known` is let in without an AuthRequest; `null`: it has to send one. */
  readonly place: KnownPlace | null;
  readonly limits: AgentLimits;
  /** Decides who may come in; `null`: everybody may. */
  readonly logins: LoginDesk | null;
  readonly services: FrameServices;
  readonly logger: Logger;
  readonly sessions: AgentSessions;
  /** Takes its messages. */
  readonly messages: ConnectionUser;
  /** Told when it is logged in. */
  readonly joined: (session: AgentSession, tookOver: boolean) => void;
  /** Told when one that was logged in ends. */
  readonly left: (session: AgentSession) => void;
}

/** What it is once it is logged in. */
interface Membership {
  readonly agent: Agent;
  /** As it was let in: a login that is renewed does not change it. */
  readonly name: AgentName;
  /** Of the agent's process. */
  readonly session: string;
  readonly features: ReadonlySet<string>;
}

const LOGIN_NEEDED: FrameFault = {
  closeCode: CloseCode.unauthorized,
  message: "Log in first: send an AuthRequest and wait for its answer",
};
/** What an agent says in `features` that knows streams by refs. */
const REFS = "refs";
/** What an agent says in `features` that speaks text messages. */
const MESSAGES = "messages";

/** One connection of an agent. */
export class AgentSession implements FramesUser, AgentLink, AgentConnection {
  readonly maxMessageBytes: number;
  readonly #options: AgentSessionOptions;
  readonly #messages: ConnectionUser;
  #mux: StreamMux | null = null;
  #connection: Connection | null = null;
  #isLoggingIn = false;
  #membership: Membership | null = null;
  #isGoing = false;
  #isPeerGoing = false;

  constructor(options: AgentSessionOptions) {
    this.#options = options;
    this.#messages = options.messages;
    this.maxMessageBytes = options.messages.maxMessageBytes;
  }

  get id(): string {
    return this.#peer.id;
  }

  get name(): AgentName {
    return this.#member.name;
  }

  get principal(): Principal | null {
    return this.#peer.principal;
  }

  get origin(): EventOrigin {
    return this.#peer.origin;
  }

  get quota(): ConnectionQuota | null {
    return this.#peer.quota;
  }

  get session(): string {
    return this.#member.session;
  }

  get features(): ReadonlySet<string> {
    return this.#member.features;
  }

  get isUsable(): boolean {
    return !this.#isGoing && !this.#isPeerGoing && this.#mux !== null && !this.#mux.isStalled;
  }

  get streams(): number {
    return this.#mux?.size ?? 0;
  }

  get roundTripMs(): number | null {
    return this.#mux?.measured.roundTripMs ?? null;
  }

  /** Bytes of its streams that wait here, for either side. */
  get bufferedBytes(): number {
    return this.#mux === null ? 0 : this.#mux.unreadBytes + this.#mux.queuedBytes;
  }

  /** What its streams let the agent have on its way. */
  get windowBytes(): number {
    return this.#mux?.windowBytes ?? 0;
  }

  /** The account as metrics tell it; those of tenants have the tenant before them. */
  get accountLabel(): string {
    const { tenant, account } = this.name;
    return tenant === DEFAULT_TENANT ? account : `${tenant}/${account}`;
  }

  open(open: OpenStream | SharedOpen, consumer: StreamConsumer): Stream | OpenRefusal {
    if (this.#isGoing) return "going_away";
    return this.#mux?.open(open, consumer) ?? "closed";
  }

  tell(response: TunnelResponse): void {
    if (this.#connection !== null) push(this.#connection, encodeFrame({ kind: "tunnel_response", response }));
  }

  /** Takes no new streams from now on, and opens none. */
  goAway(goAway: GoAway): void {
    this.#isGoing = true;
    this.#mux?.goAway(goAway);
  }

  async isAlive(withinMs: number): Promise<boolean> {
    return this.#mux !== null && await this.#mux.ping(withinMs) !== null;
  }

  close(code: number, reason: string): void {
    this.#connection?.close(code, reason);
  }

  attached(mux: StreamMux): void {
    this.#mux = mux;
  }

  arrived(connection: Connection): void {
    this.#connection = connection;
    const { place, known } = this.#options;
    if (place !== null && known !== null) this.#takePlace(connection, known, place);
  }

  opened(connection: Connection): void {
    if (this.#speaksMessages) this.#messages.opened(connection);
  }

  renewed(connection: Connection): void {
    if (this.#speaksMessages) this.#messages.renewed?.(connection);
    this.#options.services.renewed?.(this);
  }

  loginExpires(connection: Connection, atMs: number): void {
    if (this.#speaksMessages) this.#messages.loginExpires?.(connection, atMs);
  }

  loginFault(): FrameFault | null {
    return this.#membership === null ? LOGIN_NEEDED : null;
  }

  receivedEarly(connection: Connection): number {
    connection.close(LOGIN_NEEDED.closeCode, LOGIN_NEEDED.message);
    return 1;
  }

  received(connection: Connection, data: Uint8Array, isBinary: boolean): number {
    if (this.#speaksMessages) return this.#messages.received(connection, data, isBinary);
    connection.close(CloseCode.protocolError, `A message came, but "${MESSAGES}" is none of the features`);
    return 1;
  }

  closing(connection: Connection): void {
    if (this.#membership === null) return;
    this.#options.sessions.leave(this.#membership.agent, this);
    if (this.#speaksMessages) this.#messages.closing(connection);
    this.#options.left(this);
  }

  accept(connection: Connection, stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal {
    if (this.#membership !== null) return this.#options.services.accept(stream, open, this);
    connection.close(LOGIN_NEEDED.closeCode, LOGIN_NEEDED.message);
    return { code: StreamCode.notAllowed, reason: LOGIN_NEEDED.message };
  }

  goingAway(): void {
    this.#isPeerGoing = true;
  }

  frame(connection: Connection, frame: OwnerFrame): FrameFault | null {
    if (frame.kind === "auth_request") return this.#authenticate(connection, frame.request);
    if (this.#membership === null) return LOGIN_NEEDED;
    switch (frame.kind) {
      case "register_tunnel":
        this.quota?.chargeMessage();
        this.#options.services.register(frame.request, this);
        return null;
      case "unregister_tunnel":
        this.quota?.chargeMessage();
        this.#options.services.unregister(frame.request, this);
        return null;
      case "datagram":
        // Of a tunnel that is not there; datagrams are never answered.
        return null;
      case "auth_response":
      case "tunnel_response":
        return protocolFault("Only hubs answer logins and tunnels");
    }
  }

  get #peer(): Connection {
    if (this.#connection === null) throw new TypeError("Cannot tell of a connection that is not there yet");
    return this.#connection;
  }

  get #member(): Membership {
    if (this.#membership === null) throw new TypeError("Cannot tell of an agent that is not logged in");
    return this.#membership;
  }

  get #speaksMessages(): boolean {
    return this.#membership?.features.has(MESSAGES) === true;
  }

  #authenticate(connection: Connection, request: AuthRequest): FrameFault | null {
    if (this.#membership !== null) {
      this.#renew(connection, request, this.#membership);
    } else if (this.#isLoggingIn) {
      return protocolFault("A second AuthRequest came before the first was answered");
    } else {
      this.#isLoggingIn = true;
      this.#logIn(connection, request).finally(() => this.#isLoggingIn = false);
    }
    return null;
  }

  async #logIn(connection: Connection, request: AuthRequest): Promise<void> {
    const outcome = await this.#identify(connection, request);
    if (!isWaiting(connection)) return;
    if (outcome.kind === "refused") return refuse(connection, loginRefusal(outcome));
    const { principal } = outcome.login;
    const { agentId, session, resume = null } = request;
    const full = connection.reserve(principal);
    if (full !== null) return refuse(connection, quotaRefusal(tooManyConnections(full)));
    if (agentId === HUB_AGENT) return refuse(connection, NO_NAME_FOR_AGENTS);
    const name = { tenant: principal.tenant, account: accountOf(principal), agentId };
    const { sessions } = this.#options;
    const admission = await sessions.admit({ ...name, session, resume, connection: this });
    if (admission.kind === "refused") return refuse(connection, placeRefusal(admission.reason, agentId));
    // It may have ended, or lost its login, while the one before it was asked whether it lives.
    const now = outcome.login.reevaluate();
    if (!isWaiting(connection) || now.kind === "ended") {
      sessions.leave(admission.agent, this);
      return refuse(connection, loginRefusal(TOKEN_REVOKED));
    }
    const features = new Set(request.features);
    const member = { agent: admission.agent, name, session, features };
    this.#join(member, admission.tookOver);
    this.#welcome(connection, member);
    this.#enter(connection, now.login);
  }

  /** Is let in at once, under an id that nobody else has; it was told so already. */
  #takePlace(connection: Connection, known: Login, { agentId, session, features }: KnownPlace): void {
    const now = known.reevaluate();
    if (now.kind === "ended") return connection.close(CloseCode.unauthorized, TOKEN_REVOKED.message);
    const { principal } = now.login;
    const full = connection.reserve(principal);
    if (full !== null) return connection.closeAsFull(full);
    const name = { tenant: principal.tenant, account: accountOf(principal), agentId };
    const newcomer = { ...name, session, resume: null, connection: this };
    const { agent } = this.#options.sessions.admitNew(newcomer);
    this.#join({ agent, name, session, features: new Set(features) }, false);
    this.#enter(connection, now.login);
  }

  /** Who it is: by its token, or for the first time by what it showed before its first frame. */
  async #identify(connection: Connection, { token, tenant: named }: AuthRequest): Promise<LoginOutcome> {
    const tenant = named ?? null;
    const { logins, known, certificate } = this.#options;
    if (logins !== null && token !== undefined) {
      return await logins.login(connection.loginRequest({ token, tenant, via: "frame" }));
    }
    if (logins !== null && connection.login !== null) return TOKEN_MISSING;
    if (known !== null) return { kind: "accepted", login: known };
    const { id: connectionId, transport: { peer: { ip } } } = connection;
    return logins?.loginByCertificate({ certificate, ip, connectionId, tenant }) ?? TOKEN_MISSING;
  }

  #join(member: Membership, tookOver: boolean): void {
    this.#membership = member;
    if (this.#mux !== null) this.#mux.payer = this.quota;
    if (member.features.has(REFS)) this.#mux?.opens.allowRefs();
    this.#options.joined(this, tookOver);
    const { tenant, account, agentId } = member.name;
    const who = { agent: agentId, account, tenant, connection: this.id };
    if (tookOver) this.#options.logger.info("An agent took the place of another session", who);
    else this.#options.logger.debug("An agent is connected", who);
  }

  #enter(connection: Connection, login: Login): void {
    // Its greeting stands before all that its login may have to be told.
    if (this.#speaksMessages) this.#messages.arrived?.(connection);
    connection.authenticated(login);
  }

  #welcome(connection: Connection, { agent, name: { tenant, account, agentId } }: Membership): void {
    respond(connection, {
      ok: true,
      connectionId: connection.id,
      agentId,
      accountId: account,
      tenant,
      resume: agent.resume,
      limits: { ...this.#options.limits },
    });
  }

  /** A refused renewal leaves everything as it is. */
  async #renew(connection: Connection, request: AuthRequest, member: Membership): Promise<void> {
    const answer = (refusal: AgentRefusal) => respond(connection, refusalResponse(refusal));
    if (request.agentId !== member.name.agentId || request.session !== member.session) {
      return answer(protocolRefusal("A login is renewed for the same agent and session only"));
    }
    if (this.#isLoggingIn) {
      return answer(protocolRefusal("Cannot log in: another login of this connection is being looked at"));
    }
    this.#isLoggingIn = true;
    const outcome = await this.#identify(connection, request);
    this.#isLoggingIn = false;
    if (connection.login === null) return;
    if (outcome.kind === "refused") return answer(loginRefusal(outcome));
    if (this.#options.logins !== null) connection.renew(outcome.login);
    this.#welcome(connection, member);
  }
}
