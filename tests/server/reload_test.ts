import assert from "node:assert/strict";
import { type ConfigResult, loadConfig } from "../../src/config/hub_config.ts";
import type { Config } from "../../src/config/schema.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { SecurityEvent } from "../../src/core/security_event.ts";
import { Reload } from "../../src/server/reload.ts";
import { BrokerClient, codeOf } from "../broker/broker_client.ts";
import { signJwt } from "../helpers/jwt.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { OpenIdProvider } from "../helpers/openid_provider.ts";
import { TestHub } from "../helpers/test_hub.ts";

const HUB =
  "hub: { listen: 127.0.0.1:0 }\nmetrics: { listen: 127.0.0.1:0 }\npublic: { listen: 127.0.0.1:0 }\n";
const ROLES = "  permissions: { writer: { publish: [news.#] }, boss: { admin: true } }\n";
const WRITER = "    - { token: writer-token-0001, subject: writer, roles: [writer] }\n";
const GUEST = "    - { token: guest-token-00001, subject: guest }\n";
const BOSS = "    - { token: admin-token-0001, subject: boss, roles: [boss] }\n";
const ALL = `${HUB}auth:\n  mode: required\n${ROLES}  tokens:\n${WRITER}${GUEST}${BOSS}`;

function read(text: string): ConfigResult {
  const file = { path: "config.yaml", text };
  return loadConfig({
    file,
    env: {},
    set: ["limits.adjust.enabled=false"],
    cwd: "/",
    readSecretFile: () => "",
  });
}

function configOf(text: string): Config {
  const result = read(text);
  assert.ok(result.ok);
  return result.config;
}

/** A running hub whose file a test writes. */
async function hubOf(file: { text: string }): Promise<TestHub> {
  const { auth: { tokens, permissions } } = configOf(file.text);
  const set = [`auth.tokens=${JSON.stringify(tokens)}`, `auth.permissions=${JSON.stringify(permissions)}`];
  return await TestHub.start(["auth.mode=required", ...set], { readConfig: () => read(file.text) });
}

function connect(hub: TestHub, token: string): Promise<BrokerClient> {
  return BrokerClient.connect(hub, "websocket", { token });
}

Deno.test("Reload: a token that is gone ends its connection, and a narrower role refuses the next publish", async () => {
  const file = { text: ALL };
  await using hub = await hubOf(file);
  await using writer = await connect(hub, "writer-token-0001");
  await using guest = await connect(hub, "guest-token-00001");
  await using boss = await connect(hub, "admin-token-0001");
  assert.equal(codeOf(await writer.publish("news.today", "x")), "NO_ROUTE_FOUND");
  file.text = ALL.replace(GUEST, "").replace("[news.#]", "[news.old]")
    .replace("metrics:", "broker: { max_payload: 2KiB }\nmetrics:");
  assert.deepEqual(await boss.request("system.control.reload"), {
    changed: ["auth.tokens", "auth.permissions"],
    needRestart: ["broker.max_payload"],
    ended: 1,
    status: "success",
  });
  assert.equal((await guest.closed()).code, 4401);
  assert.equal(codeOf(await writer.publish("news.today", "x")), "FORBIDDEN");
  assert.equal(codeOf(await writer.publish("news.old", "x")), "NO_ROUTE_FOUND");
  const warning = hub.logger.lines.find(({ level }) => level === "warning");
  assert.deepEqual(warning?.fields, { settings: ["broker.max_payload"] });
  const again = await boss.request("system.control.reload");
  assert.deepEqual([again.changed, again.needRestart, again.ended], [[], ["broker.max_payload"], 0]);
});

