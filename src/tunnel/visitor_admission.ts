/** The border to whoever counts the connections of visitors and bounds them, in all and from one address. */

/** Counts connections. */
export interface VisitorAdmission {
  /** Counts one more connection; `false` when there are too many. Pair with {@link leave}. */
  enter(): boolean;
  leave(): void;
  /** Counts it for an address, once that is known; `false` when that has too many. Pair with {@link leaveIp}. */
  enterIp(ip: string): boolean;
  leaveIp(ip: string): void;
}
