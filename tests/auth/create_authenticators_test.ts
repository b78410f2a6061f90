/** All kinds of login together, with a provider that rotates its keys, goes away, hangs and lies. */
import assert from "node:assert/strict";
import { type Authenticators, createAuthenticators } from "../../src/auth/create_authenticators.ts";
import type { StaticToken } from "../../src/auth/static_tokens.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { newSigningKey, signJwt, signWithSecret } from "../helpers/jwt.ts";
import { OpenIdProvider } from "../helpers/openid_provider.ts";
import { goodClaims, NO_JWT, optionsOf, SECRET, TestPorts } from "./setup.ts";

const STATIC: StaticToken = {
  token: "static-token",
  subject: "edge-1",
  account: null,
  tenant: null,
  roles: [],
  permissions: null,
};

/** Who gets in, or why not. */
async function ask(authenticators: Authenticators, token: string): Promise<string> {
  const answer = await authenticators.authenticate(token);
  return answer.kind === "accepted" ? `${answer.identity.method} ${answer.identity.subject}` : answer.reason;
}

function oidcOf(provider: OpenIdProvider, ports: TestPorts): Authenticators {
  return createAuthenticators(optionsOf({ oidc: { issuer: provider.issuer, audience: "hub" } }), ports);
}

function tokenOf({ issuer, key }: OpenIdProvider): string {
  return signJwt(goodClaims({ iss: issuer }), key);
}

Deno.test("Authenticators: with none configured every token is unknown", async () => {
  const authenticators = createAuthenticators(optionsOf({}), new TestPorts());
  for (const token of ["x", signWithSecret(goodClaims(), SECRET)]) {
    assert.equal(await ask(authenticators, token), "unknown");
  }
  assert.deepEqual(await authenticators.loadKeys(), []);
});

Deno.test("Authenticators: static tokens, secret and provider side by side, each for its own tokens", async () => {
  await using provider = new OpenIdProvider();
  const { issuer, key } = provider;
  const jwt = { ...NO_JWT, secret: SECRET };
  const oidc = { issuer, audience: "hub" };
  const authenticators = createAuthenticators(optionsOf({ tokens: [STATIC], jwt, oidc }), new TestPorts());
  assert.equal(await ask(authenticators, "static-token"), "token edge-1");
  assert.equal(await ask(authenticators, signWithSecret(goodClaims(), SECRET)), "jwt alice");
  assert.equal(await ask(authenticators, tokenOf(provider)), "oidc alice");
  assert.equal(await ask(authenticators, "static-tokens"), "unknown");
  // Whoever has the secret is not the provider, and the provider vouches for its own issuer alone.
  assert.equal(await ask(authenticators, signWithSecret(goodClaims({ iss: issuer }), SECRET)), "algorithm");
  assert.equal(
    await ask(authenticators, signJwt(goodClaims({ iss: "https://other.example" }), key)),
    "algorithm",
  );
});

Deno.test("Authenticators: keys of a file and a provider, told apart by the issuer", async () => {
  await using provider = new OpenIdProvider();
  const own = newSigningKey("EdDSA", "own");
  const ports = new TestPorts();
  ports.files.set("/keys.json", JSON.stringify({ keys: [own.jwk] }));
  const jwt = { ...NO_JWT, jwks: "/keys.json", issuer: "https://id.example" };
  const oidc = { issuer: provider.issuer, audience: null };
  const authenticators = createAuthenticators(optionsOf({ jwt, oidc }), ports);
  assert.deepEqual(await authenticators.loadKeys(), []);
  assert.equal(await ask(authenticators, signJwt(goodClaims(), own)), "jwt alice");
  assert.equal(await ask(authenticators, tokenOf(provider)), "oidc alice");
  assert.equal(
    await ask(authenticators, signJwt(goodClaims({ iss: provider.issuer }), own)),
    "key_unknown_yet",
  );
  assert.equal(await ask(authenticators, signJwt(goodClaims({ iss: "https://x.example" }), own)), "issuer");
});

