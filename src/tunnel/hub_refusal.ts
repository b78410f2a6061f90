/** What a visitor is told whose request is not passed on, or did not come. Its connection ends with it. */
import { encodeHttpErrorTo } from "../wire/http_error.ts";
import { type HttpRefusal, type HttpRequestHead, refuse } from "../wire/http_head.ts";

/** A head, or the rest of an upload, that does not come. */
export const LATE = refuse(408, "It did not come in time");

/** Whom it is for. */
export interface RefusedRequest {
  readonly requestId: string;
  /** `null` where there was no whole head. */
  readonly request: HttpRequestHead | null;
}

/** The whole answer. */
export function encodeRefusal(
  { status, reason }: HttpRefusal,
  { requestId, request }: RefusedRequest,
): Uint8Array {
  const message = status === 408
    ? "The request did not come in time"
    : `The request is not passed on: ${reason}`;
  return encodeHttpErrorTo(request, { status, message, requestId, isKept: false, retryAfterSeconds: null });
}
