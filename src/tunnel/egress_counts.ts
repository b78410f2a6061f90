/** What the hub dialled for its spokes, in plain numbers. */
import { StreamCode } from "../core/stream_codes.ts";

/** What comes of a connection that is asked for; `cancelled`: its stream ended before. */
export const EGRESS_RESULTS = ["ok", "denied", "over_limit", "failed", "cancelled"] as const;
/** One of {@link EGRESS_RESULTS}. */
export type EgressResult = typeof EGRESS_RESULTS[number];

/** Counts of one hub. */
export class EgressCounts {
  /** Streams that have a connection, or wait for one. */
  active = 0;
  readonly results: Record<EgressResult, number> = {
    ok: 0,
    denied: 0,
    over_limit: 0,
    failed: 0,
    cancelled: 0,
  };
}

/** The result that a code of a refused dial stands for. */
export function egressResultOf(code: StreamCode): EgressResult {
  switch (code) {
    case StreamCode.notAllowed:
      return "denied";
    case StreamCode.overLimit:
      return "over_limit";
    default:
      return "failed";
  }
}
