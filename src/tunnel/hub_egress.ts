/**
 * Connections that leave from the hub itself, for spokes whose rights name it (`hub:host:port`). What they ask for is
 * checked as it was written and again after its name was resolved; nobody else's rights stand for the hub. How much is
 * looked up and dialled at a time is bounded, for each spoke and for all.
 */
import type { Socket } from "node:net";
import { type Destination, NO_DESTINATIONS } from "../core/destination_check.ts";
import type { Logger } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import { HUB_AGENT } from "../core/rights.ts";
import type { EventOrigin, SecurityEvents } from "../core/security_event.ts";
import { StreamCode } from "../core/stream_codes.ts";
import type { DialRefusal } from "../link/checked_dial.ts";
import { CheckedDialer, type DialAsker, TOO_MANY_DIALS } from "../link/checked_dialer.ts";
import { joinDialled } from "../link/dialled_stream.ts";
import type { Flusher } from "../link/flusher.ts";
import type { Resolve } from "../link/resolver.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { StreamRefusal } from "../link/stream_mux.ts";
import { EgressCounts, egressResultOf } from "./egress_counts.ts";
import type { AgentLink } from "./frame_services.ts";

/** What it works with. */
export interface HubEgressOptions {
  readonly events: SecurityEvents;
  readonly logger: Logger;
  readonly flusher: Flusher;
  /** Finds what spokes want to reach. @default the system is asked */
  readonly resolve?: Resolve | undefined;
}

/** Who asks the hub to connect. */
export interface EgressAsker {
  readonly principal: Principal | null;
  readonly origin: EventOrigin;
}

/** Dials in progress: of one connection of frames, and of all. */
export const MAX_DIALS_PER_LINK = 64;
const MAX_DIALS = 1024;

/** Dials for spokes. */
export class HubEgress {
  readonly stats = new EgressCounts();
  readonly dialer: CheckedDialer;
  readonly #options: HubEgressOptions;

  constructor(options: HubEgressOptions) {
    this.#options = options;
    const { resolve } = options;
    this.dialer = new CheckedDialer({ dials: { perKey: MAX_DIALS_PER_LINK, total: MAX_DIALS }, resolve });
  }

  /** Who uses a stream that wants to leave from the hub, or why nobody does. */
  accept(stream: Stream, target: Destination, link: AgentLink): StreamConsumer | StreamRefusal {
    const { stats, dialer } = this;
    if (!dialer.dials.enter(link.id)) {
      stats.results.over_limit++;
      return TOO_MANY_DIALS;
    }
    stats.active++;
    return joinDialled(stream, {
      dial: async (signal) => {
        const outcome = await dialer.dial(target, { ...askerOf(link), dials: link.id, signal });
        this.#dialled(outcome, { target, asker: link, isWanted: !signal.aborted });
        return outcome;
      },
      flusher: this.#options.flusher,
      onClosed: () => stats.active--,
    });
  }

  /** Why a stream to a destination would be refused now; `null`: it would not. It is looked up for that, not dialled. */
  async judge(target: Destination, asker: EgressAsker): Promise<DialRefusal | null> {
    const refusal = await this.dialer.judge(target, askerOf(asker));
    if (refusal?.code === StreamCode.notAllowed) this.#deny(target, asker);
    return refusal;
  }

  #dialled(
    outcome: Socket | DialRefusal,
    { target, asker, isWanted }: { target: Destination; asker: EgressAsker; isWanted: boolean },
  ): void {
    const { results } = this.stats;
    const isRefused = "code" in outcome;
    // Whoever asks for what he may not have and does not wait for the answer was still denied it.
    if (isRefused && outcome.code === StreamCode.notAllowed) {
      results.denied++;
      this.#deny(target, asker);
    } else if (!isWanted) results.cancelled++;
    else if (!isRefused) results.ok++;
    else {
      results[egressResultOf(outcome.code)]++;
      const cause = outcome.detail;
      this.#options.logger.info("A destination cannot be reached from the hub", {
        target: named(target),
        cause,
      });
    }
  }

  #deny(target: Destination, { origin }: EgressAsker): void {
    this.#options.events.record({ ...origin, kind: "denied", right: "connect", target: named(target) });
  }
}

function named({ host, port }: Destination): string {
  return `${HUB_AGENT}:${host}:${port}`;
}

/** Look-ups are counted by who logged in: a new connection brings no new ones. */
function askerOf({ principal }: EgressAsker): Pick<DialAsker, "rules" | "lookups"> {
  return {
    rules: principal?.rights.throughHub ?? NO_DESTINATIONS,
    lookups: JSON.stringify([principal?.tenant, principal?.subject]),
  };
}
