/** `trunkline agent`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { visit } from "../helpers/http_visit.ts";
import { DenoProcess } from "../helpers/process.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { AgentProcess } from "./agent_process.ts";
import { run } from "./commands.ts";

const ignore = Deno.build.os === "windows";

/** A folder with an agent.yaml, gone with its scope. */
class AgentFile implements Disposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly path = join(this.#folder, "agent.yaml");
  readonly tokenPath = join(this.#folder, "token");
  readonly logPath = join(this.#folder, "agent.log");

  write(text: string): void {
    // As editors do it: the file is replaced as a whole.
    const next = join(this.#folder, "next");
    Deno.writeTextFileSync(next, text);
    Deno.renameSync(next, this.path);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

function yamlOf(hub: TestHub, { log, tunnels }: { log: string; tunnels: string }): string {
  return `hub: { url: "tcp://127.0.0.1:${hub.port}" }
agent: { id: edge-1 }
metrics: { enabled: false }
logging: { output: ${JSON.stringify(log)}, format: json }
tunnels: ${tunnels}
`;
}

async function logSays(path: string, wanted: RegExp): Promise<void> {
  while (!wanted.test(Deno.readTextFileSync(path))) await new Promise((resolve) => setTimeout(resolve, 20));
}

Deno.test({
  name: "agent: takes over what changes in its file, and goes on with what it has when that is wrong",
  ignore,
  fn: async () => {
    await using hub = await TestHub.start();
    await using echo = await TcpService.echo();
    using file = new AgentFile();
    const [first, second] = [freePort(), freePort()];
    const tunnel = (name: string, port: number) =>
      `{ name: ${name}, kind: tcp, local: ${echo.port}, remote_port: ${port} }`;
    file.write(yamlOf(hub, { log: file.logPath, tunnels: `[${tunnel("a", first)}]` }));
    await using agent = await AgentProcess.start(["agent", "-c", file.path]);
    assert.equal((await agent.next("connected"))["agent"], "edge-1");
    assert.equal(await agent.port(), first);
    await using visitor = await Visitor.at(first);
    visitor.socket.write("one");
    await visitor.got(3);

    file.write("tunnels: [ { name: a");
    await logSays(file.logPath, /Cannot use the changed configuration; going on as before/);
    assert.match(Deno.readTextFileSync(file.logPath), /agent\.yaml:1:\d+: /);

    const both = `[${tunnel("a", first)}, ${tunnel("b", second)}]`;
    file.write(yamlOf(hub, { log: file.logPath, tunnels: both }));
    assert.equal(await agent.port(), second);
    file.write(
      yamlOf(hub, { log: file.logPath, tunnels: `[${tunnel("b", second)}]` }).replace("edge-1", "edge-2"),
    );
    assert.equal((await agent.next("tunnel", "gone"))["name"], "a");
    await logSays(file.logPath, /need a restart of the agent.*agent\.id/);

    visitor.socket.end(" two");
    await visitor.all;
    assert.equal(visitor.text, "one two", "a stream outlives its tunnel");
    assert.equal(await agent.stop(), 0);
    await hub.metricBecomes("trunkline_agents", 0);
  },
});

Deno.test({
  name: "agent: a tunnel under another name gives the old one back at once, and says so",
  ignore,
  fn: async () => {
    await using hub = await TestHub.start();
    using file = new AgentFile();
    const yaml = (subdomain: string) =>
      yamlOf(hub, {
        log: file.logPath,
        tunnels: `[{ name: web, kind: http, local: 1, subdomain: ${subdomain} }]`,
      });
    file.write(yaml("old"));
    await using agent = await AgentProcess.start(["agent", "-c", file.path]);
    await agent.next("tunnel", "up");
    file.write(yaml("new"));
    assert.match(String((await agent.next("tunnel", "up"))["url"]), /\/\/new\./);
    assert.equal((await visit(hub.publicPort, { host: "old.localhost" })).status, 404);
    await logSays(file.logPath, /A tunnel was given back.*\/\/old\./);
    assert.equal(await agent.stop(), 0);
  },
});

Deno.test({
  name: "agent: SIGHUP reads the configuration again",
  ignore,
  fn: async () => {
    await using hub = await TestHub.start();
    using file = new AgentFile();
    file.write(yamlOf(hub, { log: file.logPath, tunnels: "[]" }));
    await using agent = await AgentProcess.start(["agent", "-c", file.path]);
    await agent.next("connected");
    agent.kill("SIGHUP");
    await logSays(file.logPath, /The configuration was read again.*"changed":\[\]/);
    assert.equal(await agent.stop(), 0);
  },
});

Deno.test({
  name: "agent: comes back with the token of a file that changed, when the one before is revoked",
  ignore,
  fn: async () => {
    const tokens = ["first-token-of-edge", "second-token-of-edge"] as const;
    const known = (...list: readonly string[]) => [
      "auth.mode=required",
      `auth.tokens=${JSON.stringify(list.map((token) => ({ token, subject: "edge" })))}`,
    ];
    await using hub = await TestHub.start(known(...tokens));
    using file = new AgentFile();
    Deno.writeTextFileSync(file.tokenPath, tokens[0]);
    const yaml = yamlOf(hub, { log: file.logPath, tunnels: "[]" });
    file.write(yaml.replace('" }', `", token: { file: ${JSON.stringify(file.tokenPath)} } }`));
    await using agent = await AgentProcess.start(["agent", "-c", file.path]);
    await agent.next("connected");
    Deno.writeTextFileSync(file.tokenPath, tokens[1]);
    await logSays(file.logPath, /The configuration was read again.*"changed":\["hub\.token"\]/);
    assert.equal((await hub.reload(known(tokens[1]))).kind, "loaded");
    await agent.next("disconnected");
    await agent.next("connected");
    assert.ok(!Deno.readTextFileSync(file.logPath).includes("token-of-edge"));
    assert.equal(await agent.stop(), 0);
  },
});

Deno.test("agent: a configuration that is wrong or missing is exit 2", async () => {
  using file = new AgentFile();
  file.write("tunnels: [{ name: db }]\nhub: { url: ftp://x }\n");
  const { code, io } = await run(["agent", "-c", file.path]);
  assert.equal(code, 2);
  assert.match(io.errors, /agent\.yaml:2:13: hub\.url: /);
  assert.match(io.errors, /mistakes in the configuration$/);
  const missing = await run(["agent", "-c", `${file.path}.not`]);
  assert.equal(missing.code, 2);
  assert.match(missing.io.errors, /^Cannot read the configuration file .*: the file does not exist$/);
});

Deno.test("agent: without a file, and with nothing set, it says so instead of waiting for ever", async () => {
  const folder = Deno.makeTempDirSync();
  const [main, config] = ["main.ts", "deno.json"].map((name) => join(Deno.cwd(), name));
  const start = (...args: string[]) =>
    new DenoProcess(["run", "-A", "--config", config ?? "", main ?? "", "agent", ...args], { cwd: folder });
  try {
    await using idle = start();
    const { code, stderr } = await idle.ended();
    assert.equal(code, 2);
    assert.match(stderr, /there is no agent\.yaml in .*, and no tunnels, services or allow are set/);
    await using hub = await TestHub.start();
    const set = ["metrics.enabled=false", `hub.url=tcp://127.0.0.1:${hub.port}`, 'allow=["127.0.0.1:1"]'];
    await using busy = start("--json", ...set.flatMap((one) => ["--set", one]));
    assert.match(await busy.nextLine(), /"connected"/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
