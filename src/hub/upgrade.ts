/**
 * The borders of a WebSocket upgrade: what a path leads to, and which subprotocol is spoken there.
 */
import type { AcceptedLink } from "./accepted_link.ts";

/** Who takes the WebSockets of a path. */
export interface UpgradeTarget {
  /** The subprotocols that are spoken, the best first; `any`: whatever a client offers, as nothing is parsed. */
  readonly subprotocols: "any" | readonly string[];
  /** Takes a WebSocket right after its handshake. */
  accept(socket: AcceptedLink): void;
}

/** Finds who takes the WebSockets of a path; `undefined` when nobody does. */
export type UpgradeRoutes = (path: string) => UpgradeTarget | undefined;

/** With this a client offers a credential as if it were a subprotocol; it is never selected. */
const CREDENTIAL_PREFIX = "bearer.";

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
