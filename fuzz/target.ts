/**
 * What can be fuzzed. Every file `fuzz/<name>_target.ts` exports one as `target`; fuzz/run.ts finds and runs it.
 */
import type { Random } from "./random.ts";

/** One part that reads what strangers send. */
export interface FuzzTarget {
  /** The word that chooses it, as in its file's name. */
  readonly name: string;
  /** What must hold, in one line. */
  readonly about: string;
  /** Makes a case: something valid, changed a little or not at all. */
  make(random: Random): Uint8Array;
  /** Tries a case; throws when something does not hold. */
  check(input: Uint8Array, random: Random): void;
}

/** Whether a value has the shape of a target. */
export function isFuzzTarget(value: unknown): value is FuzzTarget {
  return typeof value === "object" && value !== null &&
    "name" in value && typeof value.name === "string" &&
    "about" in value && typeof value.about === "string" &&
    "make" in value && typeof value.make === "function" &&
    "check" in value && typeof value.check === "function";
}
