/** What a visitor is told whose request is not passed on, or did not come. Its connection ends with it. */
import { encodeHttpError } from "../wire/http_error.ts";
import type { HttpRequestHead } from "../wire/http_head.ts";

/** Why, and for whom. */
export interface HubRefusal {
  readonly status: number;
  readonly reason: string;
  readonly requestId: string;
  /** `null` where there was no whole head. */
  readonly request: HttpRequestHead | null;
}

/** The whole answer. */
export function encodeRefusal({ status, reason, requestId, request }: HubRefusal): Uint8Array {
  const message = status === 408
    ? "The request did not come in time"
    : `The request is not passed on: ${reason}`;
  return encodeHttpError({
    status,
    message,
    requestId,
    accept: request?.fields.get("accept") ?? "",
    isHead: request?.method === "HEAD",
    isKept: false,
    retryAfterSeconds: null,
  });
}
