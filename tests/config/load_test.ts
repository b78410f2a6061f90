import { deepEqual, equal, ok } from "node:assert/strict";
import { defaultConfig } from "../../src/config/mod.ts";
import { configSchema } from "../../src/config/schema.ts";
import { detachedContext } from "../../src/config/schema_context.ts";
import { loadRight, loadWrong } from "./loading.ts";

Deno.test("Config: has every default without any source", () => {
  const { config, sources } = loadRight({});
  deepEqual(config, defaultConfig());
  deepEqual(config.hub.listen, [{
    address: { host: "127.0.0.1", port: 8443 },
    tls: false,
    transports: ["http", "text", "frames", "json"],
  }]);
  equal(config.hub.heartbeat.timeout, 60_000);
  equal(config.hub.outbox.control, 256 * 1024);
  equal(config.limits.connection.burst, 2);
  ok([...sources.values()].every(({ kind }) => kind === "default"));
});

Deno.test("Config: --set wins over the environment, that over the file, that over the default", () => {
  const text = "hub: { max_connections: 1, max_connections_per_ip: 1, auth_timeout: 1s }";
  const env = { TRUNKLINE_HUB__MAX_CONNECTIONS: "2", TRUNKLINE_HUB__MAX_CONNECTIONS_PER_IP: "2" };
  const { config, sources } = loadRight({
    text,
    env,
    set: ["hub.max_connections=3", "hub.max_connections=4"],
  });
  equal(config.hub.max_connections, 4);
  equal(config.hub.max_connections_per_ip, 2);
  equal(config.hub.auth_timeout, 1000);
  equal(config.hub.first_byte_timeout, 10_000);
  deepEqual(sources.get("hub.max_connections"), { kind: "set", key: "hub.max_connections" });
  deepEqual(sources.get("hub.max_connections_per_ip"), {
    kind: "env",
    name: "TRUNKLINE_HUB__MAX_CONNECTIONS_PER_IP",
  });
  deepEqual(sources.get("hub.auth_timeout"), { kind: "file", file: "config.yaml", line: 1, column: 55 });
  deepEqual(sources.get("hub.first_byte_timeout"), { kind: "default" });
});

Deno.test("Config: a map from a stronger source leaves the other keys of a section alone", () => {
  const text = "hub:\n  tls: { cert: a.pem, key: b.pem }";
  const { config } = loadRight({ text, set: ["hub.tls={ key: c.pem }"] });
  equal(config.hub.tls.cert, "/etc/trunkline/a.pem");
  equal(config.hub.tls.key, "/etc/trunkline/c.pem");
});

Deno.test("Config: a list from a stronger source replaces the whole list", () => {
  const { config } = loadRight({ text: "relay: { paths: [/a, /b] }", set: ["relay.paths=[/c]"] });
  deepEqual(config.relay.paths, ["/c"]);
});

Deno.test("Config: a stronger source can fill in a section that was off", () => {
  const set = ["public.tls.cert=a", "public.tls.key=b"];
  equal(loadRight({ set }).config.public.tls?.min_version, "1.2");
  equal(loadRight({ text: "public: { tls: null }", set }).config.public.tls?.key, "/etc/trunkline/b");
});

Deno.test("Config: values of the environment and of flags may be bare where YAML would misread them", () => {
  const env = {
    TRUNKLINE_HUB__LISTEN: "[::1]:8443",
    TRUNKLINE_METRICS__LISTEN: ":0",
    TRUNKLINE_HUB__ALLOW_INSECURE: "true",
  };
  const set = [
    "hub.tls.min_version=1.3",
    "auth.jwt.secret=01230123012301230123012301230123",
    "logging.output=7",
    "auth.jwt.issuer=null",
  ];
  const { config } = loadRight({ env, set });
  deepEqual(config.hub.listen[0]?.address, { host: "::1", port: 8443 });
  deepEqual(config.metrics.listen, { host: "0.0.0.0", port: 0 });
  equal(config.hub.tls.min_version, "1.3");
  equal(config.auth.jwt.secret, "01230123012301230123012301230123");
  equal(config.logging.output, "/etc/trunkline/7");
  equal(config.auth.jwt.issuer, null);
});

Deno.test("Config: flags reach into maps with free names", () => {
  const set = [
    "broker.rate.topics.orders.new=5",
    "broker.rate.topics.a.#=6",
    "auth.permissions.operator.admin=true",
  ];
  const { config } = loadRight({ text: "auth: { permissions: { operator: { publish: [a] } } }", set });
  deepEqual(config.broker.rate.topics, { "orders.new": 5, "a.#": 6 });
  equal(config.auth.permissions["operator"]?.admin, true);
  deepEqual(config.auth.permissions["operator"]?.publish, ["a"]);
});

