/**
 * Connections that leave from the hub itself, for spokes whose rights name it (`hub:host:port`). What they ask for is
 * checked as it was written and again after its name was resolved; nobody else's rights stand for the hub.
 */
import { type Destination, NO_DESTINATIONS } from "../core/destination_check.ts";
import type { Logger } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import { type ConnectTarget, HUB_AGENT } from "../core/rights.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import { StreamCode } from "../core/stream_codes.ts";
import { dialChecked, type DialRefusal, findAddresses, type Resolve } from "../link/checked_dial.ts";
import { joinDialled } from "../link/dialled_stream.ts";
import type { Flusher } from "../link/flusher.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { AgentLink } from "./frame_services.ts";

/** What it works with. */
export interface HubEgressOptions {
  readonly events: SecurityEvents;
  readonly logger: Logger;
  readonly flusher: Flusher;
  /** Finds what spokes want to reach. @default the system is asked */
  readonly resolve?: Resolve | undefined;
}

/** Connections from the hub, in plain numbers. */
export interface EgressStats {
  /** That are there. */
  active: number;
  /** That were asked for. */
  total: number;
  /** Of those: not allowed, and not reached. */
  denied: number;
  failed: number;
}

const DIAL_TIMEOUT_MS = 10_000;

/** Dials for spokes. */
export class HubEgress {
  readonly stats: EgressStats = { active: 0, total: 0, denied: 0, failed: 0 };
  readonly #options: HubEgressOptions;

  constructor(options: HubEgressOptions) {
    this.#options = options;
  }

  /** Who uses a stream that wants to leave from the hub. */
  accept(stream: Stream, { host, port }: ConnectTarget, link: AgentLink): StreamConsumer {
    const { flusher, resolve } = this.#options;
    this.stats.active++;
    this.stats.total++;
    return joinDialled(stream, {
      dial: (signal) =>
        dialChecked({ host, port }, {
          rules: link.principal?.rights.throughHub ?? NO_DESTINATIONS,
          timeoutMs: DIAL_TIMEOUT_MS,
          signal,
          resolve,
        }),
      flusher,
      onRefused: (refusal) => this.#refused(refusal, { target: `${HUB_AGENT}:${host}:${port}`, link }),
      onClosed: () => this.stats.active--,
    });
  }

  /** Why a destination may not be reached from the hub for somebody, for people; `null`: it may. Does not reject. */
  async refusalOf({ host, port }: Destination, principal: Principal): Promise<string | null> {
    const { resolve } = this.#options;
    const found = await findAddresses({ host, port }, {
      rules: principal.rights.throughHub,
      signal: AbortSignal.timeout(DIAL_TIMEOUT_MS),
      resolve,
    });
    return "code" in found ? `Cannot reach ${host}:${port} from the hub: ${found.reason}` : null;
  }

  #refused({ code, detail }: DialRefusal, { target, link }: { target: string; link: AgentLink }): void {
    const { events, logger } = this.#options;
    if (code === StreamCode.notAllowed) {
      this.stats.denied++;
      events.record({ ...link.origin, kind: "denied", right: "connect", target });
    } else {
      this.stats.failed++;
      logger.info("A destination cannot be reached from the hub", { target, cause: detail });
    }
  }
}
