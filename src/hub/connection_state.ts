/**
 * The states of a connection and the one function that moves between them. Each state carries what is known
 * in it; a transition that makes no sense is refused.
 */
import type { Login } from "./login.ts";

/** The state of a connection. Times are milliseconds of the hub's clock. */
export type ConnectionState =
  /** Accepted; its transport is not ready yet. */
  | { readonly name: "opening"; readonly sinceMs: number }
  /** The transport is ready; who it is, is not known yet. */
  | { readonly name: "authenticating"; readonly sinceMs: number }
  /** In use. */
  | { readonly name: "open"; readonly sinceMs: number; readonly login: Login }
  /** A goodbye is under way; nothing more is taken or given. */
  | { readonly name: "draining"; readonly sinceMs: number; readonly code: number; readonly reason: string }
  /** Gone. */
  | { readonly name: "closed"; readonly sinceMs: number; readonly code: number; readonly reason: string };

/** What happens to a connection. */
export type ConnectionEvent =
  | { readonly type: "transport_ready" }
  | { readonly type: "authenticated"; readonly login: Login }
  /** The same somebody logged in again. */
  | { readonly type: "renewed"; readonly login: Login }
  | { readonly type: "closing"; readonly code: number; readonly reason: string }
  | { readonly type: "closed"; readonly code: number; readonly reason: string };

/** The next state, or `null` when the event has no meaning in this one. */
export function nextState(
  state: ConnectionState,
  event: ConnectionEvent,
  nowMs: number,
): ConnectionState | null {
  switch (event.type) {
    case "transport_ready":
      return state.name === "opening" ? { name: "authenticating", sinceMs: nowMs } : null;
    case "authenticated":
      return state.name === "authenticating" ? { name: "open", sinceMs: nowMs, login: event.login } : null;
    case "renewed":
      return state.name === "open" ? { ...state, login: event.login } : null;
    case "closing":
      if (state.name === "draining" || state.name === "closed") return null;
      return { name: "draining", sinceMs: nowMs, code: event.code, reason: event.reason };
    case "closed":
      if (state.name === "closed") return null;
      if (state.name === "draining") {
        return { name: "closed", sinceMs: nowMs, code: state.code, reason: state.reason };
      }
      return { name: "closed", sinceMs: nowMs, code: event.code, reason: event.reason };
  }
}
