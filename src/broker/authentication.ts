/**
 * `system.authenticate`: how somebody logs in by message, for the first time or again. One login of a connection is
 * looked at at a time, and whoever asks is answered when it is decided. Who is not logged in yet is told to wait for
 * that; who logs in again goes on with what he has meanwhile.
 */
import { z } from "zod";
import { MAX_TOKEN_LENGTH } from "../core/login_limits.ts";
import { isLoginName } from "../core/login_names.ts";
import type { Connection } from "../hub/connection.ts";
import type { LoginRefusalCode } from "../core/login_refusal.ts";
import type { Login, LoginDesk, LoginRefusal } from "../hub/login.ts";
import type { BrokerError, BrokerErrorCode } from "./broker_error.ts";
import { readPayload } from "./system_payloads.ts";
import type { SystemResult } from "./system_handler.ts";

/** The topic. */
export const AUTHENTICATE = "system.authenticate";

const tokenError = `it has to be a text of 1 to ${MAX_TOKEN_LENGTH} characters`;
const payloadSchema = z.object({
  token: z.string({ error: tokenError }).min(1, { error: tokenError })
    .max(MAX_TOKEN_LENGTH, { error: tokenError }),
  tenant: z.string({ error: "it has to be a text" }).refine(isLoginName, {
    error: "it is no name of a tenant",
  })
    .optional(),
});

const CODES: Readonly<Record<LoginRefusalCode, BrokerErrorCode>> = {
  invalid_token: "UNAUTHORIZED",
  tenant_required: "UNAUTHORIZED",
  invalid_tenant: "UNAUTHORIZED",
  rate_limited: "RATE_LIMITED",
  unavailable: "SERVICE_UNAVAILABLE",
  overloaded: "SERVICE_UNAVAILABLE",
};

/** What somebody who may do nothing yet is told. */
export const LOGIN_NEEDED: BrokerError = {
  code: "UNAUTHORIZED",
  message: `Log in first: send a request to ${AUTHENTICATE} and wait for its answer`,
};

/** The logins of one connection. */
export class Authentication {
  readonly #desk: LoginDesk | null;
  #isLoggingIn = false;

  /** `desk`: decides who may come in; `null`: everybody may. */
  constructor(desk: LoginDesk | null) {
    this.#desk = desk;
  }

  /** Looks at a request. */
  async handle(payload: Uint8Array, connection: Connection): Promise<SystemResult> {
    const read = readPayload(payloadSchema, payload);
    if (!read.ok) return { kind: "error", error: read.error };
    if (this.#desk === null) return accepted(connection.login);
    if (this.#isLoggingIn) return busy();
    this.#isLoggingIn = true;
    const { token, tenant = null } = read.payload;
    const outcome = await this.#desk.login(connection.loginRequest({ token, tenant, via: "message" }))
      .finally(() => this.#isLoggingIn = false);
    if (outcome.kind === "refused") return { kind: "error", error: errorOf(outcome) };
    const { login } = outcome;
    const isTaken = connection.login === null ? connection.authenticated(login) : connection.renew(login);
    return accepted(isTaken ? login : null);
  }
}

/** `null`: the connection ends, so that nobody hears this. */
function accepted(login: Login | null): SystemResult {
  if (login === null) return { kind: "error", error: LOGIN_NEEDED };
  const { subject, tenant, expiresAtMs } = login.principal;
  const expiresAt = expiresAtMs === null ? null : new Date(expiresAtMs).toISOString();
  return { kind: "answer", answer: { subject, tenant, expiresAt, status: "success" } };
}

function errorOf({ code, message, retryAfterMs }: LoginRefusal): BrokerError {
  const details = { reason: code, ...(retryAfterMs === null ? {} : { retryAfterMs }) };
  return { code: CODES[code], message, details };
}

function busy(): SystemResult {
  const message = "Cannot log in: another login of this connection is being looked at";
  return { kind: "error", error: { code: "INVALID_REQUEST", message } };
}
