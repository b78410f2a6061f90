/**
 * Locks out who guesses. It does no I/O, takes the time as an argument, and stays within its bound.
 *
 * Two keys count, and both begin with the address, so that nobody locks out anybody who comes from elsewhere: a subject
 * alone is never a key.
 * - The address (the /64 network of an IPv6 one) counts guesses: different tokens that prove nothing. The same token
 *   again is no new guess, so that one device with an old token, trying for ever, does not lock out all that share its
 *   address. A login that succeeds does not clear the count, or one good token would buy any number of guesses.
 * A token of a key that is not known yet is such a guess too, but each key counts once and the first few not at all: a
 * key that the issuer has just changed is shown by many honest peers of one address.
 * - The address with what was shown (a token, or the subject of who is logged in already) counts every failure, so
 *   that the same wrong thing is not looked at over and over.
 *
 * Behind a proxy that sends no PROXY header all visitors share its address, and one who guesses locks out all of them.
 */
import { clientKey } from "../core/ip_range.ts";
import { FailureTable, type LockoutLimits } from "./failure_table.ts";

const MAX_KEYS = 50_000;
/** Keys of signatures that are not known yet and do not count for an address. */
const FREE_KEYS = 3;

/** Who tries what. */
export interface Attempt {
  /** The address that it comes from. */
  readonly address: string;
  /** What tells this credential from others; not the credential itself. */
  readonly credential: string;
}

/** The lock-outs of one hub. */
export class Lockout {
  #limits: LockoutLimits;
  readonly #addresses: FailureTable;
  readonly #credentials: FailureTable;
  /** Addresses that showed keys which are not known yet; those that showed all that are free are locked here. */
  readonly #strangeKeys: FailureTable;

  /** Holds at most six times `maxKeys` keys. */
  constructor(limits: LockoutLimits, maxKeys = MAX_KEYS) {
    this.#limits = limits;
    this.#addresses = new FailureTable(maxKeys);
    this.#credentials = new FailureTable(maxKeys);
    this.#strangeKeys = new FailureTable(maxKeys);
  }

  /** How many keys it holds. */
  get size(): number {
    return this.#addresses.size + this.#credentials.size + this.#strangeKeys.size;
  }

  /** Other limits from now on; who is locked out stays so for as long as he was told. */
  setLimits(limits: LockoutLimits): void {
    this.#limits = limits;
  }

  /** For how long the credential is locked out from there yet, whatever the reason; 0 when it is not. */
  lockedForMs(attempt: Attempt, nowMs: number): number {
    const key = clientKey(attempt.address);
    return Math.max(this.#addresses.lockedForMs(key, nowMs), this.credentialLockedForMs(attempt, nowMs));
  }

  /** The same without the guesses of others from the same address. */
  credentialLockedForMs(attempt: Attempt, nowMs: number): number {
    return this.#credentials.lockedForMs(credentialKey(attempt), nowMs);
  }

  /** Counts a failure. A guess proved nothing; other failures do not count for the address. Whether it locked out. */
  fail(attempt: Attempt, { isGuess, nowMs }: { isGuess: boolean; nowMs: number }): boolean {
    const key = credentialKey(attempt);
    const isNew = isGuess && !this.#credentials.has(key, this.#limits, nowMs);
    const lockedCredential = this.#credentials.fail(key, this.#limits, nowMs);
    const lockedAddress = isNew && this.#addresses.fail(clientKey(attempt.address), this.#limits, nowMs);
    return lockedCredential || lockedAddress;
  }

  /** Counts a token of a key that is not known yet; the credential stands for that key. Whether it locked out. */
  failKey(attempt: Attempt, nowMs: number): boolean {
    const key = credentialKey(attempt);
    const isNew = !this.#credentials.has(key, this.#limits, nowMs);
    this.#credentials.fail(key, this.#limits, nowMs);
    if (!isNew) return false;
    const address = clientKey(attempt.address);
    if (this.#strangeKeys.lockedForMs(address, nowMs) > 0) {
      return this.#addresses.fail(address, this.#limits, nowMs);
    }
    this.#strangeKeys.fail(address, { ...this.#limits, threshold: FREE_KEYS }, nowMs);
    return false;
  }
}

function credentialKey({ address, credential }: Attempt): string {
  return `${clientKey(address)} ${credential}`;
}
