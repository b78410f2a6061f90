/**
 * One client of the CloudBridge handshake: agrees with it on a version, lets it log in, answers its heartbeats and its
 * tunnels, and lets it go on with frames where both sides want that. Whatever a client sends is answered, never thrown;
 * a client that keeps sending what cannot be understood is ended.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { ClientCertificate } from "../core/client_certificate.ts";
import { LOGIN_REFUSALS } from "../core/login_refusal.ts";
import { isLoginName } from "../core/login_names.ts";
import type { Clock } from "../core/ports.ts";
import type { Encoded, OutgoingMessage } from "../core/transport.ts";
import { FaultBudget } from "../limits/fault_budget.ts";
import { encodeHandshakeError, type HandshakeErrorCode } from "../wire/json_error.ts";
import {
  encodeJsonLine,
  type JsonLine,
  type JsonObject,
  MAX_JSON_LINE_BYTES,
  parseJsonLine,
} from "../wire/json_line.ts";
import { CloudBridgeTunnels, type EgressDesk } from "./cloudbridge_tunnels.ts";
import type { Connection } from "./connection.ts";
import type { FramesMember, FramesPlace, JsonUser, JsonWire } from "./json_user.ts";
import type { Login, LoginDesk, LoginOutcome } from "./login.ts";

/** What a session is made of. */
export interface CloudBridgeSessionOptions {
  readonly clock: Clock;
  /** Lines a minute that cannot be understood, before the connection is closed. */
  readonly maxMalformed: number;
  /** Decides who may come in; `null`: everybody may. */
  readonly logins: LoginDesk | null;
  /** What its connection was made with; `null`: none. */
  readonly certificate: ClientCertificate | null;
  /** Says where the hub would connect to. */
  readonly egress: EgressDesk;
  /** Makes a place for somebody who goes on with frames; `null` where nobody may. */
  readonly frames: ((member: FramesMember) => FramesPlace) | null;
}

/** The version that is spoken. Later minor versions of a client add to it and are answered with it. */
const VERSION = "1.0";
/** Clients name the version with and without the third number. */
const SUPPORTED_VERSION = /^1\.\d{1,5}(?:\.\d{1,5})?$/;
/** A version that can be repeated in an answer. */
const PRINTABLE_VERSION = /^[\w.+-]{1,20}$/;
/** What of the handshake there is everywhere. */
const FEATURES: readonly string[] = ["auth", "heartbeat", "tunnel_info"];
/** The feature that changes the protocol behind the login. */
const FRAMES = "frames";
/** What an agent may say that it can. */
const AGENT_FEATURES: ReadonlySet<string> = new Set(["messages", "streams", "refs"]);
/** Of a name that a client chose, so much is repeated. */
const MAX_QUOTED_CHARACTERS = 40;

const HEARTBEAT_RESPONSE = jsonMessage({ type: "heartbeat_response" });

/** Why a line is not understood. */
const PROBLEMS: Readonly<Record<Extract<JsonLine, { kind: "invalid" }>["problem"], string>> = {
  encoding: "it is not UTF-8",
  syntax: "it is not JSON",
  not_object: "it is not an object",
};

/** A connection that speaks the CloudBridge handshake. */
export class CloudBridgeSession implements JsonUser {
  readonly maxMessageBytes = MAX_JSON_LINE_BYTES;
  readonly #clock: Clock;
  readonly #faults: FaultBudget;
  readonly #logins: LoginDesk | null;
  readonly #certificate: ClientCertificate | null;
  readonly #tunnels: CloudBridgeTunnels;
  readonly #frames: CloudBridgeSessionOptions["frames"];
  #wire: JsonWire | null = null;
  /** What the client said that it can; `null` until it said hello. */
  #features: readonly string[] | null = null;
  #isLoggingIn = false;

  constructor({ clock, maxMalformed, logins, certificate, egress, frames }: CloudBridgeSessionOptions) {
    this.#clock = clock;
    this.#logins = logins;
    this.#certificate = certificate;
    this.#faults = new FaultBudget(maxMalformed);
    this.#tunnels = new CloudBridgeTunnels(egress);
    this.#frames = frames;
  }

  attached(wire: JsonWire): void {
    this.#wire = wire;
  }

  /** The client speaks first. */
  opened(): void {}

  receivedEarly(connection: Connection, data: Uint8Array): number {
    return this.received(connection, data);
  }

  received(connection: Connection, data: Uint8Array): number {
    const line = parseJsonLine(data);
    if (line.kind === "invalid") {
      return this.#refuse(connection, `Cannot read the line: ${PROBLEMS[line.problem]}`);
    }
    const { type } = line.object;
    if (typeof type !== "string") {
      return this.#refuse(connection, "Cannot read the message: it has no type");
    }
    if (type === "hello") return this.#greet(connection, line.object);
    if (this.#features === null) {
      return this.#refuse(connection, `Cannot take ${quoted(type)} yet: say hello first`);
    }
    return this.#handle(connection, type, line.object);
  }

  closing(): void {}

  #greet(connection: Connection, { version, features = [] }: JsonObject): number {
    if (this.#features !== null) return this.#refuse(connection, "Cannot take a second hello");
    if (typeof version !== "string" || !SUPPORTED_VERSION.test(version)) {
      connection.close(CloseCode.policy, unsupported(version));
      return 1;
    }
    if (!isListOfStrings(features)) {
      return this.#refuse(connection, "Cannot take the hello: features is not a list of strings");
    }
    this.#features = features;
    const own = this.#frames === null ? FEATURES : [...FEATURES, FRAMES];
    connection.send(jsonMessage({ type: "hello_response", version: VERSION, features: own }), "request");
    return 1;
  }

