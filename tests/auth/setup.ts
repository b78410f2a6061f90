/** What the tests of logins share: time that a test moves, events as a list, options with nothing in them. */
import type {
  AuthenticatorsOptions,
  AuthenticatorsPorts,
  JwtOptions,
} from "../../src/auth/create_authenticators.ts";
import type { ClaimPaths } from "../../src/auth/claims.ts";
import type { KeyEvents, KeyFailure } from "../../src/auth/key_events.ts";
import { type AttackWorld, strangerOf } from "../helpers/token_attacks.ts";
import { type Json, type SigningKey, signJwt, signWithSecret } from "../helpers/jwt.ts";

/** Seconds since 1970 at which tests begin. */
export const NOW = 1_800_000_000;
/** 32 bytes. */
export const SECRET = "a-secret-of-thirty-two-bytes-123";
/** The default paths of claims. */
export const PATHS: ClaimPaths = {
  roles: ["realm_access.roles", "roles"],
  permissions: "permissions",
  tenant: "tenant_id",
  account: "account",
};

/** Keeps what becomes of keys. */
export class EventList implements KeyEvents {
  readonly loads: string[] = [];
  readonly failures: (KeyFailure & { readonly source: string })[] = [];
  unknownKeys = 0;
  readonly failedChecks: unknown[] = [];

  loaded(source: string, { keys, ignored }: { keys: number; ignored: number }): void {
    this.loads.push(`${source}: ${keys} keys, ${ignored} ignored`);
  }

  failed(source: string, failure: KeyFailure): void {
    this.failures.push({ source, ...failure });
  }

  unknownKey(): void {
    this.unknownKeys++;
  }

  checkFailed(_method: string, cause: unknown): void {
    this.failedChecks.push(cause);
  }
}

/** A world in which time stands still until it is moved. */
export class TestPorts implements AuthenticatorsPorts {
  nowMs = 0;
  readonly events = new EventList();
  readonly files = new Map<string, string>();
  readonly clock = { now: () => this.nowMs };
  readonly fetch = (url: string, init: RequestInit) => fetch(url, init);
  readonly epochMs = () => NOW * 1000;
  readonly readTextFile = (path: string) => {
    const text = this.files.get(path);
    return text === undefined ? Promise.reject(new Error(`no file ${path}`)) : Promise.resolve(text);
  };

  /** Lets the clock go on; what the time of day is stays. */
  pass(ms: number): void {
    this.nowMs += ms;
  }
}

/** JSON Web Tokens with nothing configured. */
export const NO_JWT: JwtOptions = {
  secret: null,
  jwks: null,
  issuer: null,
  audiences: null,
  algorithms: null,
  clockToleranceMs: 5000,
};

/** Options with nothing configured but what is given. */
export function optionsOf(given: Partial<AuthenticatorsOptions>): AuthenticatorsOptions {
  return { tokens: [], jwt: NO_JWT, oidc: { issuer: null, audience: null }, claims: PATHS, ...given };
}

/** Claims that are accepted. */
export function goodClaims(changes: Json = {}): Json {
  return { iss: "https://id.example", aud: "hub", sub: "alice", iat: NOW, exp: NOW + 300, ...changes };
}

/** The world of attacks, in which a key of a provider or the secret signs well. */
export function attackWorld(
  against: "keys" | "secret",
  { key, issuer }: { key: SigningKey; issuer: string },
): AttackWorld {
  const sign = (claims: unknown, header?: Json) =>
    against === "keys" ? signJwt(claims, key, header) : signWithSecret(claims, SECRET, header);
  return {
    now: NOW,
    claims: goodClaims({ iss: issuer }),
    sign,
    key,
    stranger: strangerOf(key.keyId),
    secret: SECRET,
  };
}
