/** The example of an agent, over every way to the hub. */
import assert from "node:assert/strict";
import { ConnectProxy } from "../agent/connect_proxy.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { CutProxy } from "../helpers/cut_proxy.ts";
import { JoiningServices } from "../helpers/joining_services.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { ExampleProgram } from "./example_program.ts";

const permissions = ["--allow-net", "--allow-read", "--allow-env"];
const TOKEN = "token-of-an-agent-of-a-test";
const ALL = ["#"];
const RIGHTS = { publish: ALL, subscribe: ALL, request: ALL, serve: ALL, connect: ["*:*:*"] };
/** As if nobody had set up a proxy. */
const NO_PROXY = Object.fromEntries(
  ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"].map((
    name,
  ) => [name, ""]),
);

function run(args: readonly string[], env: Record<string, string> = {}): ExampleProgram {
  return ExampleProgram.deno("agent/main.ts", args, { permissions, env: { ...NO_PROXY, ...env } });
}

/** A hub whose streams are joined. */
function startHub(settings: readonly string[] = []): Promise<TestHub> {
  return TestHub.start(["shutdown.spread=0s", ...settings], { frameServices: new JoiningServices() });
}

/** Runs it to its end: it did everything, on one connection. */
async function does(
  args: readonly string[],
  { hub, env = {} }: { hub: TestHub; env?: Record<string, string> },
) {
  const before = await hub.metric("tunnel_connections_total");
  await using program = run(["--id", "edge", "--once", ...args], env);
  const { code, out, err } = await program.ended();
  assert.deepEqual(out, [
    "Answered by tools.upper: HELLO",
    "Heard agents.news here I am",
    "Took a stream for 127.0.0.1",
    "Through a stream to edge and back: 262144 bytes",
  ], err.join("\n"));
  assert.equal(code, 0);
  assert.equal(await hub.metric("tunnel_connections_total") - before, 1);
}

Deno.test("Agent example: messages and streams both ways on one connection, over tcp and ws", async () => {
  await using hub = await startHub();
  for (const scheme of ["tcp", "ws"]) await does(["--url", `${scheme}://127.0.0.1:${hub.port}`], { hub });
});

Deno.test("Agent example: the same over tls and wss", async () => {
  using certificates = await TestCertificates.create();
  await using hub = await startHub(certificates.settings);
  for (const scheme of ["tls", "wss"]) {
    await does(["--url", `${scheme}://localhost:${hub.port}`, "--ca", certificates.caPath], { hub });
  }
});

Deno.test("Agent example: the same through a CONNECT proxy with a login, options from the environment", async () => {
  using certificates = await TestCertificates.create("hub.example");
  await using hub = await startHub([
    ...certificates.settings,
    "auth.mode=required",
    `auth.tokens=${JSON.stringify([{ token: TOKEN, subject: "edge", permissions: RIGHTS }])}`,
  ]);
  await using connect = await ConnectProxy.open();
  const env = {
    HTTPS_PROXY: `http://127.0.0.1:${connect.proxy.port}`,
    TRUNKLINE_AGENT_HUB__URL: `tls://hub.example:${hub.port}`,
    TRUNKLINE_AGENT_HUB__TOKEN: TOKEN,
    TRUNKLINE_AGENT_HUB__CA: certificates.caPath,
  };
  await does([], { hub, env });
  assert.match(connect.heads[0] ?? "", /^CONNECT hub\.example:/);
});

Deno.test("Agent example: goes on until it is stopped, and comes back meanwhile", async () => {
  await using first = await startHub();
  await using second = await startHub();
  await using proxy = await CutProxy.open(first.port);
  await using program = run(["--url", `tcp://127.0.0.1:${proxy.port}`, "--id", "edge", "--to", "echo"]);
  assert.match(await program.out.find(/^Through/), /to echo and back/);
  proxy.leadTo(second.port);
  await first.server.stop();
  await second.metricBecomes("trunkline_agents", 1);
  program.signal("SIGINT");
  assert.equal((await program.ended()).code, 0);
});

Deno.test("Agent example: called wrongly it says how", async () => {
  for (
    const args of [["--fast"], ["--url", "http://hub.example"], ["--url", "tls://h", "--ca", "/nowhere"]]
  ) {
    await using program = run(args);
    const { code, err } = await program.ended();
    assert.deepEqual([code, err.length > 0], [2, true], args.join(" "));
  }
});

Deno.test("Agent example: a login that may open no streams is told so, with 0 unless one was asked for", async () => {
  const permissions = { ...RIGHTS, connect: [] };
  const login = JSON.stringify([{ token: TOKEN, subject: "edge", permissions }]);
  await using hub = await TestHub.start(["auth.mode=required", `auth.tokens=${login}`]);
  const args = ["--url", `tcp://127.0.0.1:${hub.port}`, "--once", "--token", TOKEN];
  await using program = run(args);
  const ended = await program.ended();
  const last = "This login may open no streams to agents (connect)";
  assert.deepEqual([ended.code, ended.out.at(-1)], [0, last], ended.err.join("\n"));
  await using asked = run([...args, "--to", "nobody"]);
  const { code: exitCode, err } = await asked.ended();
  assert.equal(exitCode, 1);
  assert.match(err.at(-1) ?? "", /Cannot use a stream to nobody: it ended with 5 \(/);
});