Deno.test("Reload: an invalid file changes nothing, and its mistakes are told and logged with their places", async () => {
  const file = { text: ALL };
  await using hub = await hubOf(file);
  await using writer = await connect(hub, "writer-token-0001");
  await using boss = await connect(hub, "admin-token-0001");
  file.text = `${HUB}auth:\n  mode: required\n  tokens:\n    - { token: short, subject: a }\n  tokenz: 1\n`;
  const { error } = await boss.request("system.control.reload");
  assert.equal(error.code, "INVALID_REQUEST");
  assert.equal(error.details.problems.length, 2);
  assert.match(
    error.details.problems[0],
    /^config\.yaml:7:16: auth\.tokens\[0\]\.token: .*it can be guessed/,
  );
  assert.match(error.details.problems[1], /^config\.yaml:8:3: auth\.tokenz: /);
  const logged = hub.logger.lines.filter(({ level }) => level === "error").map(({ message }) => message);
  assert.deepEqual(logged.slice(1), error.details.problems);
  assert.equal(codeOf(await writer.publish("news.today", "x")), "NO_ROUTE_FOUND");
  file.text = "auth: [";
  assert.equal((await hub.server.reload())?.kind, "invalid");
  assert.equal(codeOf(await writer.publish("news.today", "x")), "NO_ROUTE_FOUND");
});

Deno.test("Reload: only administrators may ask for it, and it is recorded", async () => {
  const file = { text: ALL };
  await using hub = await hubOf(file);
  await using writer = await connect(hub, "writer-token-0001");
  assert.equal(codeOf(await writer.request("system.control.reload")), "FORBIDDEN");
  await using boss = await connect(hub, "admin-token-0001");
  assert.equal((await boss.request("system.control.reload")).status, "success");
  assert.equal(await hub.metric('trunkline_security_events_total{kind="admin_action"}'), 1);
});

Deno.test("Reload: keys that were loaded stay in use while their issuer is away", async () => {
  await using provider = new OpenIdProvider();
  const { issuer, key } = provider;
  const set = ["auth.mode=required", `auth.oidc.issuer=${issuer}`];
  await using hub = await TestHub.start(set);
  provider.mode = "down";
  const outcome = await hub.reload([...set, "auth.lockout.threshold=9"]);
  assert.deepEqual(outcome.kind === "loaded" && outcome.changed, ["auth.lockout.threshold"]);
  const token = signJwt({ sub: "a", iss: issuer, exp: Date.now() / 1000 + 100 }, key);
  await using client = await connect(hub, token);
  assert.deepEqual(await client.request("system.heartbeat"), { status: "success" });
});

Deno.test("Reload: a file of keys that cannot be used changes nothing", async () => {
  const path = await Deno.makeTempFile();
  try {
    await using provider = new OpenIdProvider();
    const { key } = provider;
    await Deno.writeTextFile(path, JSON.stringify({ keys: [key.jwk] }));
    const set = ["auth.mode=required", `auth.jwt.jwks=${path}`];
    await using hub = await TestHub.start(set);
    await Deno.writeTextFile(path, "{}");
    const outcome = await hub.reload([...set, "auth.revoked.subjects=[a]"]);
    assert.match(outcome.kind === "invalid" ? outcome.problems.join() : "", /auth\.jwt\.jwks/);
    await using client = await connect(hub, signJwt({ sub: "a", exp: Date.now() / 1000 + 100 }, key));
    assert.deepEqual(await client.request("system.heartbeat"), { status: "success" });
  } finally {
    await Deno.remove(path);
  }
});

/** A reload whose changes of logins a test lets go on one by one. */
function heldReload() {
  const logger = new MemoryLogger();
  const source: { read: () => ConfigResult } = { read: () => read(ALL) };
  const done: string[] = [];
  const events: SecurityEvent[] = [];
  const going: PromiseWithResolvers<number>[] = [];
  const broken = { part: false, logins: false };
  const reload = new Reload(configOf(ALL), {
    readConfig: () => source.read(),
    logger,
    parts: [{
      prepare: ({ logging: { level } }) => {
        if (level === "debug") throw new TrunklineError("certificate_invalid", "Cannot use the certificate");
        return () => {
          if (broken.part) throw new Error("A part broke");
        };
      },
    }, { prepare: ({ logging: { level } }) => () => void done.push(level) }],
    events: { record: (event) => void events.push(event) },
    prepareLogins: async () => {
      const held = Promise.withResolvers<number>();
      going.push(held);
      const ended = await held.promise;
      return () => broken.logins ? Promise.reject(new Error("Logins broke")) : Promise.resolve(ended);
    },
  });
  return { reload, logger, source, done, going, events, broken };
}

