/** Where keys come from that signatures are checked with. */
import type { KEY_ALGORITHMS, SIGNATURE_ALGORITHMS } from "../core/login_limits.ts";

/** An algorithm of signatures by keys. */
export type KeyAlgorithm = typeof KEY_ALGORITHMS[number];
/** All algorithms; HS256 goes with a secret, never with a key. */
export type SignatureAlgorithm = typeof SIGNATURE_ALGORITHMS[number];

/** Which key a token names. */
export interface WantedKey {
  readonly algorithm: SignatureAlgorithm;
  /** `null` when it names none. */
  readonly keyId: string | null;
}

/** What comes of the search for a key. */
export type KeyLookup =
  | { readonly kind: "found"; readonly key: CryptoKey }
  /** There is no such key. */
  | { readonly kind: "unknown" }
  /** Whether there is such a key cannot be told now. */
  | { readonly kind: "unavailable" };

/** Finds keys. */
export interface KeySource {
  /** The promise does not reject. */
  find(wanted: WantedKey): Promise<KeyLookup>;
}

/** There is no such key. */
export const UNKNOWN_KEY: KeyLookup = { kind: "unknown" };
/** Whether there is such a key cannot be told now. */
export const KEYS_UNAVAILABLE: KeyLookup = { kind: "unavailable" };
