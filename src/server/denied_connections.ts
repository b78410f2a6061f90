/**
 * Ends connections whose certificate is refused now, of those that no login is looked at again for: who did not log in
 * yet, and who need not.
 */
import { DenyList } from "../auth/deny_list.ts";
import { CloseCode } from "../core/close_codes.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import type { Connection } from "../hub/connection.ts";
import { isFree } from "../hub/login.ts";

/** Gives how many were ended. `deny`: as the configuration has it. */
export function endDenied(
  connections: Iterable<Connection>,
  { deny, events }: { readonly deny: readonly string[]; readonly events: SecurityEvents },
): number {
  const denied = new DenyList(deny);
  let ended = 0;
  for (const connection of connections) {
    const { admittedBy, state } = connection;
    const isWithoutLogin = state.name === "authenticating" || (state.name === "open" && isFree(state.login));
    if (!isWithoutLogin || admittedBy === null || !denied.hasAny(admittedBy.marks)) continue;
    events.record({ kind: "revoked", ...connection.origin, reason: "certificate_denied" });
    connection.close(CloseCode.unauthorized, "The certificate was revoked");
    ended++;
  }
  return ended;
}
