/** What happened to tunnels, in plain numbers. */

/** Counts of one hub. */
export class TunnelCounts {
  /** Registrations that were refused. */
  refusedTunnels = 0;
  /** Streams of spokes that were led to an agent. */
  forwarded = 0;
}
