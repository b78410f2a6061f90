/**
 * Why somebody is not let in, and how each protocol says it: one table, so that all transports tell the same.
 */
import { CloseCode } from "./close_codes.ts";

/** How a refusal is said. */
interface RefusalWords {
  /** In JSON lines and in AuthResponse. */
  readonly word: string;
  readonly closeCode: CloseCode;
  /** Of HTTP (RFC 9110, section 15). */
  readonly status: 401 | 429 | 503;
}

const UNAUTHORIZED = { closeCode: CloseCode.unauthorized, status: 401 } as const;
const UNAVAILABLE = { closeCode: CloseCode.draining, status: 503 } as const;

/** Every refusal, as somebody who is refused may know it. */
export const LOGIN_REFUSALS = {
  invalid_token: { word: "invalid_token", ...UNAUTHORIZED },
  tenant_required: { word: "tenant_required", ...UNAUTHORIZED },
  invalid_tenant: { word: "invalid_tenant", ...UNAUTHORIZED },
  /** Too many attempts from there. */
  rate_limited: { word: "rate_limit_exceeded", closeCode: CloseCode.rateLimited, status: 429 },
  /** It cannot be found out now. */
  unavailable: { word: "server_unavailable", ...UNAVAILABLE },
  /** Too many log in at once. */
  overloaded: { word: "overloaded", ...UNAVAILABLE },
} as const satisfies Readonly<Record<string, RefusalWords>>;

/** A refusal of {@link LOGIN_REFUSALS}. */
export type LoginRefusalCode = keyof typeof LOGIN_REFUSALS;
