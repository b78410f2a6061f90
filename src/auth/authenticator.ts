/**
 * The border of every kind of login: a token goes in, who it proves comes out. What that somebody may do, whether he
 * is locked out or revoked is decided behind it, the same way for all kinds.
 */

/** Rights as they are written in a configuration or a claim: patterns, names and targets, not checked yet. */
export interface Grant {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  readonly request: readonly string[];
  readonly serve: readonly string[];
  readonly tunnel: readonly string[];
  readonly connect: readonly string[];
  readonly admin: boolean;
}

/** What a token proves. */
export interface Identity {
  readonly method: "token" | "jwt" | "oidc" | "certificate";
  readonly subject: string;
  /** `null` when it names none. */
  readonly tenant: string | null;
  /** `null` when it names none. */
  readonly account: string | null;
  /** Names of roles, known here or not. */
  readonly roles: readonly string[];
  /** Rights beside those of the roles; `null` when there are none. */
  readonly grant: Grant | null;
  /** Until when it holds, in milliseconds since 1970; `null`: for ever. */
  readonly expiresAtMs: number | null;
  /** The id of the token (`jti`); `null` when it has none. */
  readonly tokenId: string | null;
}

/** Why a token is refused; for logs and metrics, never for the one who is refused. */
export type RefusalReason =
  /** It is too long, or has not the form of what it wants to be. */
  | "malformed"
  /** Nobody here knows it, or the key that it names. */
  | "unknown"
  | "algorithm"
  | "signature"
  | "expired"
  | "not_yet_valid"
  | "issuer"
  | "audience"
  /** A claim is missing, of a wrong kind, or beyond its limit. */
  | "claim"
  /** The keys cannot be had now: the same token may be good later. */
  | "keys_unavailable"
  /** There are keys, and not the one that it names; whether that comes with the next ones cannot be told now. */
  | "key_unknown_yet";

/** What an authenticator says of a token. */
export type Authentication =
  | { readonly kind: "accepted"; readonly identity: Identity }
  | {
    readonly kind: "refused";
    readonly reason: RefusalReason;
    /** Which key it named that is not known yet; empty when it named none. */
    readonly keyId?: string;
  }
  /** It is none of its own: the next one of the chain is asked. */
  | { readonly kind: "not_mine" };

/** A token that is refused. */
export function refused(reason: RefusalReason): Authentication {
  return { kind: "refused", reason };
}

/** Waits for what somebody else has to give, so that whoever can go on meanwhile does. */
export type Waiting = <T>(arrival: Promise<T>) => Promise<T>;

/** One kind of login. */
export interface Authenticator {
  readonly name: Identity["method"];
  /** Looks at a token. The promise does not reject. What it has to wait for long goes through `wait`. */
  authenticate(token: string, wait?: Waiting): Promise<Authentication>;
}