Deno.test("Authenticators: only the algorithms that are configured are taken", async () => {
  const own = newSigningKey("ES256", "own");
  const ports = new TestPorts();
  ports.files.set("/keys.json", JSON.stringify({ keys: [own.jwk] }));
  for (
    const [algorithms, expected] of [[["ES256"], "jwt alice"], [["RS256", "HS256"], "algorithm"]] as const
  ) {
    const jwt = { ...NO_JWT, jwks: "/keys.json", algorithms };
    assert.equal(
      await ask(createAuthenticators(optionsOf({ jwt }), ports), signJwt(goodClaims(), own)),
      expected,
    );
  }
});

Deno.test("Authenticators: a secret of less than 32 bytes is refused", () => {
  const make = (secret: string) => () =>
    createAuthenticators(optionsOf({ jwt: { ...NO_JWT, secret } }), new TestPorts());
  assert.throws(
    make("x".repeat(31)),
    (error) => error instanceof TrunklineError && error.code === "config_invalid",
  );
  assert.doesNotThrow(make("é".repeat(16)));
});

Deno.test("Authenticators: a file of keys that is not there is told, and read when it comes", async () => {
  const own = newSigningKey("RS256", "own");
  const ports = new TestPorts();
  const jwt = { ...NO_JWT, jwks: "/keys.json" };
  const authenticators = createAuthenticators(optionsOf({ jwt }), ports);
  const problems = await authenticators.loadKeys();
  assert.deepEqual(problems, [{ source: "auth.jwt.jwks", isFile: true, reason: "no file /keys.json" }]);
  assert.equal(await ask(authenticators, signJwt(goodClaims(), own)), "keys_unavailable");
  ports.files.set("/keys.json", JSON.stringify({ keys: [own.jwk] }));
  assert.deepEqual(await authenticators.loadKeys(), []);
  assert.equal(await ask(authenticators, signJwt(goodClaims(), own)), "jwt alice");
});

Deno.test("OpenID Connect: a provider that is down at the start does no harm, and is found when it is back", async () => {
  await using provider = new OpenIdProvider();
  provider.mode = "down";
  const ports = new TestPorts();
  const authenticators = oidcOf(provider, ports);
  const reason = "discovery: the answer is 503";
  assert.deepEqual(await authenticators.loadKeys(), [{ source: "auth.oidc.issuer", isFile: false, reason }]);
  assert.deepEqual(ports.events.failures, [
    { source: "auth.oidc.issuer", reason, hasKeys: false, retryAfterMs: 1000 },
  ]);
  assert.equal(await ask(authenticators, tokenOf(provider)), "keys_unavailable");
  provider.mode = "up";
  assert.equal(await ask(authenticators, tokenOf(provider)), "keys_unavailable");
  ports.pass(1000);
  assert.equal(await ask(authenticators, tokenOf(provider)), "oidc alice");
  assert.deepEqual(provider.asked, { discovery: 2, keys: 1 });
});

Deno.test("OpenID Connect: a provider that nobody listens for is one that is down", async () => {
  const provider = new OpenIdProvider();
  const token = tokenOf(provider);
  const ports = new TestPorts();
  const authenticators = oidcOf(provider, ports);
  await provider[Symbol.asyncDispose]();
  assert.equal(await ask(authenticators, token), "keys_unavailable");
  assert.equal(ports.events.failures.length, 1);
});

Deno.test("OpenID Connect: a rotated key is found, and the one before is not taken any more", async () => {
  await using provider = new OpenIdProvider();
  const ports = new TestPorts();
  const authenticators = oidcOf(provider, ports);
  const before = tokenOf(provider);
  assert.equal(await ask(authenticators, before), "oidc alice");
  provider.rotate("second");
  ports.pass(10_000);
  assert.equal(await ask(authenticators, tokenOf(provider)), "oidc alice");
  ports.pass(10_000);
  assert.equal(await ask(authenticators, before), "unknown");
  assert.deepEqual(provider.asked, { discovery: 1, keys: 3 });
});

Deno.test("OpenID Connect: a thousand who come back with an unknown key cause one request", async () => {
  await using provider = new OpenIdProvider();
  const ports = new TestPorts();
  const authenticators = oidcOf(provider, ports);
  assert.equal(await ask(authenticators, tokenOf(provider)), "oidc alice");
  ports.pass(10_000);
  provider.rotate("second");
  provider.mode = "hanging";
  const token = tokenOf(provider);
  const answers = Array.from({ length: 1000 }, () => ask(authenticators, token));
  await provider.isAsked();
  provider.release();
  assert.deepEqual(new Set(await Promise.all(answers)), new Set(["oidc alice"]));
  assert.deepEqual(provider.asked, { discovery: 1, keys: 2 });
});

