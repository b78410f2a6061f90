/** Why a session ended whose hub said nothing in a frame: the reason of a WebSocket close, which may carry when to come back (wire.md, section 7). */
import type { PeerClose } from "../link/websocket_stream.ts";
import type { SessionEnd } from "./link_failure.ts";

const RETRY = /\s*\bretry=(\d{1,10})$/;

/** How a session ended whose WebSocket was closed so. */
export function parseCloseReason({ code, reason }: PeerClose): SessionEnd {
  const asked = RETRY.exec(reason);
  return {
    code,
    reason: reason.replace(RETRY, ""),
    retryAfterMs: asked === null ? null : Number(asked[1]),
  };
}

/** How a session ended without an Error frame: a WebSocket can still have been closed with a reason. */
export function wordlessEnd(close: PeerClose | null): SessionEnd {
  return close === null ? { code: null, reason: "", retryAfterMs: null } : parseCloseReason(close);
}
