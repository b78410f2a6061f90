/** `trunkline http`. */
import assert from "node:assert/strict";
import { DenoProcess, taskArguments } from "../helpers/process.ts";
import { visit } from "../helpers/http_visit.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { AgentProcess } from "./agent_process.ts";
import { run } from "./commands.ts";
import { RecentRequests } from "../../src/cli/recent_requests.ts";
import { RequestReader } from "../../src/wire/http_head.ts";

Deno.test({
  name: "http: a web service has a public address until a signal, and requests are told",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using hub = await TestHub.start();
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      (request) => new Response(`${new URL(request.url).pathname} of ${request.headers.get("host")}`),
    );
    try {
      const url = `tcp://127.0.0.1:${hub.port}`;
      await using agent = await AgentProcess.start([
        "http",
        `${server.addr.port}`,
        "--subdomain",
        "App",
        "--url",
        url,
      ]);
      assert.equal((await agent.any()).event, "connected", "before anything about the tunnel");
      const { url: address, name } = await agent.next("tunnel", "up");
      assert.equal(name, "app");
      assert.equal(address, `http://app.localhost:${hub.publicPort}`);
      const { text } = await visit(hub.publicPort, { host: "app.localhost", path: "/a?b" });
      assert.equal(text, "/a of app.localhost");
      const { method, target, status } = await agent.next("request");
      assert.deepEqual([method, target, status], ["GET", "/a?b", 200]);
      assert.equal(await agent.stop(), 0);
    } finally {
      await server.shutdown();
    }
  },
});

Deno.test({
  name: "http: a request without a response is told with its status, or as broken off, and its cause",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using hub = await TestHub.start(["shutdown.grace=0s"]);
    const local = freePort();
    const url = `tcp://127.0.0.1:${hub.port}`;
    await using agent = await AgentProcess.start(["http", `${local}`, "--subdomain", "app", "--url", url]);
    await agent.next("tunnel", "up");
    for (const path of ["/first", "/second"]) {
      assert.equal((await visit(hub.publicPort, { host: "app.localhost", path })).status, 502);
      const { target, status, cause } = await agent.next("request");
      assert.deepEqual([target, status], [path, 502]);
      assert.match(String(cause), /ECONNREFUSED/);
    }
    let heard = Promise.withResolvers<void>();
    await using _service = await TcpService.start((socket) => {
      socket.on("data", (chunk) => chunk.toString().endsWith("half") && heard.resolve());
    }, local);
    await using left = await Visitor.at(hub.publicPort);
    left.socket.write("POST /left HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: 9\r\n\r\nhalf");
    await heard.promise;
    heard = Promise.withResolvers();
    left.socket.resetAndDestroy();
    const { target, status, cause } = await agent.next("request");
    assert.deepEqual([target, status, cause], ["/left", null, "The visitor left"]);
    await using cut = await Visitor.at(hub.publicPort);
    cut.socket.on("end", () => cut.socket.end());
    cut.socket.write("POST /cut HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: 9\r\n\r\nhalf");
    await heard.promise;
    const stopped = hub.server.stop();
    const last = await agent.next("request");
    assert.deepEqual([last["target"], last["status"]], ["/cut", null]);
    assert.notEqual(last["cause"], "");
    await stopped;
    await cut.closed;
    assert.equal((await agent.next("disconnected"))["hub"], url);
    assert.equal(typeof (await agent.next("retrying"))["retryMs"], "number");
    const { code, stderr } = await agent.finish();
    assert.equal(code, 0);
    assert.match(
      stderr,
      new RegExp(`Cannot reach 127\\.0\\.0\\.1:${local} for tunnel \\S+","cause":".*ECONNREFUSED`),
    );
  },
});

Deno.test({
  name: "http: who wants quiet is told the address that the hub chose, once, and nothing else",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using hub = await TestHub.start();
    const args = ["http", "3000", "--quiet", "--url", `tcp://127.0.0.1:${hub.port}`];
    await using agent = new DenoProcess([...await taskArguments("cli"), ...args]);
    assert.match(await agent.nextLine(), new RegExp(`^http://[a-z0-9-]+\\.localhost:${hub.publicPort}$`));
    agent.kill("SIGTERM");
    assert.deepEqual(await agent.ended(), { code: 0, stdout: "", stderr: "" });
  },
});

Deno.test("http: wrong usage is exit 2 before anything is dialled", async () => {
  const cases: [string[], RegExp][] = [
    [["x"], /^Cannot use "x": write a port from 1 to 65535/],
    [["ftp://a"], /^Cannot use/],
    [["99999"], /^Cannot use/],
    [["http://127.0.0.1:3000/a"], /without a path.*, as http:\/\/127\.0\.0\.1:3000$/],
    [["3000", "--subdomain", "a.b"], /^Cannot ask for the subdomain "a\.b"/],
    [["3000", "--subdomain", "a", "--hostname", "b.example"], /^Cannot ask for --subdomain and --hostname/],
    [["3000", "--local-insecure"], /^Cannot use --local-ca or --local-insecure/],
  ];
  for (const [args, wanted] of cases) {
    const { code, io } = await run(["http", ...args]);
    assert.equal(code, 2, args.join(" "));
    assert.match(io.errors, wanted);
  }
});

Deno.test("http: the last requests are kept, the newest first, with their rate", () => {
  let ms = 0;
  const recent = new RecentRequests(() => ms);
  const head = new RequestReader().feed(new TextEncoder().encode("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"));
  assert.ok(head.kind === "head");
  for (let at = 0; at < 20; at++) recent.add({ request: head.head, status: 200 + at, cause: null, ms: 1.4 });
  const [figures, newest, ...others] = recent.lines();
  assert.equal(figures, "20 requests, 2.0 a second");
  assert.equal(newest, "219 GET         1 ms  /a");
  assert.equal(others.length, 9);
  recent.add({ request: head.head, status: 502, cause: "refused", ms: 1 });
  recent.add({ request: head.head, status: null, cause: "The visitor left", ms: 2 });
  assert.deepEqual(recent.lines().slice(1, 3), [
    "--- GET         2 ms  /a  broken off: The visitor left",
    "502 GET         1 ms  /a  refused",
  ]);
  assert.equal(recent.summary(), "22 requests, 2 without a response");
  ms = 20_000;
  assert.equal(recent.lines()[0], "22 requests, 0.0 a second");
});