Deno.test("Reload: one at a time, and all who ask meanwhile share the next", async () => {
  const { reload, source, going, done, events } = heldReload();
  const first = reload.run();
  await Promise.resolve();
  source.read = () => read(ALL.replace("mode: required", "mode: required\n  lockout: { threshold: 7 }"));
  const second = reload.run();
  assert.equal(reload.run(), second);
  await Promise.resolve();
  assert.equal(going.length, 1);
  going[0]?.resolve(0);
  const outcome = await first;
  assert.deepEqual(outcome.kind === "loaded" && outcome.changed, []);
  while (going.length < 2) await Promise.resolve();
  going[1]?.resolve(3);
  assert.deepEqual(await second, {
    kind: "loaded",
    changed: ["auth.lockout.threshold"],
    needRestart: [],
    ended: 3,
  });
  assert.deepEqual(done, ["info", "info"]);
  assert.deepEqual(events.at(-1), {
    kind: "config_changed",
    address: "",
    connectionId: null,
    who: null,
    changed: ["auth.lockout.threshold"],
    needRestart: [],
    ended: 3,
  });
});

Deno.test("Reload: what cannot be read, or cannot be taken over, changes nothing and is told", async () => {
  const { reload, source, going, done, logger, events } = heldReload();
  source.read = () => {
    throw new TrunklineError("usage", "Cannot read the configuration file config.yaml: it is gone");
  };
  const unread = await reload.run();
  assert.deepEqual(unread, {
    kind: "invalid",
    problems: ["Cannot read the configuration file config.yaml: it is gone"],
  });
  source.read = () => read(ALL);
  const refused = reload.run();
  while (going.length < 1) await Promise.resolve();
  going[0]?.reject(new TrunklineError("config_invalid", "Cannot load the keys"));
  assert.deepEqual(await refused, { kind: "invalid", problems: ["Cannot load the keys"] });
  source.read = () => read(`${ALL}logging: { level: debug }\n`);
  assert.deepEqual(await reload.run(), { kind: "invalid", problems: ["Cannot use the certificate"] });
  assert.equal(going.length, 1, "logins are not asked where a part cannot");
  assert.deepEqual([done, events, reload.loaded, reload.refused], [[], [], 0, 3]);
  assert.equal(logger.lines.filter(({ level }) => level === "error").length, 6);
});

Deno.test("Reload: what breaks while it is taken over is not told as if nothing had changed", async () => {
  const { reload, source, going, done, logger, events, broken } = heldReload();
  source.read = () => read(`${ALL}logging: { level: warning }\n`);
  for (const which of [["part"], ["logins"], ["part", "logins"]]) {
    broken.part = which.includes("part");
    broken.logins = which.includes("logins");
    const outcome = reload.run();
    going.length = 0;
    while (going.length === 0) await Promise.resolve();
    going[0]?.resolve(2);
    const problems = { part: "A part broke", logins: "Logins broke" };
    assert.deepEqual(await outcome, {
      kind: "partly",
      problems: which.map((one) => problems[one as keyof typeof problems]),
    });
  }
  assert.deepEqual([reload.loaded, reload.refused, reload.partly], [0, 0, 3]);
  assert.deepEqual(done, ["warning", "warning", "warning"], "the others go on");
  assert.deepEqual(events.map((event) => event.kind === "config_changed" && event.ended), [2, 0, 0]);
  const errors = logger.lines.filter(({ level }) => level === "error").map(({ message }) => message);
  assert.equal(errors.filter((message) => message.startsWith("Only a part")).length, 3);
  assert.ok(!errors.some((message) => message.includes("nothing has changed")));
});

Deno.test("Reload: certificates of an address that is switched off are not looked at", async () => {
  const settings = ["public.enabled=false", "public.tls={ cert: /nowhere/cert.pem, key: /nowhere/key.pem }"];
  await using hub = await TestHub.start(settings);
  assert.deepEqual(await hub.reload([...settings, "logging.level=debug"]), {
    kind: "loaded",
    changed: ["logging.level"],
    needRestart: [],
    ended: 0,
  });
});

Deno.test("Reload: of many mistakes the first have a line in the log, and all are told", async () => {
  const { reload, source, logger } = heldReload();
  source.read = () => read(Array.from({ length: 500 }, (_, at) => `key${at}: 1\n`).join(""));
  const outcome = await reload.run();
  assert.equal(outcome.kind === "invalid" && outcome.problems.length, 500);
  assert.equal(logger.lines.length, 21);
});
