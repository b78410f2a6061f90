/**
 * Connects to a destination that somebody else asked for. The rules are asked for the host as it was asked for and for
 * each address that its name leads to; the connection goes to exactly the address that they allowed, as the name is
 * looked up once, and not at all where no rule could allow it. All of it together is over within a time.
 */
import type { Socket } from "node:net";
import {
  allowedAddresses,
  type Destination,
  type DestinationRules,
  judgeHost,
} from "../core/destination_check.ts";
import { StreamCode } from "../core/stream_codes.ts";
import { DialRace } from "./dial_race.ts";
import type { Lookup } from "./resolver.ts";

/** Why there is no connection, in the words of streams. */
export interface DialRefusal {
  readonly code: StreamCode;
  /** For the peer; tells nothing of the network behind. */
  readonly reason: string;
  /** For the log. */
  readonly detail: string;
}

/** How to dial. */
export interface CheckedDial {
  readonly rules: DestinationRules;
  readonly timeoutMs: number;
  /** Gives up when it is aborted. */
  readonly signal: AbortSignal;
  readonly lookUp: Lookup;
}

/** Addresses of one name that are dialled at most. */
export const MAX_ADDRESSES = 16;

const DENIED: DialRefusal = {
  code: StreamCode.notAllowed,
  reason: "The destination is not allowed",
  detail: "no rule allows it",
};

/** It is told whatever the name is, so it tells nothing of it. */
const BUSY: DialRefusal = {
  code: StreamCode.overLimit,
  reason: "Too many names are looked up",
  detail: "too many names are looked up",
};

/** A connected socket that may be half-closed, or why there is none. Does not reject. */
export async function dialChecked(target: Destination, options: CheckedDial): Promise<Socket | DialRefusal> {
  const { timeoutMs, signal } = options;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const addresses = await findAddresses(target, { ...options, signal: limit });
  if ("code" in addresses) return addresses;
  const outcome = await new DialRace(addresses, target).run(limit);
  return typeof outcome === "string" ? unreachable(outcome, limit) : outcome;
}

/** The addresses that a destination may be reached at, or why there is none. Does not reject. */
export async function findAddresses(
  { host, port }: Destination,
  { rules, signal: limit, lookUp }: Omit<CheckedDial, "timeoutMs">,
): Promise<readonly string[] | DialRefusal> {
  const verdict = judgeHost({ host, port }, rules);
  if (verdict.kind === "refused") return DENIED;
  if (verdict.kind === "address") return [verdict.address];
  const found = await orAborted(lookUp(verdict.name, limit), limit);
  if (found === "too_many") return BUSY;
  // Whether a name exists is nobody's business who may not use it.
  if ((typeof found === "string" || found.length === 0) && !verdict.isAllowed) return DENIED;
  if (typeof found === "string") return unresolved(found, limit);
  const allowed = allowedAddresses(found, { host: verdict, port, rules });
  if (allowed.length > 0) return allowed.slice(0, MAX_ADDRESSES);
  return found.length === 0 ? unresolved("it has no address", limit) : {
    ...DENIED,
    detail: `no rule allows an address of ${verdict.name} (${found.slice(0, MAX_ADDRESSES).join(", ")})`,
  };
}

/** What it resolves to, or why not. */
async function orAborted<T>(promise: Promise<T>, limit: AbortSignal): Promise<T | string> {
  const { promise: aborted, resolve } = Promise.withResolvers<string>();
  const onAbort = () => resolve("no answer in time");
  limit.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  } finally {
    limit.removeEventListener("abort", onAbort);
  }
}

function unreachable(detail: string, limit: AbortSignal): DialRefusal {
  return limit.aborted ? late(detail) : {
    code: StreamCode.localRefused,
    reason: "The destination cannot be reached",
    detail,
  };
}

function unresolved(detail: string, limit: AbortSignal): DialRefusal {
  return limit.aborted ? late(detail) : {
    code: StreamCode.localRefused,
    reason: "The destination cannot be found",
    detail,
  };
}

function late(detail: string): DialRefusal {
  return { code: StreamCode.localTimeout, reason: "The destination does not answer", detail };
}
