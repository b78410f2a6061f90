import { deepEqual, equal, match, ok } from "node:assert/strict";
import { findContradictions } from "../../src/config/cross_checks.ts";
import { type Config, defaultConfig } from "../../src/config/mod.ts";
import { formatKey } from "../../src/config/problem.ts";
import { configSchema } from "../../src/config/schema.ts";
import { detachedContext } from "../../src/config/schema_context.ts";

/** The contradictions of a configuration, parts that do not exist yet taken as built. */
function contradictions(raw: unknown): [key: string, message: string][] {
  return check(configSchema(detachedContext).parse(raw));
}

function check(config: Config): [string, string][] {
  const found: [string, string][] = [];
  findContradictions(config, {
    isValid: () => true,
    reporter: () => (path, message) => found.push([formatKey(path), message]),
  });
  return found;
}

/** Client certificates that are looked at. */
const MUTUAL = { tls: { cert: "a", key: "b", client_ca: "c" } };

function keys(raw: unknown): string[] {
  return contradictions(raw).map(([key]) => key);
}

Deno.test("Config: the defaults contradict nothing", () => {
  deepEqual(check(defaultConfig()), []);
});

Deno.test("Config: plain text beyond loopback must be asked for by hub.allow_insecure", () => {
  const auth = { allow_anonymous: true };
  for (const listen of [":8443", "[::]:8443", "192.0.2.1:0", "hub.example:8443"]) {
    const found = contradictions({ hub: { listen }, auth });
    equal(found.length, 1, listen);
    match(found[0]?.[1] ?? "", /hub\.allow_insecure: true/);
    deepEqual(keys({ hub: { listen, allow_insecure: true }, auth }), []);
    deepEqual(keys({ hub: { listen, tls: { cert: "a", key: "b" } }, auth }), []);
  }
  for (const listen of ["127.0.0.9:1", "[::1]:1", "localhost:1", "[::ffff:127.0.0.1]:1"]) {
    deepEqual(keys({ hub: { listen } }), [], listen);
  }
  const mixed = [{ address: ":8443", tls: false }];
  match(
    contradictions({ hub: { listen: mixed, tls: { cert: "a", key: "b" } }, auth })[0]?.[1] ?? "",
    /set tls: true here/,
  );
});

Deno.test("Config: no login beyond loopback must be asked for by auth.allow_anonymous", () => {
  const hub = { listen: ":8443", allow_insecure: true };
  const found = contradictions({ hub });
  deepEqual(found.map(([key]) => key), ["hub.listen[0].address"]);
  match(found[0]?.[1] ?? "", /auth\.allow_anonymous: true/);
  deepEqual(keys({ hub, auth: { allow_anonymous: true } }), []);
  deepEqual(keys({ hub, auth: { mode: "required", jwt: { secret: "s".repeat(32) } } }), []);
});

Deno.test("Config: certificate, key and TLS go together", () => {
  deepEqual(keys({ hub: { tls: { cert: "a" } } }), ["hub.tls.cert"]);
  deepEqual(keys({ hub: { tls: { key: "a" } } }), ["hub.tls.key"]);
  deepEqual(keys({ hub: { listen: [{ address: "127.0.0.1:1", tls: true }] } }), ["hub.listen[0].tls"]);
  deepEqual(keys({ hub: { tls: { require_client_cert: true } } }), ["hub.tls.require_client_cert"]);
  deepEqual(keys({ hub: { tls: { client_ca: "c" } } }), ["hub.tls.client_ca"]);
  deepEqual(keys({ hub: MUTUAL }), []);
  deepEqual(keys({ auth: { certificates: [{ match: "m", subject: "a" }] } }), ["auth.certificates"]);
  deepEqual(keys({ public: { tls: {} } }), ["public.tls"]);
});

Deno.test("Config: the relay keeps off the paths of the hub and of the broker", () => {
  deepEqual(keys({ relay: { paths: ["/", "/ws"] }, broker: { enabled: false } }), []);
  deepEqual(keys({ relay: { paths: ["/", "/ws", "/x"] } }), [
    "relay.paths[0]",
    "relay.paths[1]",
  ]);
  for (const path of ["/agent", "/api", "/api/v1", "/healthz", "/readyz"]) {
    deepEqual(keys({ relay: { paths: [path] } }), ["relay.paths[0]"], path);
  }
  deepEqual(keys({ relay: { paths: ["/apis", "/agents"] } }), []);
  deepEqual(keys({ relay: { paths: ["/a", "/b", "/a"] } }), ["relay.paths[2]"]);
});

