/** The ports and host names that the hub tries in turn for a tunnel that asks for none. */
import { randomLabel } from "./random_label.ts";
import type { WantedName } from "./tunnel_rules.ts";

/** Random names that are tried before there is said to be none. */
const MAX_NAMES = 20;

/** What to try: what it had before, then ports from `from` on in a circle, or random names. */
export function* candidates(
  wanted: Extract<WantedName, { kind: "any_port" | "any_host" }>,
  { leased, from, random }: { leased: string | undefined; from: number; random: () => number },
): Generator<string | number> {
  if (wanted.kind === "any_host") {
    if (leased !== undefined) yield leased;
    for (let i = 0; i < MAX_NAMES; i++) yield `${randomLabel(random)}.${wanted.domain}`;
    return;
  }
  if (leased !== undefined) yield Number(leased);
  const { first, last } = wanted.ports;
  const count = last - first + 1;
  for (let i = 0; i < count; i++) yield first + (from + i) % count;
}
