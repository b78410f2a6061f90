/**
 * How a right that is missing is told to those who look after security.
 */
import type { DeniedRight, EventOrigin, SecurityEvents } from "../core/security_event.ts";

/** What somebody had no right to. */
export interface Denial {
  readonly right: DeniedRight;
  /** The topic or pattern, as it was written. */
  readonly topic: string;
}

/** Tells of something that was refused for want of a right. */
export function recordDenial(
  events: SecurityEvents,
  { origin }: { readonly origin: EventOrigin },
  { right, topic }: Denial,
): void {
  events.record({ kind: "denied", ...origin, right, target: topic });
}
