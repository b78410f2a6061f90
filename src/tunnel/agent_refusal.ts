/** Why an agent is not let in: in the words of AuthResponse, and the close code that follows. */
import { CloseCode } from "../core/close_codes.ts";
import { HUB_AGENT } from "../core/rights.ts";
import { LOGIN_REFUSALS, type LoginRefusalCode } from "../core/login_refusal.ts";
import type { LoginRefusal } from "../hub/login.ts";
import { retryWhenFull } from "../limits/connection_quota.ts";
import type { AuthResponse } from "../wire/frame_payloads.ts";

/** A refusal. */
export interface AgentRefusal {
  /** See the table of codes in docs/protocol-frames.md. */
  readonly code:
    | typeof LOGIN_REFUSALS[LoginRefusalCode]["word"]
    | "connection_limit_reached"
    | "name_taken"
    | "name_not_allowed"
    | "protocol_error";
  /** A sentence for people. */
  readonly message: string;
  readonly closeCode: CloseCode;
  readonly retryAfterMs: number | null;
}

/** Of somebody who showed no token. */
export const TOKEN_MISSING: LoginRefusal = {
  kind: "refused",
  code: "invalid_token",
  message: "A login is needed here: send a token",
  retryAfterMs: null,
};

/** Of somebody whose login was revoked while it was looked at. */
export const TOKEN_REVOKED: LoginRefusal = {
  kind: "refused",
  code: "invalid_token",
  message: "The login was revoked",
  retryAfterMs: null,
};

/** Of an agent that calls itself as the hub is called. */
export const NO_NAME_FOR_AGENTS: AgentRefusal = {
  code: "name_not_allowed",
  message: `No agent may be called ${JSON.stringify(HUB_AGENT)}: the hub itself is; give it another id`,
  closeCode: CloseCode.forbidden,
  retryAfterMs: null,
};

/** A refused login as an agent is told. */
export function loginRefusal({ code, message, retryAfterMs }: LoginRefusal): AgentRefusal {
  const { word, closeCode } = LOGIN_REFUSALS[code];
  return { code: word, closeCode, message, retryAfterMs };
}

/** A refused place, or connection, of an agent. */
export function placeRefusal(reason: "name_taken" | "too_many_connections", agentId: string): AgentRefusal {
  const quoted = JSON.stringify(agentId);
  if (reason === "too_many_connections") {
    return quotaRefusal(`Agent ${quoted} has as many connections as it may have`);
  }
  const message = `Agent ${quoted} is connected from elsewhere: give this one another id, or stop the other`;
  return { code: "name_taken", message, closeCode: CloseCode.replaced, retryAfterMs: null };
}

/** Of an agent, account or tenant that has as many connections as it may have. */
export function quotaRefusal(message: string): AgentRefusal {
  return {
    code: "connection_limit_reached",
    message,
    closeCode: CloseCode.rateLimited,
    retryAfterMs: retryWhenFull(),
  };
}

/** A login that does not keep to the protocol. */
export function protocolRefusal(message: string): AgentRefusal {
  return { code: "protocol_error", message, closeCode: CloseCode.protocolError, retryAfterMs: null };
}

/** What the agent is sent. */
export function refusalResponse({ code, message, retryAfterMs }: AgentRefusal): AuthResponse {
  return { ok: false, code, message, ...(retryAfterMs === null ? {} : { retryAfterMs }) };
}
