/** Where keys come from that signatures are checked with. */
import type { Waiting } from "./authenticator.ts";
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
  /** There are no keys now. */
  | { readonly kind: "unavailable" }
  /** There are keys, and no such one among them; whether it comes with the next ones cannot be told now. */
  | { readonly kind: "unknown_yet" };

/** Finds keys. */
export interface KeySource {
  /** The promise does not reject. A source that has to be asked first is waited for through `wait`. */
  find(wanted: WantedKey, wait?: Waiting): Promise<KeyLookup>;
}

/** There is no such key. */
export const UNKNOWN_KEY: KeyLookup = { kind: "unknown" };
/** There are no keys now. */
export const KEYS_UNAVAILABLE: KeyLookup = { kind: "unavailable" };
/** There are keys, and no such one among them yet. */
export const KEY_UNKNOWN_YET: KeyLookup = { kind: "unknown_yet" };
