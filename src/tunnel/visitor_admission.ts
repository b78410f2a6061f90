/** The border to whoever counts the connections of visitors and bounds them, in all and from one address. */

/** Counts connections. */
export interface VisitorAdmission {
  /** Whether nobody is let in because there is no memory for more. */
  readonly isOverloaded: boolean;
  /** Counts one more connection of an address; `false` when there are too many. Pair with {@link leave}. */
  enter(ip: string): boolean;
  leave(ip: string): void;
}
