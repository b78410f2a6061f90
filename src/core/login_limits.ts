/** Limits of what logs somebody in, which configuration, authenticators and transports agree on. */

/** The longest token of any kind, in characters. */
export const MAX_TOKEN_LENGTH = 16 * 1024;
/** The longest token of a configuration, in characters. */
export const MAX_STATIC_TOKEN_LENGTH = 4096;
/** The fewest bytes of the secret of HS256: as many as the hash has (RFC 7518, 3.2). */
export const MIN_JWT_SECRET_BYTES = 32;
/** The fewest characters of a token of a configuration: shorter ones can be guessed. */
export const MIN_STATIC_TOKEN_LENGTH = 16;

/** The algorithms of signatures by keys. */
export const KEY_ALGORITHMS = ["RS256", "ES256", "EdDSA"] as const;
/** All algorithms of signatures: HS256 is signed with a secret, the others with keys. */
export const SIGNATURE_ALGORITHMS = ["HS256", ...KEY_ALGORITHMS] as const;
