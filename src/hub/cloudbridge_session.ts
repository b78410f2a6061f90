/**
 * One client of the CloudBridge handshake: agrees with it on a version, lets it log in, answers its heartbeats, says
 * which destinations it may have reached for it, and goes on with frames where it asked for them. Whatever a client sends
 * is answered, in its order, never thrown; a client that keeps sending what cannot be understood is ended.
 */
import { CloseCode } from "../core/close_codes.ts";
import { LOGIN_REFUSALS } from "../core/login_refusal.ts";
import { isLoginName } from "../core/login_names.ts";
import type { Clock } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import type { EventOrigin } from "../core/security_event.ts";
import type { OutgoingMessage } from "../core/transport.ts";
import { FaultBudget } from "../limits/fault_budget.ts";
import { encodeHandshakeError, type HandshakeErrorCode } from "../wire/json_error.ts";
import {
  encodeJsonLine,
  type JsonLine,
  type JsonObject,
  MAX_JSON_LINE_BYTES,
  parseJsonLine,
} from "../wire/json_line.ts";
import { readTunnelInfo } from "./bridge_tunnel_info.ts";
import type { Connection } from "./connection.ts";
import type { FramesUser } from "./frames_user.ts";
import type { JsonControl, JsonUser } from "./json_user.ts";
import type { Login, LoginDesk, LoginOutcome } from "./login.ts";

/** What a session is made of. */
export interface CloudBridgeSessionOptions {
  readonly clock: Clock;
  /** Lines a minute that cannot be understood, before the connection is closed. */
  readonly maxMalformed: number;
  /** Decides who may come in; `null`: everybody may. */
  readonly logins: LoginDesk | null;
  readonly tunnels: BridgeTunnels;
}

/** What there is behind the handshake. */
export interface BridgeTunnels {
  /** Why a destination may not be reached for somebody, for people; `null`: it may. Does not reject. */
  refusalOf(
    destination: { readonly host: string; readonly port: number },
    asker: { readonly principal: Principal | null; readonly origin: EventOrigin },
  ): Promise<string | null>;
  /** Who takes the frames of a client that is logged in. */
  createFramesUser(guest: { readonly login: Login; readonly agentId: string }): FramesUser;
}

/** Tunnels that a client may name on one connection. */
export const MAX_BRIDGE_TUNNELS = 100;

/** The version that is spoken. Later minor versions of a client add to it and are answered with it. */
const VERSION = "1.0";
/** Clients name the version with and without the third number. */
const SUPPORTED_VERSION = /^1\.\d{1,5}(?:\.\d{1,5})?$/;
/** A version that can be repeated in an answer. */
const PRINTABLE_VERSION = /^[\w.+-]{1,20}$/;
/** What a client says that wants to go on with frames after its login. */
const FRAMES = "frames";
/** What of the handshake there is. */
const FEATURES: readonly string[] = ["auth", "heartbeat", "tunnel_info", FRAMES];
/** Of a name that a client chose, so much is repeated. */
const MAX_QUOTED_CHARACTERS = 40;

const HELLO_RESPONSE = jsonMessage({ type: "hello_response", version: VERSION, features: FEATURES });
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
  readonly #tunnels: BridgeTunnels;
  /** By the id that the client gave. */
  readonly #named = new Set<string>();
  #control: JsonControl | null = null;
  #hasGreeted = false;
  #wantsFrames = false;
  #isLoggingIn = false;

  constructor({ clock, maxMalformed, logins, tunnels }: CloudBridgeSessionOptions) {
    this.#clock = clock;
    this.#logins = logins;
    this.#tunnels = tunnels;
    this.#faults = new FaultBudget(maxMalformed);
  }

  attached(control: JsonControl): void {
    this.#control = control;
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
    if (!this.#hasGreeted) {
      return this.#refuse(connection, `Cannot take ${quoted(type)} yet: say hello first`);
    }
    return this.#handle(connection, type, line.object);
  }

  closing(): void {}

  #greet(connection: Connection, { version, features }: JsonObject): number {
    if (this.#hasGreeted) return this.#refuse(connection, "Cannot take a second hello");
    if (typeof version !== "string" || !SUPPORTED_VERSION.test(version)) {
      connection.close(CloseCode.policy, unsupported(version));
      return 1;
    }
    if (features !== undefined && !isListOfStrings(features)) {
      return this.#refuse(connection, "Cannot take the hello: features is not a list of strings");
    }
    this.#hasGreeted = true;
    this.#wantsFrames = features?.includes(FRAMES) === true;
    connection.send(HELLO_RESPONSE, "request");
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
        return this.#nameTunnel(connection, object);
      default:
        return this.#refuse(connection, `Cannot take a message of type ${quoted(type)}`);
    }
  }

  #authenticate(connection: Connection, { token, tenant_id: tenant }: JsonObject): number {
    if (typeof token !== "string" || token === "") {
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
      this.#welcome(connection);
      return 1;
    }
    if (this.#isLoggingIn) {
      return this.#refuse(connection, "Cannot take a second auth while the first is looked at");
    }
    this.#isLoggingIn = true;
    // What follows may be frames, which is known once the login is.
    if (this.#wantsFrames) this.#control?.hold();
    const request = connection.loginRequest({ token, tenant: tenant ?? null, via: "json_line" });
    this.#logins.login(request).then((outcome) => {
      this.#isLoggingIn = false;
      this.#finishLogin(connection, outcome);
    });
    return 1;
  }

  #finishLogin(connection: Connection, outcome: LoginOutcome): void {
    if (outcome.kind === "accepted") {
      const { login } = outcome;
      if (connection.login === null ? connection.authenticated(login) : connection.renew(login)) {
        this.#welcome(connection);
      }
      return;
    }
    const { code, message, retryAfterMs } = outcome;
    const error = { code: LOGIN_REFUSALS[code].word, message, retryAfterMs: retryAfterMs ?? undefined };
    connection.send(asMessage(encodeHandshakeError(error)), "request");
    if (this.#wantsFrames) this.#control?.resume();
  }

  #welcome(connection: Connection): void {
    const { id, login } = connection;
    const answer = { type: "auth_response", status: "ok", client_id: id };
    if (!this.#wantsFrames || this.#control === null || login === null) {
      connection.send(jsonMessage(answer), "request");
      return;
    }
    this.#control.hold();
    const user = this.#tunnels.createFramesUser({ login, agentId: id });
    this.#control.continueWithFrames(encodeJsonLine(answer), { user, login });
  }

  #nameTunnel(connection: Connection, object: JsonObject): number {
    const { principal } = connection;
    if (principal === null) return sendError(connection, "invalid_token", "Log in first");
    const info = readTunnelInfo(object, principal);
    if (!info.ok) return sendError(connection, "invalid_tunnel_info", info.message);
    const { id, host, port } = info;
    if (this.#named.size >= MAX_BRIDGE_TUNNELS && !this.#named.has(id)) {
      const message = `This connection has as many tunnels as it may have (${MAX_BRIDGE_TUNNELS})`;
      return sendError(connection, "tenant_limit_reached", message);
    }
    this.#control?.hold();
    this.#tunnels.refusalOf({ host, port }, connection).then((refusal) => {
      if (refusal === null) {
        this.#named.add(id);
        connection.send(jsonMessage({ type: "tunnel_response", status: "ok", tunnel_id: id }), "request");
      } else sendError(connection, "invalid_tunnel_info", refusal);
      this.#control?.resume();
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
  const encoded = { parts: [line], bytes: line.length };
  return { encodedFor: () => encoded };
}