Deno.test("Config: limits of the same thing are in order", () => {
  deepEqual(keys({ hub: { heartbeat: { interval: "60s" } } }), ["hub.heartbeat.timeout"]);
  deepEqual(keys({ broker: { request: { timeout: "2h" } } }), ["broker.request.timeout"]);
  deepEqual(keys({ tunnel: { window: { initial: "32MiB" } } }), ["tunnel.window.initial"]);
  deepEqual(keys({ tunnel: { window: { max: "128MiB" } } }), ["tunnel.window.max"]);
});

Deno.test("Config: a JWT secret and keys are never mixed", () => {
  const jwt = (raw: unknown) => keys({ auth: { jwt: raw } });
  const secret = "s".repeat(32);
  deepEqual(jwt({ secret, jwks: "keys.json" }), ["auth.jwt.jwks"]);
  deepEqual(jwt({ secret, algorithms: ["RS256"] }), ["auth.jwt.algorithms"]);
  deepEqual(jwt({ jwks: "keys.json", algorithms: ["HS256"] }), ["auth.jwt.algorithms"]);
  deepEqual(jwt({ algorithms: ["HS256", "EdDSA"] }), ["auth.jwt.algorithms"]);
  deepEqual(jwt({ secret, algorithms: ["HS256"] }), []);
  deepEqual(jwt({ jwks: "keys.json", algorithms: ["ES256", "EdDSA"] }), []);
});

Deno.test("Config: a JWT secret has 32 bytes at least, and its text is not told", () => {
  const jwt = (secret: string) => contradictions({ auth: { jwt: { secret } } });
  deepEqual(jwt("guess-me-guess-me-guess-me-gues"), [[
    "auth.jwt.secret",
    'Cannot use a secret of 31 bytes: it can be guessed; write at least 32, for example what "openssl rand -base64 32" prints',
  ]]);
  deepEqual(jwt("é".repeat(16)), []);
});

Deno.test("Config: auth.jwt and auth.oidc have issuers of their own", () => {
  const auth = (issuer: string | null, jwt: unknown = { jwks: "keys.json" }) =>
    keys({ auth: { jwt: { issuer, ...(jwt as object) }, oidc: { issuer: "https://id.example" } } });
  deepEqual(auth("https://id.example"), ["auth.oidc.issuer"]);
  deepEqual(auth("https://other.example"), []);
  deepEqual(auth(null), []);
  deepEqual(auth("https://id.example", {}), []);
});

Deno.test("Config: each static token is somebody's alone, and neither too long nor to be guessed", () => {
  const tokens = (...list: string[]) =>
    contradictions({ auth: { tokens: list.map((token) => ({ token, subject: "a" })) } });
  deepEqual(tokens("a".repeat(16), "AZaz09-._~+/====", "x".repeat(4096)), []);
  const [long, again] = tokens("same-secret-0001", "same-secret-0001", "x".repeat(4097));
  deepEqual([again?.[0], long?.[0]], ["auth.tokens[1].token", "auth.tokens[2].token"]);
  ok(!again?.[1].includes("same-secret"));
});

Deno.test("Config: a static token that can be guessed, or that no header takes, is refused without being told", () => {
  for (
    const token of [
      "a",
      "x".repeat(15),
      "two words in one token",
      "=".repeat(16),
      "ümlaut-in-the-token",
      `${"a".repeat(16)}\n`,
    ]
  ) {
    const found = contradictions({ auth: { tokens: [{ token, subject: "a" }] } });
    deepEqual(found.map(([key]) => key), ["auth.tokens[0].token"], token);
    ok(token.length === 1 || !JSON.stringify(found).includes(token));
  }
});

Deno.test("Config: names of listed logins are such as claims may hold", () => {
  const names = { subject: "s".repeat(255), account: "a".repeat(128), tenant: "t".repeat(128) };
  const parse = (changes: object) =>
    configSchema(detachedContext).safeParse({
      auth: { tokens: [{ token: "t".repeat(16), ...names, ...changes }] },
    }).success;
  ok(parse({}));
  for (
    const wrong of [
      { subject: "s".repeat(256) },
      { account: "a".repeat(129) },
      { tenant: "t".repeat(129) },
      { subject: "a\u0001b" },
      { account: "a\nb" },
      { tenant: "a\u009bb" },
    ]
  ) {
    ok(!parse(wrong), JSON.stringify(wrong));
  }
});

Deno.test("Config: keys come in plain text from this machine alone, unless plain text is allowed", () => {
  const sources = (url: string) => [{ jwt: { jwks: url } }, { oidc: { issuer: url } }];
  for (
    const url of [
      "http://id.example/keys",
      "HTTP://192.0.2.1:8080",
      "http://127.0.0.1.example",
      "http://[2001:db8::1]",
    ]
  ) {
    const found = sources(url).flatMap((auth) => contradictions({ auth }));
    deepEqual(found.map(([key]) => key), ["auth.jwt.jwks", "auth.oidc.issuer"], url);
    match(found[0]?.[1] ?? "", /hub\.allow_insecure: true/);
    for (const auth of sources(url)) deepEqual(keys({ hub: { allow_insecure: true }, auth }), []);
  }
  for (
    const url of ["https://id.example", "http://127.0.0.1:8080/a", "http://localhost/a", "http://[::1]:80/a"]
  ) {
    for (const auth of sources(url)) deepEqual(keys({ auth }), [], url);
  }
  deepEqual(keys({ auth: { jwt: { jwks: "keys.json" } } }), []);
});

