/** The example of an agent, over every way to a hub. */
import assert from "node:assert/strict";
import { ConnectProxy } from "../agent/connect_proxy.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { FramesHub } from "../helpers/frames_hub.ts";
import { ExampleProgram } from "./example_program.ts";

const permissions = ["--allow-net", "--allow-read", "--allow-env"];
/** As if nobody had set up a proxy. */
const NO_PROXY = Object.fromEntries(
  ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"].map((
    name,
  ) => [name, ""]),
);

function run(args: readonly string[], env: Record<string, string> = {}): ExampleProgram {
  return ExampleProgram.deno("agent/main.ts", args, { permissions, env: { ...NO_PROXY, ...env } });
}

/** Runs it to its end: it did everything, on one connection. */
async function does(
  args: readonly string[],
  { hub, env = {} }: { hub: FramesHub; env?: Record<string, string> },
) {
  await using program = run(["--id", "edge", "--once", ...args], env);
  const { code, out, err } = await program.ended();
  assert.deepEqual(out, [
    "Answered by tools.upper: HELLO",
    "Heard agents.news here I am",
    "Took a stream for 127.0.0.1",
    "Through a stream to edge and back: 262144 bytes",
  ], err.join("\n"));
  assert.equal(code, 0);
  assert.equal(hub.brokenMessages, 0);
}

Deno.test("Agent example: messages and streams both ways on one connection, over tcp", async () => {
  await using hub = await FramesHub.open();
  await does(["--url", `tcp://127.0.0.1:${hub.port}`], { hub });
  assert.deepEqual([hub.logins.length, hub.broker.services], [1, ["edge"]]);
});

Deno.test("Agent example: the same over tls and over wss", async () => {
  using certificates = await TestCertificates.create();
  await using hub = await FramesHub.open({ tls: certificates });
  for (const scheme of ["tls", "wss"]) {
    await does(["--url", `${scheme}://localhost:${hub.port}`, "--ca", certificates.caPath], { hub });
  }
  assert.equal(hub.logins.length, 2);
});

Deno.test("Agent example: the same through a CONNECT proxy, with its options from the environment", async () => {
  using certificates = await TestCertificates.create("hub.example");
  await using hub = await FramesHub.open({ tls: certificates });
  await using connect = await ConnectProxy.open();
  const env = {
    HTTPS_PROXY: `http://127.0.0.1:${connect.proxy.port}`,
    TRUNKLINE_AGENT_HUB__URL: `tls://hub.example:${hub.port}`,
    TRUNKLINE_AGENT_HUB__TOKEN: "secret",
    TRUNKLINE_AGENT_HUB__CA: certificates.caPath,
  };
  await does([], { hub, env });
  assert.match(connect.heads[0] ?? "", /^CONNECT hub\.example:/);
  assert.equal(hub.logins[0]?.token, "secret");
});

Deno.test("Agent example: goes on until it is stopped, and comes back meanwhile", async () => {
  await using hub = await FramesHub.open();
  await using program = run(["--url", `tcp://127.0.0.1:${hub.port}`, "--id", "edge", "--to", "echo"]);
  assert.match(await program.out.find(/^Through/), /to echo and back/);
  hub.end.close(4503, "draining");
  await hub.tried(2);
  program.signal("SIGINT");
  assert.equal((await program.ended()).code, 0);
});

Deno.test("Agent example: called wrongly it says how, and what a hub refuses is a failure", async () => {
  for (
    const args of [["--fast"], ["--url", "http://hub.example"], ["--url", "tls://h", "--ca", "/nowhere"]]
  ) {
    await using program = run(args);
    const { code, err } = await program.ended();
    assert.deepEqual([code, err.length > 0], [2, true], args.join(" "));
  }
  await using hub = await FramesHub.open();
  await using program = run(["--url", `tcp://127.0.0.1:${hub.port}`, "--to", "nobody", "--once"]);
  const { code, err } = await program.ended();
  assert.equal(code, 1);
  assert.match(err.at(-1) ?? "", /Cannot use a stream to nobody: it ended with 7/);
});
