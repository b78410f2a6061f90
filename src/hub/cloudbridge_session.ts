/**
 * One client of the CloudBridge handshake: agrees with it on a version, lets it log in, answers its heartbeats, and
 * says of the rest that it is not part of this version. Whatever a client sends is answered, never thrown; a client that
 * keeps sending what cannot be understood is ended.
 */
import { CloseCode } from "../core/close_codes.ts";
import { LOGIN_REFUSALS } from "../core/login_refusal.ts";
import { isLoginName } from "../core/login_names.ts";
import type { Clock } from "../core/ports.ts";
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
import type { Connection, ConnectionUser } from "./connection.ts";
import type { LoginDesk, LoginOutcome } from "./login.ts";

/** What a session is made of. */
export interface CloudBridgeSessionOptions {
  readonly clock: Clock;
  /** Lines a minute that cannot be understood, before the connection is closed. */
  readonly maxMalformed: number;
  /** Decides who may come in; `null`: everybody may. */
  readonly logins: LoginDesk | null;
}

/** The version that is spoken. Later minor versions of a client add to it and are answered with it. */
const VERSION = "1.0";
/** Clients name the version with and without the third number. */
const SUPPORTED_VERSION = /^1\.\d{1,5}(?:\.\d{1,5})?$/;
/** A version that can be repeated in an answer. */
const PRINTABLE_VERSION = /^[\w.+-]{1,20}$/;
/** What of the handshake there is. */
const FEATURES: readonly string[] = ["auth", "heartbeat"];
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
export class CloudBridgeSession implements ConnectionUser {
  readonly maxMessageBytes = MAX_JSON_LINE_BYTES;
  readonly #clock: Clock;
  readonly #faults: FaultBudget;
  readonly #logins: LoginDesk | null;
  #hasGreeted = false;
  #isLoggingIn = false;

  constructor({ clock, maxMalformed, logins }: CloudBridgeSessionOptions) {
    this.#clock = clock;
    this.#logins = logins;
    this.#faults = new FaultBudget(maxMalformed);
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
        if (connection.login === null) return sendError(connection, "invalid_token", "Log in first");
        return sendError(connection, "server_unavailable", "Tunnels are not part of this version");
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
    if (this.#logins === null) return welcome(connection);
    if (this.#isLoggingIn) {
      return this.#refuse(connection, "Cannot take a second auth while the first is looked at");
    }
    this.#isLoggingIn = true;
    const request = connection.loginRequest({ token, tenant: tenant ?? null, via: "json_line" });
    this.#logins.login(request).then((outcome) => {
      this.#isLoggingIn = false;
      finishLogin(connection, outcome);
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

function finishLogin(connection: Connection, outcome: LoginOutcome): void {
  if (outcome.kind === "accepted") {
    const { login } = outcome;
    if (connection.login === null ? connection.authenticated(login) : connection.renew(login)) {
      welcome(connection);
    }
    return;
  }
  const { code, message, retryAfterMs } = outcome;
  const error = { code: LOGIN_REFUSALS[code].word, message, retryAfterMs: retryAfterMs ?? undefined };
  connection.send(asMessage(encodeHandshakeError(error)), "request");
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

function isListOfStrings(value: unknown): boolean {
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
