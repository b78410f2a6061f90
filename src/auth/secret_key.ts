/**
 * The shared secret of HS256 as a source of keys: one key, for that algorithm alone, whatever id a token names.
 */
import { TrunklineError } from "../core/errors.ts";
import { MIN_JWT_SECRET_BYTES } from "../core/login_limits.ts";
import { type KeyLookup, type KeySource, UNKNOWN_KEY, type WantedKey } from "./key_source.ts";

/** One secret. */
export class SecretKey implements KeySource {
  readonly #found: Promise<KeyLookup>;

  private constructor(key: Promise<CryptoKey>) {
    this.#found = key.then((key) => ({ kind: "found", key }));
  }

  /** The key of a secret. Throws `config_invalid` when it is shorter than {@link MIN_JWT_SECRET_BYTES}. */
  static of(secret: string): SecretKey {
    const bytes = new TextEncoder().encode(secret);
    if (bytes.length < MIN_JWT_SECRET_BYTES) {
      throw new TrunklineError(
        "config_invalid",
        `Cannot use a secret of ${bytes.length} bytes for HS256: ${MIN_JWT_SECRET_BYTES} is the least`,
      );
    }
    const kind = { name: "HMAC", hash: "SHA-256" };
    return new SecretKey(crypto.subtle.importKey("raw", bytes, kind, false, ["verify"]));
  }

  find({ algorithm }: WantedKey): Promise<KeyLookup> {
    return algorithm === "HS256" ? this.#found : Promise.resolve(UNKNOWN_KEY);
  }
}
