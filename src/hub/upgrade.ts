/**
 * The borders of a WebSocket upgrade: what a path leads to, and which subprotocol is spoken there.
 */
import type { AcceptedLink } from "./accepted_link.ts";
import { CREDENTIAL_PREFIX } from "./credentials.ts";

/** Who takes the WebSockets of a path. */
export interface UpgradeTarget {
  /** The subprotocols that are spoken, the best first; `any`: whatever a client offers, as nothing is parsed. */
  readonly subprotocols: "any" | readonly string[];
  /**
   * When somebody logs in who has to: with the request; with the request or with a message later; the same, where a
   * certificate counts only then (`frame`); or not at all, as everybody is welcome there.
   */
  readonly login: "request" | "message" | "frame" | "none";
  /** Which web pages may come: those that `hub.origins` allows, or only those that it lists. @default "allowed" */
  readonly origins?: "allowed" | "listed";
  /** Takes a WebSocket right after its handshake. */
  accept(socket: AcceptedLink): void;
}

/** Finds who takes the WebSockets of a path; `undefined` when nobody does. */
export type UpgradeRoutes = (path: string) => UpgradeTarget | undefined;

/** The subprotocol that is spoken with a client that offers these; `null` when there is none to agree on. */
export function selectSubprotocol(
  offered: ReadonlySet<string>,
  spoken: UpgradeTarget["subprotocols"],
): string | null {
  const acceptable = spoken === "any"
    ? [...offered].filter((protocol) => !protocol.startsWith(CREDENTIAL_PREFIX))
    : spoken.filter((protocol) => offered.has(protocol));
  return acceptable[0] ?? null;
}