  #handle(connection: Connection, type: string, object: JsonObject): number {
    switch (type) {
      case "heartbeat":
        connection.send(HEARTBEAT_RESPONSE, "request");
        return 1;
      case "auth":
        return this.#authenticate(connection, object);
      case "tunnel_info":
        if (connection.login === null) return sendError(connection, "invalid_token", "Log in first");
        return this.#announce(connection, object);
      default:
        return this.#refuse(connection, `Cannot take a message of type ${quoted(type)}`);
    }
  }

  #authenticate(connection: Connection, { token, tenant_id: tenant }: JsonObject): number {
    const hasToken = typeof token === "string" && token !== "";
    if (!hasToken && (this.#certificate === null || token !== undefined)) {
      return this.#refuse(connection, "Cannot take the auth: it has no token");
    }
    if (tenant !== undefined && !isLoginName(tenant)) {
      return sendError(
        connection,
        "invalid_tenant",
        "Cannot take the auth: tenant_id is no name of a tenant",
      );
    }
    if (this.#logins === null) {
      if (connection.login !== null) this.#letIn(connection, connection.login);
      return 1;
    }
    if (this.#isLoggingIn) {
      return this.#refuse(connection, "Cannot take a second auth while the first is looked at");
    }
    if (!hasToken) return this.#loginByCertificate(connection, this.#logins, tenant ?? null);
    this.#isLoggingIn = true;
    // What comes behind is lines or frames: that is known when the login is looked at.
    if (this.#wantsFrames) this.#wire?.hold();
    const request = connection.loginRequest({ token, tenant: tenant ?? null, via: "json_line" });
    this.#logins.login(request).then((outcome) => {
      this.#isLoggingIn = false;
      this.#finishLogin(connection, outcome);
    });
    return 1;
  }

  /** A client that sends no token is known by its certificate; once it is logged in, only a token renews that. */
  #loginByCertificate(connection: Connection, logins: LoginDesk, tenant: string | null): number {
    const { id: connectionId, transport: { peer: { ip } } } = connection;
    const certificate = connection.login === null ? this.#certificate : null;
    const outcome = logins.loginByCertificate({ certificate, ip, connectionId, tenant });
    if (outcome === null) {
      return sendError(connection, "invalid_token", "A login is needed here: send a token");
    }
    if (this.#wantsFrames) this.#wire?.hold();
    this.#finishLogin(connection, outcome);
    return 1;
  }

  get #wantsFrames(): boolean {
    return this.#frames !== null && this.#features?.includes(FRAMES) === true;
  }

  #finishLogin(connection: Connection, outcome: LoginOutcome): void {
    if (outcome.kind === "accepted") {
      this.#letIn(connection, outcome.login);
      return;
    }
    const { code, message, retryAfterMs } = outcome;
    const error = { code: LOGIN_REFUSALS[code].word, message, retryAfterMs: retryAfterMs ?? undefined };
    connection.send(asMessage(encodeHandshakeError(error)), "request");
    if (this.#wantsFrames) this.#wire?.release();
  }

  #letIn(connection: Connection, login: Login): void {
    if (this.#wantsFrames) {
      this.#becomeFrames(connection, login);
    } else if (login === connection.login) {
      welcome(connection);
    } else if (connection.login === null ? connection.authenticated(login) : connection.renew(login)) {
      welcome(connection);
    }
  }

  #becomeFrames({ id, state }: Connection, login: Login): void {
    if (this.#frames === null || (state.name !== "authenticating" && state.name !== "open")) return;
    const features = this.#features?.filter((feature) => AGENT_FEATURES.has(feature)) ?? [];
    const { user, session, limits } = this.#frames({ id, login, features });
    const answer = { type: "auth_response", status: "ok", client_id: id, session, limits };
    this.#wire?.becomeFrames(encoded(encodeJsonLine(answer)), user);
  }

  /** Whatever has to be found out about a tunnel, answers stay in the order of the lines. */
  #announce(connection: Connection, object: JsonObject): number {
    this.#wire?.hold();
    this.#tunnels.announce(object, connection).then((answer) => {
      if (answer.kind === "error") sendError(connection, answer.code, answer.message);
      else {
        const response = { type: "tunnel_response", status: "ok", tunnel_id: answer.tunnelId };
        connection.send(jsonMessage(response), "request");
      }
      this.#wire?.release();
    });
    return 1;
  }

  /** Answers what cannot be understood, and counts it. */
  #refuse(connection: Connection, message: string): number {
    if (!this.#faults.spend(this.#clock.now())) {
      connection.close(CloseCode.policy, "Too many lines that cannot be understood");
      return 1;
    }
    return sendError(connection, "unknown_message_type", message);
  }
}

function welcome(connection: Connection): number {
  connection.send(jsonMessage({ type: "auth_response", status: "ok", client_id: connection.id }), "request");
  return 1;
}

/** Sends an error after which the connection stays; gives what that costs. */
function sendError(connection: Connection, code: HandshakeErrorCode, message: string): number {
  connection.send(asMessage(encodeHandshakeError({ code, message })), "request");
  return 1;
}

function unsupported(version: unknown): string {
  const isPrintable = typeof version === "string" && PRINTABLE_VERSION.test(version);
  return `Cannot speak ${isPrintable ? `version ${version}` : "that version"}: supported is ${VERSION}`;
}

function isListOfStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, MAX_QUOTED_CHARACTERS));
}

function jsonMessage(object: JsonObject): OutgoingMessage {
  return asMessage(encodeJsonLine(object));
}

/** A line, which is what every connection of such a session speaks. */
function asMessage(line: Uint8Array): OutgoingMessage {
  const message = encoded(line);
  return { encodedFor: () => message };
}

function encoded(line: Uint8Array): Encoded {
  return { parts: [line], bytes: line.length };
}
