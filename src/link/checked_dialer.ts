/**
 * Dials checked destinations for many askers, within limits: of dials in progress and of look-ups in progress, of each
 * asker and of all. Whoever is over a limit is told so at once, and counted.
 */
import type { Socket } from "node:net";
import type { Destination, DestinationRules } from "../core/destination_check.ts";
import { StreamCode } from "../core/stream_codes.ts";
import { type SlotLimits, Slots } from "../limits/slots.ts";
import { dialChecked, type DialRefusal, findAddresses } from "./checked_dial.ts";
import { type Resolve, Resolver } from "./resolver.ts";
import type { StreamRefusal } from "./stream_mux.ts";

/** What a dialer works with. */
export interface CheckedDialerOptions {
  /** Dials in progress. */
  readonly dials: SlotLimits;
  /** @default the system is asked */
  readonly resolve?: Resolve | undefined;
}

/** Who wants to go somewhere, and where he may. */
export interface DialAsker {
  readonly rules: DestinationRules;
  /** Whose dials are counted together. */
  readonly dials: string;
  /** Whose look-ups are counted together. */
  readonly lookups: string;
}

/** For finding a destination and for reaching it together. */
const TIMEOUT_MS = 10_000;

/** Of a dial over the limit. */
export const TOO_MANY_DIALS: StreamRefusal = {
  code: StreamCode.overLimit,
  reason: "Too many connections are in the making",
};

/** Dials in progress, and look-ups. */
export class CheckedDialer {
  readonly dials: Slots;
  readonly lookups: Slots;
  readonly #resolver: Resolver;

  constructor({ dials, resolve }: CheckedDialerOptions) {
    this.dials = new Slots(dials);
    this.#resolver = new Resolver({}, resolve);
    this.lookups = this.#resolver.slots;
  }

  /** Dials in the slot that the asker entered before, and leaves it. Does not reject; ends soon after the signal. */
  async dial(
    target: Destination,
    { rules, dials, lookups, signal }: DialAsker & { readonly signal: AbortSignal },
  ): Promise<Socket | DialRefusal> {
    const lookUp = this.#resolver.of(lookups);
    const outcome = await dialChecked(target, { rules, lookUp, timeoutMs: TIMEOUT_MS, signal });
    this.dials.leave(dials);
    return outcome;
  }

  /** Why a destination cannot be dialled; `null`: it was found, and may be. Does not reject. */
  async judge(
    target: Destination,
    { rules, lookups }: Pick<DialAsker, "rules" | "lookups">,
  ): Promise<DialRefusal | null> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const found = await findAddresses(target, { rules, lookUp: this.#resolver.of(lookups), signal });
    return "code" in found ? found : null;
  }
}