Deno.test("OpenID Connect: 5,000 logins go on with the keys from before while the provider is down", async () => {
  await using provider = new OpenIdProvider([newSigningKey("ES256", "first")]);
  const ports = new TestPorts();
  const authenticators = oidcOf(provider, ports);
  const token = tokenOf(provider);
  assert.equal(await ask(authenticators, token), "oidc alice");
  provider.mode = "down";
  ports.pass(3_600_000);
  for (let batch = 0; batch < 50; batch++) {
    const answers = Array.from({ length: 100 }, () => ask(authenticators, token));
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(["oidc alice"]));
  }
  assert.equal(provider.asked.discovery + provider.asked.keys, 3);
  assert.equal(ports.events.failures.length, 1);
});

Deno.test("OpenID Connect: a provider that lies gives no keys, and the hub goes on when it tells the truth", async () => {
  await using provider = new OpenIdProvider();
  const { issuer, keysUrl } = provider;
  const json = (value: unknown) => () => Response.json(value);
  const lies: OpenIdProvider["lies"][] = [
    { discovery: () => provider.discovery({ issuer: `${issuer}/` }) },
    { discovery: () => provider.discovery({ issuer: "https://attacker.example" }) },
    { discovery: () => provider.discovery({ issuer: [issuer] }) },
    { discovery: () => provider.discovery({ jwks_uri: undefined }) },
    { discovery: () => provider.discovery({ jwks_uri: "file:///etc/passwd" }) },
    { discovery: () => provider.discovery({ jwks_uri: keysUrl.replace("http://", "http://user:pw@") }) },
    { discovery: () => provider.discovery({ padding: "x".repeat(64 * 1024) }) },
    { discovery: json([]) },
    { discovery: () => new Response("{", { headers: { "content-type": "application/json" } }) },
    { keys: () => new Response("<html>", { headers: { "content-type": "text/html" } }) },
    { keys: json({ keys: Array(101).fill(provider.key.jwk) }) },
    { keys: json({ keys: [], padding: "x".repeat(256 * 1024) }) },
    { keys: json({ keys: "none" }) },
    { keys: () => Response.redirect("ftp://attacker.example/") },
    { keys: () => Response.redirect(keysUrl) },
  ];
  for (const lie of lies) {
    const ports = new TestPorts();
    const authenticators = oidcOf(provider, ports);
    provider.lies = lie;
    assert.equal(
      await ask(authenticators, tokenOf(provider)),
      "keys_unavailable",
      JSON.stringify(ports.events.failures),
    );
    assert.equal(ports.events.failures.length, 1);
    provider.lies = {};
    ports.pass(1000);
    assert.equal(await ask(authenticators, tokenOf(provider)), "oidc alice");
  }
});

Deno.test("OpenID Connect: an issuer by https never leads to keys by http", async () => {
  const issuer = "https://id.example";
  const asked: string[] = [];
  const fetch = (url: string) => {
    asked.push(url);
    return Promise.resolve(Response.json({ issuer, jwks_uri: "http://id.example/keys" }));
  };
  const ports = Object.assign(new TestPorts(), { fetch });
  const authenticators = createAuthenticators(optionsOf({ oidc: { issuer, audience: null } }), ports);
  assert.equal((await authenticators.loadKeys()).length, 1);
  assert.deepEqual(asked, ["https://id.example/.well-known/openid-configuration"]);
});

Deno.test("OpenID Connect: keys that moved are found by asking anew where they are", async () => {
  await using provider = new OpenIdProvider();
  const ports = new TestPorts();
  const authenticators = oidcOf(provider, ports);
  provider.lies = { discovery: () => provider.discovery({ jwks_uri: `${provider.issuer}/gone` }) };
  assert.equal(await ask(authenticators, tokenOf(provider)), "keys_unavailable");
  provider.lies = {};
  ports.pass(1000);
  assert.equal(await ask(authenticators, tokenOf(provider)), "oidc alice");
  assert.equal(provider.asked.discovery, 2);
});
