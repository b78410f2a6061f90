import assert from "node:assert/strict";
import { runCli } from "../../src/cli/cli.ts";
import { VERSION } from "../../src/core/version.ts";
import { MemoryIo } from "./memory_io.ts";

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(...args: readonly string[]): Promise<Run> {
  const io = new MemoryIo();
  const code = await runCli(args, io);
  return { code, out: io.text, err: io.errors };
}

async function withFile<T>(text: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(path, text);
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
}

const FIVE_MISTAKES = `hub:
  listen: 127.0.0.1:99999
  first_byte_timeout: 10 parsecs
  colour: blue
relay:
  echo: perhaps
metrics:
  path: metrics
`;

Deno.test("Command line: the version is the one of deno.json", async () => {
  const { version } = JSON.parse(await Deno.readTextFile("deno.json"));
  assert.equal(VERSION, version);
  const { code, out } = await run("--version");
  assert.deepEqual([code, out], [0, VERSION]);
});

Deno.test("Command line: help names every command, and each command has its own", async () => {
  const { code, out } = await run("--help");
  assert.equal(code, 0);
  const commands = [
    "hub",
    "check",
    "config",
    "certs",
    "token",
    "pub",
    "sub",
    "request",
    "reply",
    "services",
    "bench",
  ];
  for (const command of commands) {
    assert.match(out, new RegExp(`\\b${command}\\b`));
    const own = await run(command, "--help");
    assert.equal(own.code, 0);
    assert.match(own.out, /--json/);
  }
});

Deno.test("Command line: what it does not know is wrong usage", async () => {
  for (
    const args of [["fly"], ["hub", "--wings"], ["check", "extra"], ["certs", "--days", "many"], ["--set"]]
  ) {
    const { code, err } = await run(...args);
    assert.equal(code, 2, args.join(" "));
    assert.notEqual(err, "");
  }
});

Deno.test("check: five mistakes are all named with line and column, exit 2", async () => {
  await withFile(FIVE_MISTAKES, async (path) => {
    const { code, err } = await run("check", "-c", path);
    assert.equal(code, 2);
    const places = [...err.matchAll(/\.yaml:(\d+):(\d+): ([\w.]+)/g)].map(([, line, column, key]) =>
      `${line}:${column} ${key}`
    );
    assert.deepEqual(places, [
      "2:11 hub.listen",
      "3:23 hub.first_byte_timeout",
      "4:3 hub.colour",
      "6:9 relay.echo",
      "8:9 metrics.path",
    ]);
    assert.match(err, /5 mistakes/);
  });
});

Deno.test("check: --json gives the same to scripts", async () => {
  await withFile(FIVE_MISTAKES, async (path) => {
    const { code, out } = await run("check", "--json", "-c", path);
    const { ok, problems } = JSON.parse(out);
    assert.deepEqual([code, ok, problems.length], [2, false, 5]);
    assert.deepEqual([problems[0].line, problems[0].column, problems[0].key], [2, 11, "hub.listen"]);
  });
});

Deno.test("check: the shipped configuration is valid", async () => {
  const { code, out } = await run("check", "-c", "config.yaml");
  assert.deepEqual([code, out], [0, "The configuration is valid"]);
});

Deno.test("check: a certificate that is not there is told before a start finds out", async () => {
  const { code, err } = await run("check", "--set", "hub.tls={cert: nowhere.pem, key: nowhere.pem}");
  assert.equal(code, 2);
  assert.match(err, /^Cannot read hub\.tls\.cert from .*nowhere\.pem: the file does not exist$/);
});

Deno.test("check: logins that contradict each other are refused, and what would be right is said", async () => {
  for (const set of ["auth.multi_tenant=true", "auth.mode=required", "relay.auth=required"]) {
    const { code, err } = await run("check", "--set", set);
    assert.equal(code, 2, set);
    assert.match(err, /; set auth\./);
  }
});

Deno.test("check: a file that is not there is wrong usage", async () => {
  const { code, err } = await run("check", "-c", "nowhere.yaml");
  assert.equal(code, 2);
  assert.match(err, /^Cannot read the configuration file nowhere\.yaml: the file does not exist$/m);
});

Deno.test("check: each refusal beyond loopback names its key", async () => {
  const { code, err } = await run("check", "--set", "hub.listen=0.0.0.0:8443");
  assert.equal(code, 2);
  assert.match(err, /hub\.allow_insecure/);
  assert.match(err, /auth\.allow_anonymous/);
});

Deno.test("config: prints values, their sources, and no secrets", async () => {
  await withFile("dashboard:\n  token: very-secret\nrelay:\n  echo: false\n", async (path) => {
    for (const json of [[], ["--json"]]) {
      const { code, out } = await run("config", "-c", path, "--set", "relay.rooms=false", ...json);
      assert.equal(code, 0);
      assert.doesNotMatch(out, /very-secret/);
      assert.match(out, /\*\*\*/);
      assert.match(out, /--set/);
    }
    const { out } = await run("config", "-c", path);
    assert.match(out, /echo: false +# from .*\.yaml:4/);
    assert.match(out, /rooms: true +# default/);
  });
});

Deno.test("hub: mistakes in the configuration keep it from starting", async () => {
  const { code, out, err } = await run("hub", "--set", "hub.listen=nonsense");
  assert.deepEqual([code, out], [2, ""]);
  assert.match(err, /hub\.listen/);
});
