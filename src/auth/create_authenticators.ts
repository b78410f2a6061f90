/**
 * Builds all kinds of login by token that are configured: static tokens first, then JSON Web Tokens by secret or by
 * keys, then OpenID Connect. Where the last two are both there, the issuer that a token names decides between them.
 */
import { KEY_ALGORITHMS } from "../core/login_limits.ts";
import type { Clock } from "../core/ports.ts";
import type { Authenticator } from "./authenticator.ts";
import { AuthenticatorChain, type Verdict } from "./authenticator_chain.ts";
import { CachedKeys } from "./cached_keys.ts";
import type { ClaimPaths } from "./claims.ts";
import type { Fetch } from "./fetch_text.ts";
import { JwtAuthenticator, type JwtRules } from "./jwt_authenticator.ts";
import type { KeyEvents } from "./key_events.ts";
import { discoveryLoader, fileLoader, type KeyLoader, urlLoader } from "./key_loaders.ts";
import type { SignatureAlgorithm } from "./key_source.ts";
import { SecretKey } from "./secret_key.ts";
import { type StaticToken, StaticTokens } from "./static_tokens.ts";

/** Which logins there are. */
export interface AuthenticatorsOptions {
  readonly tokens: readonly StaticToken[];
  readonly jwt: JwtOptions;
  readonly oidc: OidcOptions;
  readonly claims: ClaimPaths;
}

/** JSON Web Tokens; with neither a secret nor keys there are none. */
export interface JwtOptions {
  /** The secret of HS256, at least 32 bytes. It goes before `jwks`. */
  readonly secret: string | null;
  /** An http or https URL, or a file. */
  readonly jwks: string | null;
  readonly issuer: string | null;
  readonly audiences: readonly string[] | null;
  /** `null`: all that go with the secret or the keys. Those that do not go with them are never taken. */
  readonly algorithms: readonly SignatureAlgorithm[] | null;
  /** How far clocks may differ; for OpenID Connect too. */
  readonly clockToleranceMs: number;
}

/** OpenID Connect; without an issuer there is none. */
export interface OidcOptions {
  readonly issuer: string | null;
  readonly audience: string | null;
}

/** What they work with. */
export interface AuthenticatorsPorts {
  readonly fetch: Fetch;
  readonly readTextFile: (path: string) => Promise<string>;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly events: KeyEvents;
}

/** Keys that cannot be had. */
export interface KeyProblem {
  readonly source: string;
  /** A file is a matter of the configuration, everything else may come back by itself. */
  readonly isFile: boolean;
  readonly reason: string;
}

/** All of them as one. */
export interface Authenticators {
  /** One by one, in the order in which they are asked. */
  readonly list: readonly Authenticator[];
  /** Looks at a token. The promise does not reject. */
  authenticate(token: string): Promise<Verdict>;
  /** Loads all keys, and gives what cannot be loaded: it is tried again when tokens come. Does not reject. */
  loadKeys(): Promise<readonly KeyProblem[]>;
  /** Where keys come from. */
  readonly sources: readonly LoadedKeys[];
}

/** Keys from one place. */
export interface LoadedKeys {
  /** A URL or the path of a file. */
  readonly place: string;
  readonly keys: CachedKeys;
  readonly isFile: boolean;
}

/**
 * Builds them. Throws `config_invalid` for a secret that is too short. Keys that were loaded for those before, from the
 * same place, are taken over: their issuer may be away now.
 */
export function createAuthenticators(
  options: AuthenticatorsOptions,
  ports: AuthenticatorsPorts,
  before: Pick<Authenticators, "sources"> | null = null,
): Authenticators {
  const known = before === null ? [] : before.sources;
  const jwtKeys = takenOver(jwtKeysOf(options.jwt, ports), known);
  const oidcKeys = takenOver(oidcKeysOf(options.oidc, ports), known);
  const list: Authenticator[] = [];
  if (options.tokens.length > 0) list.push(new StaticTokens(options.tokens));
  if (options.jwt.secret !== null) {
    const rules = jwtRules(options, ["HS256"]);
    list.push(new JwtAuthenticator(rules, { ...ports, keys: SecretKey.of(options.jwt.secret) }));
  } else if (jwtKeys !== null) {
    list.push(new JwtAuthenticator(jwtRules(options, KEY_ALGORITHMS), { ...ports, keys: jwtKeys.keys }));
  }
  if (oidcKeys !== null) {
    list.push(new JwtAuthenticator(oidcRules(options), { ...ports, keys: oidcKeys.keys }));
  }
  const chain = new AuthenticatorChain(list);
  const sources = [jwtKeys, oidcKeys].filter((one) => one !== null);
  return {
    list,
    authenticate: (token) => chain.authenticate(token),
    loadKeys: () => loadKeys(sources),
    sources,
  };
}

function takenOver(wanted: LoadedKeys | null, known: readonly LoadedKeys[]): LoadedKeys | null {
  if (wanted === null) return null;
  const { place, keys: { source } } = wanted;
  return known.find((one) => one.place === place && one.keys.source === source) ?? wanted;
}

async function loadKeys(sources: readonly LoadedKeys[]): Promise<readonly KeyProblem[]> {
  await Promise.all(sources.map(({ keys }) => keys.reload()));
  return sources.flatMap(({ keys, isFile }) =>
    keys.lastFailure === null ? [] : [{ source: keys.source, isFile, reason: keys.lastFailure }]
  );
}

function jwtKeysOf({ secret, jwks }: JwtOptions, ports: AuthenticatorsPorts): LoadedKeys | null {
  if (secret !== null || jwks === null) return null;
  const isFile = !/^https?:\/\//i.test(jwks);
  const load = isFile ? fileLoader(jwks, ports.readTextFile) : urlLoader(jwks, ports.fetch);
  return { place: jwks, keys: cached("auth.jwt.jwks", load, ports), isFile };
}

function oidcKeysOf({ issuer }: OidcOptions, ports: AuthenticatorsPorts): LoadedKeys | null {
  if (issuer === null) return null;
  const keys = cached("auth.oidc.issuer", discoveryLoader(issuer, ports), ports);
  return { place: issuer, keys, isFile: false };
}

function cached(source: string, load: KeyLoader, { clock, events }: AuthenticatorsPorts): CachedKeys {
  return new CachedKeys({ source, load, clock, events });
}

function jwtRules(
  { jwt, oidc, claims }: AuthenticatorsOptions,
  fitting: readonly SignatureAlgorithm[],
): JwtRules {
  const { issuer, audiences, algorithms, clockToleranceMs } = jwt;
  return {
    method: "jwt",
    algorithms: fitting.filter((one) => algorithms === null || algorithms.includes(one)),
    issuer,
    audiences,
    clockToleranceMs,
    claims,
    isResponsibleFor: (named) => oidc.issuer === null || named !== oidc.issuer,
  };
}

function oidcRules({ jwt, oidc, claims }: AuthenticatorsOptions): JwtRules {
  const { issuer, audience } = oidc;
  const isAlone = jwt.secret === null && jwt.jwks === null;
  return {
    method: "oidc",
    algorithms: KEY_ALGORITHMS,
    issuer,
    audiences: audience === null ? null : [audience],
    clockToleranceMs: jwt.clockToleranceMs,
    claims,
    isResponsibleFor: (named) => isAlone || named === issuer,
  };
}
