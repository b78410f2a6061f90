/**
 * Contradictions between the settings of logins. No message holds a token.
 */
import { DEFAULT_TENANT } from "../core/principal.ts";
import type { Report } from "./problem.ts";
import type { Config } from "./schema.ts";

const LISTS = ["tokens", "certificates"] as const;

/** Login is required, and there is no way to log in. */
export function loginWithoutSource({ auth }: Config, report: Report): void {
  const { mode, tokens, certificates, jwt, oidc } = auth;
  const hasSource = tokens.length > 0 || certificates.length > 0 || jwt.secret !== null ||
    jwt.jwks !== null ||
    oidc.issuer !== null;
  if (mode !== "required" || hasSource) return;
  report(
    ["auth", "mode"],
    "Cannot require a login that nobody has; set auth.tokens, auth.certificates, auth.jwt or auth.oidc",
  );
}

/** Login by certificate, and nobody looks at certificates. */
export function certificatesWithoutAuthority({ auth, hub }: Config, report: Report): void {
  if (auth.certificates.length === 0 || hub.tls.client_ca !== null) return;
  report(
    ["auth", "certificates"],
    "Cannot take client certificates without an authority to check them with; set hub.tls.client_ca",
  );
}

/** Tenants are kept apart, and nobody names one. */
export function tenantsWithoutLogin({ auth }: Config, report: Report): void {
  if (!auth.multi_tenant || auth.mode === "required") return;
  report(
    ["auth", "multi_tenant"],
    "Cannot keep tenants apart without logins that name them; set auth.mode: required",
  );
}

/** The relay alone asks for a login. */
export function relayLogin({ relay, auth }: Config, report: Report): void {
  if (relay.auth !== "required" || auth.mode === "required") return;
  report(["relay", "auth"], "Cannot require a login for the relay alone; set auth.mode: required");
}

/** Tenants of listed logins: a must when they are kept apart, misleading when they are not. */
export function tenantsOfLogins({ auth }: Config, report: Report): void {
  for (const list of LISTS) {
    auth[list].forEach(({ tenant }, at) => {
      if (auth.multi_tenant && tenant === null) {
        report(
          ["auth", list, at],
          "Cannot log in without a tenant while auth.multi_tenant is true; set tenant here",
        );
      }
      if (!auth.multi_tenant && tenant !== null && tenant !== DEFAULT_TENANT) {
        report(
          ["auth", list, at, "tenant"],
          "Cannot keep this tenant apart from others; set auth.multi_tenant: true or leave tenant out",
        );
      }
    });
  }
}

/** One token, or one certificate, cannot stand for two. */
export function loginsTwice({ auth }: Config, report: Report): void {
  const check = (list: typeof LISTS[number], key: string, values: readonly string[]) => {
    const first = new Map<string, number>();
    values.forEach((value, at) => {
      const earlier = first.get(value);
      if (earlier === undefined) first.set(value, at);
      else {
        report(
          ["auth", list, at, key],
          `Cannot tell it from auth.${list}[${earlier}]: both have the same ${key}; remove one of the two`,
        );
      }
    });
  };
  check("tokens", "token", auth.tokens.map(({ token }) => token));
  check("certificates", "match", auth.certificates.map(({ match }) => match));
}