Deno.test("Config: roles of tokens and certificates are defined", () => {
  const auth = {
    tokens: [{ token: "t".repeat(16), subject: "a", roles: ["reader", "writer"] }],
    certificates: [{ match: "m", subject: "b", roles: ["admin"] }],
    permissions: { reader: {} },
  };
  deepEqual(keys({ hub: MUTUAL, auth }), ["auth.tokens[0].roles[1]", "auth.certificates[0].roles[0]"]);
});

Deno.test("Config: a login that is required needs a source of logins", () => {
  const auth = (raw: object) => keys({ hub: MUTUAL, auth: { mode: "required", ...raw } });
  deepEqual(auth({}), ["auth.mode"]);
  deepEqual(auth({ tokens: [{ token: "t".repeat(16), subject: "a" }] }), []);
  deepEqual(auth({ certificates: [{ match: "m", subject: "a" }] }), []);
  deepEqual(auth({ jwt: { secret: "s".repeat(32) } }), []);
  deepEqual(auth({ jwt: { jwks: "keys.json" } }), []);
  deepEqual(auth({ oidc: { issuer: "https://id.example" } }), []);
});

Deno.test("Config: tenants go with logins that name them", () => {
  const tokens = [
    { token: "a".repeat(16), subject: "a", tenant: "acme" },
    { token: "b".repeat(16), subject: "b" },
  ];
  const certificates = [{ match: "m", subject: "c" }];
  deepEqual(keys({ auth: { multi_tenant: true } }), ["auth.multi_tenant"]);
  deepEqual(keys({ hub: MUTUAL, auth: { mode: "required", multi_tenant: true, tokens, certificates } }), [
    "auth.tokens[1]",
    "auth.certificates[0]",
  ]);
  deepEqual(keys({ hub: MUTUAL, auth: { mode: "required", tokens, certificates } }), [
    "auth.tokens[0].tenant",
  ]);
  deepEqual(keys({ auth: { tokens: [{ token: "a".repeat(16), subject: "a", tenant: "default" }] } }), []);
});

Deno.test("Config: no token and no certificate stands for two, and no message tells the token", () => {
  const tokens = ["x".repeat(16), "secret-token-001", "secret-token-001"].map((token) => ({
    token,
    subject: token.slice(0, 1),
  }));
  const certificates = [{ match: "m", subject: "a" }, { match: "m", subject: "b" }];
  const found = contradictions({ hub: MUTUAL, auth: { tokens, certificates } });
  deepEqual(found.map(([key]) => key), ["auth.tokens[2].token", "auth.certificates[1].match"]);
  match(found[0]?.[1] ?? "", /auth\.tokens\[1\]/);
  ok(!JSON.stringify(found).includes("secret-token"));
});

Deno.test("Config: no two listeners want the same port", () => {
  const off = { auth: { allow_anonymous: true } };
  deepEqual(keys({ metrics: { listen: "127.0.0.1:8443" } }), ["metrics.listen"]);
  deepEqual(keys({ metrics: { listen: ":8443" }, ...off }), ["metrics.listen"]);
  deepEqual(keys({ metrics: { listen: "[::1]:8443" } }), []);
  deepEqual(keys({ metrics: { listen: "localhost:8443" } }), ["metrics.listen"]);
  deepEqual(keys({ metrics: { listen: "127.0.0.1:8443", enabled: false } }), []);
  deepEqual(keys({ hub: { listen: "127.0.0.1:0" }, metrics: { listen: "127.0.0.1:0" } }), []);
  deepEqual(keys({ dashboard: { enabled: true, listen: "127.0.0.1:9090" } }), ["dashboard.listen"]);
  deepEqual(keys({ hub: { listen: ["127.0.0.1:1", "127.0.0.1:1"] } }), ["hub.listen[1].address"]);
  deepEqual(keys({ tunnel: { tcp_ports: "8000-9000" } }), ["tunnel.tcp_ports"]);
  deepEqual(keys({ tunnel: { tcp_ports: "20000-20999" } }), []);
});

Deno.test("Config: the dashboard beyond loopback needs a token", () => {
  const found = contradictions({ dashboard: { enabled: true, listen: ":9000" } });
  ok(found.some(([key, message]) => key === "dashboard.listen" && message.includes("dashboard.token")));
  deepEqual(keys({ dashboard: { enabled: true, listen: ":9000", token: "t" } }), []);
});
