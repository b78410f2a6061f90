/** Every kind of login by token keeps the contract. */
import { CachedKeys } from "../../src/auth/cached_keys.ts";
import { JwtAuthenticator, type JwtRules } from "../../src/auth/jwt_authenticator.ts";
import { discoveryLoader, fileLoader, urlLoader } from "../../src/auth/key_loaders.ts";
import type { KeyAlgorithm, KeySource } from "../../src/auth/key_source.ts";
import { KEY_ALGORITHMS } from "../../src/core/login_limits.ts";
import { SecretKey } from "../../src/auth/secret_key.ts";
import { StaticTokens } from "../../src/auth/static_tokens.ts";
import type { Identity } from "../../src/auth/authenticator.ts";
import { newSigningKey, signJwt, signWithSecret } from "../helpers/jwt.ts";
import { OpenIdProvider } from "../helpers/openid_provider.ts";
import { type Candidate, testContract } from "./authenticator_contract.ts";
import { goodClaims, NOW, PATHS, SECRET, TestPorts } from "./setup.ts";

const CLAIMS = goodClaims({ tenant_id: "blue", account: "acme", roles: ["reader"], jti: "id-1" });
const IDENTITY = {
  subject: "alice",
  tenant: "blue",
  account: "acme",
  roles: ["reader"],
  grant: null,
  expiresAtMs: (NOW + 305) * 1000,
  tokenId: "id-1",
};

function jwt(keys: KeySource, rules: Partial<JwtRules> = {}): JwtAuthenticator {
  const { epochMs, events } = new TestPorts();
  const usual = { method: "jwt", issuer: "https://id.example", audiences: ["hub"], claims: PATHS } as const;
  return new JwtAuthenticator(
    { ...usual, algorithms: KEY_ALGORITHMS, clockToleranceMs: 5000, isResponsibleFor: () => true, ...rules },
    { keys, epochMs, events },
  );
}

function candidate(
  authenticator: Candidate["authenticator"],
  good: string,
  rest: Partial<Identity> = {},
): Candidate {
  const identity = { method: authenticator.name, ...IDENTITY, ...rest };
  return { authenticator, good, identity, [Symbol.asyncDispose]: () => Promise.resolve() };
}

function cached(load: ConstructorParameters<typeof CachedKeys>[0]["load"]): CachedKeys {
  const { clock, events } = new TestPorts();
  return new CachedKeys({ source: "test", load, clock, events });
}

testContract("StaticTokens", () => {
  const { expiresAtMs: _end, tokenId: _id, grant, ...who } = IDENTITY;
  const tokens = [{ token: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", ...who, permissions: grant }];
  return candidate(new StaticTokens(tokens), tokens[0]?.token ?? "", { expiresAtMs: null, tokenId: null });
});

testContract(
  "JwtAuthenticator with a secret",
  () => candidate(jwt(SecretKey.of(SECRET), { algorithms: ["HS256"] }), signWithSecret(CLAIMS, SECRET)),
);

for (const algorithm of ["RS256", "ES256", "EdDSA"] satisfies KeyAlgorithm[]) {
  testContract(`JwtAuthenticator with a file of keys, ${algorithm}`, () => {
    const key = newSigningKey(algorithm, "one");
    const ports = new TestPorts();
    ports.files.set("keys.json", JSON.stringify({ keys: [key.jwk] }));
    return candidate(jwt(cached(fileLoader("keys.json", ports.readTextFile))), signJwt(CLAIMS, key));
  });
}

testContract("JwtAuthenticator with keys at a URL", () => {
  const provider = new OpenIdProvider();
  const authenticator = jwt(cached(urlLoader(provider.keysUrl, fetch)));
  const dispose = { [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose]() };
  return { ...candidate(authenticator, signJwt(CLAIMS, provider.key)), ...dispose };
});

testContract("JwtAuthenticator with OpenID Connect", () => {
  const provider = new OpenIdProvider();
  const { issuer } = provider;
  const load = discoveryLoader(issuer, { fetch, clock: new TestPorts().clock });
  const authenticator = jwt(cached(load), { method: "oidc", issuer });
  const dispose = { [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose]() };
  return { ...candidate(authenticator, signJwt({ ...CLAIMS, iss: issuer }, provider.key)), ...dispose };
});