Deno.test("Config: tells unknown variables and flags by their name", () => {
  const env = {
    TRUNKLINE_HUB_LISTEN: "x",
    TRUNKLINE_NOPE: "y",
    TRUNKLINE_URL: "ws://a",
    TRUNKLINE_TOKEN: "t",
    HOME: "/",
  };
  const set = [
    "hub.lisen=x",
    "hub.listen.0.tls=true",
    "hub",
    "auth.jwt.secret:hidden",
    "hub.listen.x=1",
    "=5",
  ];
  deepEqual(loadWrong({ env, set }), [
    "TRUNKLINE_HUB_LISTEN: Cannot find a setting of this name; did you mean TRUNKLINE_HUB__LISTEN?",
    "TRUNKLINE_NOPE: Cannot find a setting of this name",
    "--set hub.lisen: Cannot find a setting of this name; did you mean hub.listen?",
    "--set hub.listen.0.tls: Cannot set a part of the list hub.listen; give it as a whole YAML list",
    "--set hub: Cannot read this flag; write --set key=value such as --set hub.listen=:8443",
    "--set auth.jwt.secret: Cannot read this flag; write --set key=value such as --set hub.listen=:8443",
    "--set hub.listen.x: Cannot set a part of the list hub.listen; give it as a whole YAML list",
    "--set : Cannot read this flag; write --set key=value such as --set hub.listen=:8443",
  ]);
});

Deno.test("Config: tells a wrong value at the variable or flag that gives it", () => {
  const lines = loadWrong({
    text: "hub: { max_connections: 1 }",
    env: { TRUNKLINE_HUB__MAX_CONNECTIONS: "lots" },
    set: ["relay.echo=maybe"],
  });
  deepEqual(lines, [
    'TRUNKLINE_HUB__MAX_CONNECTIONS: hub.max_connections: Cannot use "lots"; write a whole number from 1 to 1000000',
    '--set relay.echo: Cannot use "maybe"; write true or false',
  ]);
});

Deno.test("Config: reads secrets from files and variables, without the newline at their end", () => {
  const text =
    "auth: { jwt: { secret: { file: keys/jwt } } }\ndashboard: { token: { env: TRUNKLINE_DASHBOARD_TOKEN } }";
  const { config } = loadRight({
    text,
    env: { TRUNKLINE_DASHBOARD_TOKEN: "open\n" },
    files: { "/etc/trunkline/keys/jwt": " open sesame, open sesame, open sesame \r\n" },
  });
  equal(config.auth.jwt.secret, " open sesame, open sesame, open sesame ");
  equal(config.dashboard.token, "open");
});

Deno.test("Config: a reference to a secret that cannot be read never becomes the secret", () => {
  const [line] = loadWrong({ set: ["auth.jwt.secret={ file: gone }"] });
  ok(
    line?.startsWith(
      "--set auth.jwt.secret: Cannot read this secret: the file /etc/trunkline/gone cannot be read",
    ),
  );
});

Deno.test("Config: relative paths start at the folder of the file", () => {
  const text = "hub: { tls: { cert: a.pem, key: /b.pem } }\nauth: { jwt: { jwks: https://id.example/keys } }";
  const { config } = loadRight({ text });
  equal(config.hub.tls.cert, "/etc/trunkline/a.pem");
  equal(config.hub.tls.key, "/b.pem");
  equal(config.auth.jwt.jwks, "https://id.example/keys");
  equal(config.hub.listen[0]?.tls, true);
  equal(config.logging.output, "stderr");
});

Deno.test("Config: accounts have the default limits but for their own, tenants none", () => {
  const raw = {
    limits: { default: { tunnels: 7 }, accounts: { acme: { burst: "3x" } }, tenants: { blue: {} } },
  };
  const { limits } = configSchema(detachedContext).parse(raw);
  deepEqual(limits.accounts["acme"], { ...limits.default, burst: 3 });
  const blue = limits.tenants["blue"];
  deepEqual([blue?.connections, blue?.tunnels, blue?.bandwidth, blue?.burst], [0, 0, 0, 2]);
  equal(limits.default.tunnels, 7);
});

Deno.test("Config: keys named like parts of JavaScript's objects are unknown keys", () => {
  const lines = loadWrong({ text: "__proto__: { hub: 1 }\nconstructor: 1\nhub: { toString: 1 }" });
  deepEqual(lines.map((line) => line.split(";")[0]), [
    'config.yaml:1:1: __proto__: Cannot use the unknown key "__proto__"',
    'config.yaml:2:1: constructor: Cannot use the unknown key "constructor"',
    'config.yaml:3:8: hub.toString: Cannot use the unknown key "toString"',
  ]);
});

Deno.test("Config: takes a file of any nesting without falling over", () => {
  for (const depth of [200, 20_000]) {
    ok(loadWrong({ text: `hub: ${"[".repeat(depth)}${"]".repeat(depth)}` }).length > 0);
    ok(loadWrong({ set: [`hub=${"[".repeat(depth)}${"]".repeat(depth)}`] }).length > 0);
  }
  ok(loadWrong({ set: ["relay=&a { paths: [*a] }"] }).length > 0);
});

Deno.test("Config: one mistake does not hide a contradiction elsewhere, and is not told twice", () => {
  const text = "hub: { listen: ':8443', allow_insecure: maybe, heartbeat: { interval: 5m } }";
  deepEqual(loadWrong({ text }).map((line) => line.split(": ").slice(0, 2).join(": ")), [
    "config.yaml:1:16: hub.listen",
    "config.yaml:1:41: hub.allow_insecure",
    "config.yaml:1:71: hub.heartbeat.timeout",
  ]);
});

Deno.test("Config: a contradiction with a default is told where the other value stands", () => {
  const [line] = loadWrong({ env: { TRUNKLINE_HUB__HEARTBEAT__INTERVAL: "5m" } });
  ok(
    line?.startsWith(
      "TRUNKLINE_HUB__HEARTBEAT__INTERVAL: hub.heartbeat.timeout: Cannot close a connection before",
    ),
  );
});
