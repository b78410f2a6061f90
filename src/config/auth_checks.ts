/**
 * Contradictions in `auth`: who vouches for tokens, with what, and roles that nobody defined.
 */
import {
  MAX_STATIC_TOKEN_LENGTH,
  MIN_JWT_SECRET_BYTES,
  MIN_STATIC_TOKEN_LENGTH,
} from "../core/login_limits.ts";
import { isTokenText } from "../core/login_names.ts";
import { isLoopbackHost } from "./listener_checks.ts";
import type { Report } from "./problem.ts";
import type { Config } from "./schema.ts";

/** A secret and keys for the same tokens. */
export function jwtSources({ auth }: Config, report: Report): void {
  if (auth.jwt.secret === null || auth.jwt.jwks === null) return;
  report(["auth", "jwt", "jwks"], "Cannot use keys and auth.jwt.secret together; keep one of the two");
}

/** A secret that can be guessed. */
export function jwtSecret({ auth }: Config, report: Report): void {
  if (auth.jwt.secret === null) return;
  const bytes = new TextEncoder().encode(auth.jwt.secret).length;
  if (bytes >= MIN_JWT_SECRET_BYTES) return;
  report(
    ["auth", "jwt", "secret"],
    `Cannot use a secret of ${bytes} bytes: it can be guessed; write at least ${MIN_JWT_SECRET_BYTES}, for example what "openssl rand -base64 32" prints`,
  );
}

/** Algorithms that do not go with the secret or the keys. */
export function jwtAlgorithms({ auth }: Config, report: Report): void {
  const { secret, jwks, algorithms } = auth.jwt;
  if (algorithms === null) return;
  const shared = algorithms.includes("HS256");
  const keyed = algorithms.filter((algorithm) => algorithm !== "HS256");
  const place = ["auth", "jwt", "algorithms"];
  if (shared && keyed.length > 0) {
    report(
      place,
      `Cannot mix HS256 with ${keyed.join(", ")}; write HS256 for a secret or the others for keys`,
    );
  } else if (shared && jwks !== null) {
    report(place, "Cannot check HS256 with the keys of auth.jwt.jwks; write RS256, ES256 or EdDSA");
  } else if (keyed.length > 0 && secret !== null) {
    report(place, `Cannot check ${keyed.join(", ")} with auth.jwt.secret; write HS256`);
  }
}

/** Roles that are not defined. */
export function roles({ auth }: Config, report: Report): void {
  const known = Object.keys(auth.permissions);
  const check = (list: "tokens" | "certificates") =>
    auth[list].forEach((entry, at) =>
      entry.roles.forEach((role, index) => {
        if (known.includes(role)) return;
        const hint = known.length === 0 ? "define it there" : `it knows ${known.join(", ")}`;
        report(
          ["auth", list, at, "roles", index],
          `Cannot find the role ${JSON.stringify(role)} in auth.permissions; ${hint}`,
        );
      })
    );
  check("tokens");
  check("certificates");
}

/** Keys that whoever is in between could replace: with them, everybody gets in as anybody. */
export function plainKeys({ auth, hub }: Config, report: Report): void {
  if (hub.allow_insecure) return;
  const check = (path: readonly string[], value: string | null) => {
    const url = value === null ? null : URL.parse(value);
    if (url?.protocol !== "http:" || isLoopbackHost(url.hostname.replace(/^\[(.*)\]$/, "$1"))) return;
    report(
      path,
      `Cannot load keys from ${url.host} in plain text: whoever is in between could replace them; write https, or set hub.allow_insecure: true`,
    );
  };
  check(["auth", "jwt", "jwks"], auth.jwt.jwks);
  check(["auth", "oidc", "issuer"], auth.oidc.issuer);
}

/** Two that vouch for the same issuer. */
export function issuers({ auth }: Config, report: Report): void {
  const { issuer } = auth.oidc;
  const { secret, jwks } = auth.jwt;
  if (issuer === null || issuer !== auth.jwt.issuer || (secret === null && jwks === null)) return;
  report(
    ["auth", "oidc", "issuer"],
    "Cannot tell the tokens of auth.jwt and auth.oidc apart: both have this issuer; write another auth.jwt.issuer or leave out one of the two",
  );
}

/** Tokens that can be guessed or that no client could send; without telling them. */
export function staticTokens({ auth }: Config, report: Report): void {
  auth.tokens.forEach(({ token }, at) => {
    const problem = problemOfToken(token);
    if (problem !== null) report(["auth", "tokens", at, "token"], problem);
  });
}

function problemOfToken(token: string): string | null {
  const what = `Cannot use a token of ${token.length} characters`;
  if (token.length > MAX_STATIC_TOKEN_LENGTH) return `${what}; write at most ${MAX_STATIC_TOKEN_LENGTH}`;
  if (token.length < MIN_STATIC_TOKEN_LENGTH) {
    return `${what}: it can be guessed; write at least ${MIN_STATIC_TOKEN_LENGTH}, for example what "openssl rand -hex 32" prints`;
  }
  return isTokenText(token)
    ? null
    : "Cannot use this token: it fits into no header; write letters, digits and -._~+/ alone, = only at its end";
}
