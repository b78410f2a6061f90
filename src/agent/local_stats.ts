/** What went through one tunnel, or to destinations, by the agent's own count. */
import type { ByteMeter } from "../link/socket_pump.ts";

/** Counts of connections and bytes. */
export interface LocalStats extends ByteMeter {
  /** Connections to the service that there are. */
  active: number;
  /** Those that there were, and those of them that could not be made. */
  total: number;
  failed: number;
}

/** Nothing yet. */
export function emptyStats(): LocalStats {
  return { active: 0, total: 0, failed: 0, bytesRead: 0, bytesWritten: 0 };
}
