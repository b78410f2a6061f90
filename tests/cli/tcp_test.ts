/** `trunkline tcp` and `trunkline tunnels`. */
import assert from "node:assert/strict";
import { freePort } from "../helpers/free_port.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { AgentProcess } from "./agent_process.ts";
import { run } from "./commands.ts";

const ignore = Deno.build.os === "windows";

async function echoes(port: number, text: string): Promise<void> {
  await using visitor = await Visitor.at(port);
  visitor.socket.end(text);
  await visitor.all;
  assert.equal(visitor.text, text);
}

Deno.test({
  name: "tcp: a service has a port of the hub until a signal, and tunnels lists it",
  ignore,
  fn: async () => {
    await using hub = await TestHub.start();
    await using echo = await TcpService.echo();
    const url = ["--url", `tcp://127.0.0.1:${hub.port}`];
    const none = await run(["tunnels", ...url]);
    assert.deepEqual([none.code, none.io.text, none.io.errors], [0, "", "There is no tunnel"]);
    await using agent = await AgentProcess.start(["tcp", `${echo.port}`, "--agent-id", "me", ...url]);
    assert.equal((await agent.next("connected"))["agent"], "me");
    const port = await agent.port();
    await echoes(port, "through a tunnel");
    const { code, io } = await run(["tunnels", ...url]);
    assert.equal(code, 0);
    const [head = "", row = ""] = io.lines;
    assert.match(head, /^name +url +local +agent +account +since +open +total +in +out$/);
    const place = `tcp://127.0.0.1:${port} +127.0.0.1:${echo.port}`;
    assert.match(row, new RegExp(`^tcp-${echo.port} +${place} +me +anonymous +\\S+Z +0 +1 +16 B +16 B$`));
    const asJson = JSON.parse((await run(["tunnels", "--json", ...url])).io.text);
    assert.equal(asJson.tunnels[0].bytesIn, 16);
    assert.equal(await agent.stop(), 0);
    await hub.metricBecomes("tunnel_registry_size", 0);
  },
});

Deno.test({
  name: "tcp: streams that are there go on for a while after a signal",
  ignore,
  fn: async () => {
    await using hub = await TestHub.start();
    await using echo = await TcpService.echo();
    await using agent = await AgentProcess.start([
      "tcp",
      `${echo.port}`,
      "--url",
      `tcp://127.0.0.1:${hub.port}`,
    ]);
    await using visitor = await Visitor.at(await agent.port());
    visitor.socket.write("one");
    await visitor.got(3);
    agent.kill("SIGTERM");
    await hub.metricBecomes("tunnel_registry_size", 0);
    visitor.socket.end(" two");
    await visitor.all;
    assert.deepEqual([visitor.text, await visitor.closed], ["one two", null]);
    assert.equal(await agent.ended(), 0);
  },
});

Deno.test("tcp: what cannot begin is told at once, with an exit code of its own", async () => {
  await using hub = await TestHub.start();
  await using echo = await TcpService.echo();
  const url = ["--url", `tcp://127.0.0.1:${hub.port}`];
  const taken = await run(["tcp", "1", "--remote-port", `${echo.port}`, ...url]);
  assert.equal(taken.code, 4);
  assert.match(taken.io.errors, /^The hub refuses the tunnel tcp-1: /);
  const gone = await run(["tcp", "1", "--url", `tcp://127.0.0.1:${freePort()}`]);
  assert.equal(gone.code, 3);
  assert.match(gone.io.errors, /^Cannot reach the hub at /);
  const busy = await run(["tcp", "--local", `${echo.port}`, "--to", "edge:127.0.0.1:1", ...url]);
  assert.equal(busy.code, 2);
  assert.match(busy.io.errors, /^Cannot listen on 127\.0\.0\.1:\d+: another program has it/);
});

Deno.test("tcp: wrong usage is exit 2 before anything is dialled", async () => {
  const cases: [string[], RegExp][] = [
    [[], /^Cannot tell what to do: name a service/],
    [["x"], /^Cannot reach "x": write a port/],
    [["http://127.0.0.1:80"], /^Cannot reach "http/],
    [["--local", "5432"], /^Cannot use --local or --to alone/],
    [["--to", "edge:127.0.0.1:5432"], /^Cannot use --local or --to alone/],
    [["5432", "--local", "5432", "--to", "e:h:1"], /^Cannot use a service together/],
    [["--local", "5432", "--to", "e:h:1", "--remote-port", "5"], /^Cannot use --remote-port with --local/],
    [["--local", "5432", "--to", "edge:5432"], /^Cannot go to "edge:5432": write agent:host:port/],
    [["--local", "5432", "--to", "127.0.0.1"], /^Cannot go to /],
    [["5432", "--ca", "x.pem", "--url", "tcp://h:1"], /^Cannot use --ca with tcp/],
  ];
  for (const [args, wanted] of cases) {
    const { code, io } = await run(["tcp", ...args]);
    assert.equal(code, 2, args.join(" "));
    assert.match(io.errors, wanted);
  }
});
