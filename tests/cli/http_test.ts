/** `trunkline http`. */
import assert from "node:assert/strict";
import { visit } from "../helpers/http_visit.ts";
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
      const { url: address } = await agent.next("tunnel", "up");
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

Deno.test("http: wrong usage is exit 2 before anything is dialled", async () => {
  const cases: [string[], RegExp][] = [
    [["x"], /^Cannot reach "x": write a port/],
    [["ftp://a"], /^Cannot reach/],
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
  for (let at = 0; at < 20; at++) recent.add({ request: head.head, status: 200 + at, ms: 1.4 });
  const [figures, newest, ...others] = recent.lines();
  assert.equal(figures, "20 requests, 2.0 a second");
  assert.equal(newest, "219 GET         1 ms  /a");
  assert.equal(others.length, 9);
  ms = 20_000;
  assert.equal(recent.lines()[0], "20 requests, 0.0 a second");
});
