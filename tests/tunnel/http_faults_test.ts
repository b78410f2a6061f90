/** What goes wrong around HTTP tunnels, and what visitors see of it. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { visit } from "../helpers/http_visit.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { AgentProcess } from "../cli/agent_process.ts";
import { fixedService, HOST, rawService, requestText, sendRaw, statusOf, withService } from "./http_scene.ts";

const GET = requestText("GET /");
const ignore = Deno.build.os === "windows";

Deno.test("HTTP faults: nobody at the address, nobody behind it, and pages as they are accepted", async () => {
  await withService(freePort(), async ({ port, edge, hub }) => {
    const html = await visit(port, { host: "nobody.localhost", headers: { accept: "text/html,*/*" } });
    assert.equal(html.status, 404);
    assert.match(html.text, /^<!doctype html>[^]*<h1>404 Not Found<\/h1>/);
    const json = await visit(port, { host: HOST, headers: { accept: "application/json" } });
    assert.equal(json.status, 502);
    assert.equal(JSON.parse(json.text).error.message, "The service cannot be reached");
    assert.ok(!json.text.includes("127.0.0.1") && !json.text.includes("ECONN"));
    const head = await visit(port, { host: HOST, method: "HEAD" });
    assert.deepEqual([head.status, head.text], [502, ""]);
    assert.match(JSON.stringify(edge.logger.lines), /ECONNREFUSED/);
    await edge.agent.link.stop();
    await hub.metricBecomes('tunnel_registry_size{kind="http"}', 0);
    const away = await visit(port, { host: HOST });
    assert.deepEqual([away.status, /not connected at the moment/.test(away.text)], [502, true]);
  });
});

Deno.test("HTTP faults: a service that hangs is 504, one that resets or ends is 502", async () => {
  const settings = ["public.response_timeout=300ms"];
  await using hanging = await TcpService.start((socket) => void socket.resume());
  await withService(hanging.port, async ({ port, hub }) => {
    assert.equal(statusOf((await sendRaw(port, GET)).text), 504);
    await hub.metricBecomes("tunnel_streams_active", 0);
  }, { settings });
  for (const end of ["resetAndDestroy", "end"] as const) {
    await using service = await TcpService.start((socket) => void socket.once("data", () => socket[end]()));
    await withService(
      service.port,
      async ({ port }) => assert.equal(statusOf((await sendRaw(port, GET)).text), 502),
    );
  }
});

Deno.test("HTTP faults: a service that does not speak HTTP, or contradicts itself, is 502", async () => {
  const answers = [
    "220 mail.example ESMTP\r\n\r\n",
    "HTTP/1.1 200 OK\nContent-Length: 2\n\nok\r\n\r\n",
    "HTTP/2 200 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
    `HTTP/1.1 200 OK\r\nX: ${"a".repeat(70_000)}\r\n\r\n`,
    `${"HTTP/1.1 102 Processing\r\n\r\n".repeat(100)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
  ];
  for (const answer of answers) {
    const { service } = await fixedService(answer);
    await using _service = service;
    await withService(service.port, async ({ port }) => {
      const { text } = await sendRaw(port, GET);
      const last = text.slice(text.lastIndexOf("HTTP/1.1 502"));
      assert.equal(statusOf(last), 502, JSON.stringify(answer.slice(0, 80)));
    });
  }
});

Deno.test("HTTP faults: an answer that breaks off ends the visitor's connection with a reset, never cleanly", async () => {
  const answers = [
    ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", ""],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", ""],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "X\r\n"],
  ] as const;
  for (const [answer, more] of answers) {
    let end = () => {};
    await using service = await rawService((socket) => {
      socket.write(answer);
      end = () => socket.end(more);
    });
    await withService(service.port, async ({ port, hub }) => {
      await using visitor = await Visitor.at(port);
      visitor.socket.write(GET);
      while (!visitor.text.includes("half")) await visitor.got(visitor.bytes.length + 1);
      end();
      assert.equal(await visitor.closed, "ECONNRESET", answer);
      await hub.metricBecomes("trunkline_responses_broken_total", 1);
    });
  }
});

Deno.test("HTTP faults: what stands behind an answer reaches nobody, least of all the next visitor", async () => {
  const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
  const { service } = await fixedService(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${evil}`);
  await using _service = service;
  await withService(service.port, async ({ port, hub }) => {
    await using visitor = await Visitor.at(port);
    const request = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
    for (let times = 1; times <= 3; times++) {
      visitor.socket.write(request);
      while (visitor.text.split("\r\n\r\nok").length <= times && !visitor.socket.closed) {
        await visitor.got(visitor.bytes.length + 1);
      }
    }
    assert.ok(!visitor.text.includes("evil"));
    await hub.metricBecomes("tunnel_streams_active", 0);
  });
});

Deno.test({
  name: "HTTP faults: an agent that is killed cuts its answers, and is back under its name; a hub likewise",
  ignore,
  fn: async () => {
    const [hubPort, publicPort] = [freePort(), freePort()];
    const settings = [
      `hub.listen=127.0.0.1:${hubPort}`,
      `public.listen=127.0.0.1:${publicPort}`,
      "shutdown.grace=0s",
    ];
    await using service = await rawService((socket, head) => {
      const isLong = head.startsWith("GET /long");
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${isLong ? 10 : 2}\r\n\r\nok`);
    });
    const args = [
      "http",
      `${service.port}`,
      "--subdomain",
      "app",
      "--agent-id",
      "edge",
      "--url",
      `tcp://127.0.0.1:${hubPort}`,
    ];
    const cutOff = async (kill: () => unknown) => {
      await using visitor = await Visitor.at(publicPort);
      visitor.socket.write(requestText("GET /long"));
      while (!visitor.text.endsWith("ok")) await visitor.got(visitor.bytes.length + 1);
      await kill();
      assert.equal(await visitor.closed, "ECONNRESET");
    };
    {
      await using _hub = await TestHub.start(settings);
      await using agent = await AgentProcess.start(args);
      await agent.next("tunnel", "up");
      await cutOff(() => agent.kill("SIGKILL"));
      await agent.ended();
    }
    await using agent = await AgentProcess.start(args).then(async (agent) => {
      await using hub = await TestHub.start(settings);
      await agent.next("tunnel", "up");
      assert.equal((await visit(publicPort, { host: HOST })).text, "ok");
      await cutOff(() => hub.server.stop());
      return agent;
    });
    await using _again = await TestHub.start(settings);
    await agent.next("tunnel", "up");
    assert.equal(
      (await visit(publicPort, { host: HOST, method: "POST", body: "x".repeat(100_000) })).text,
      "ok",
    );
    assert.equal(await agent.stop(), 0);
  },
});

Deno.test("HTTP faults: a hub that stops lets answers finish, and ends idle connections", async () => {
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  let finish = () => {};
  await using service = await rawService((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf ");
    finish = () => socket.write("whole");
    onAsked();
  });
  await withService(service.port, async ({ port, hub }) => {
    await using idle = await Visitor.at(port);
    await using busy = await Visitor.at(port);
    busy.socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await asked;
    const stopped = hub.server.stop();
    await idle.all;
    finish();
    await busy.all;
    assert.ok(busy.text.endsWith("half whole"));
    busy.socket.end();
    idle.socket.end();
    await stopped;
  }, { settings: ["shutdown.grace=10s"] });
});

Deno.test("HTTP faults: a visitor that leaves ends its stream at once, a thousand of them leave nothing", async () => {
  await using service = await TcpService.start((socket) => void socket.resume());
  await withService(service.port, async ({ port, hub }) => {
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 100 }, async (_, at) => {
        const visitor = await Visitor.at(port);
        visitor.socket.write(
          requestText(at % 2 === 0 ? "GET /" : "POST /", at % 2 === 0 ? "" : "Content-Length: 9\r\n"),
        );
        if (at % 3 === 0) visitor.socket.end();
        else visitor.socket.resetAndDestroy();
        await visitor.closed;
      }));
    }
    await hub.metricBecomes("tunnel_streams_active", 0);
    await hub.metricBecomes("trunkline_visitor_connections", 0);
    await hub.metricBecomes("trunkline_stream_buffered_bytes", 0);
  });
});

Deno.test("HTTP faults: who does not send its head, or nothing more, in time is ended", async () => {
  const { service } = await fixedService("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  await using _service = service;
  const settings = ["public.header_timeout=300ms", "public.idle_timeout=400ms"];
  await withService(service.port, async ({ port }) => {
    const slow = await sendRaw(port, `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX: `);
    assert.equal(statusOf(slow.text), 408);
    assert.equal((await sendRaw(port, "")).text, "");
    const idle = await sendRaw(port, `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    assert.match(idle.text, /^HTTP\/1\.1 200 OK\r\n[^]*ok$/);
    // A byte now and then is no head either.
    await using loris = await Visitor.at(port);
    const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n`);
    let at = 0;
    const timer = setInterval(() => loris.socket.write(bytes.subarray(at, ++at)), 20);
    await loris.all;
    clearInterval(timer);
    assert.equal(statusOf(loris.text), 408);
  }, { settings });
});

Deno.test("HTTP faults: a body that is too large is 413, told before where it can be", async () => {
  const { service, heads } = await fixedService("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  await using _service = service;
  await withService(service.port, async ({ port }) => {
    assert.equal(
      statusOf((await sendRaw(port, requestText("POST /", "Content-Length: 1001\r\n"))).text),
      413,
    );
    assert.equal(heads.length, 0);
    const chunk = `3e8\r\n${"x".repeat(1000)}\r\n`;
    const chunked = await sendRaw(
      port,
      requestText("POST /", "Transfer-Encoding: chunked\r\n", `${chunk}${chunk}`),
    );
    assert.ok([413, 200].includes(statusOf(chunked.text)));
    const whole = await sendRaw(port, requestText("POST /", "Content-Length: 1000\r\n", "x".repeat(1000)));
    assert.equal(statusOf(whole.text), 200);
  }, { settings: ["public.max_body=1000B"] });
});

Deno.test("HTTP faults: a tunnel that is taken away during a request lets it finish", async () => {
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  let finish = () => {};
  await using service = await rawService((socket) => {
    finish = () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    onAsked();
  });
  await withService(service.port, async ({ port, hub, edge }) => {
    const answer = sendRaw(port, GET);
    await asked;
    edge.agent.update({ tunnels: [], allow: [], services: [] });
    await hub.metricBecomes('tunnel_registry_size{kind="http"}', 0);
    finish();
    assert.match((await answer).text, /ok$/);
    assert.equal(statusOf((await sendRaw(port, GET)).text), 404);
  });
});

Deno.test("HTTP faults: visitors are counted by address and in all, and PROXY headers say who they are", async () => {
  const heads: string[] = [];
  await using service = await rawService((socket, head) => {
    heads.push(head);
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  await withService(service.port, async ({ port }) => {
    const { text } = await sendRaw(port, `PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n${GET}`);
    assert.equal(statusOf(text), 200);
    assert.match(heads[0] ?? "", /\r\nX-Forwarded-For: 192\.0\.2\.7\r\n/);
    const { text: none } = await sendRaw(port, GET).catch(() => ({ text: "" }));
    assert.equal(none, "", "who brings none is no visitor");
  }, { settings: ["public.proxy_protocol=true", "public.trusted_proxies=[127.0.0.1]"] });
  await using hub = await TestHub.start(["hub.max_connections=2"]);
  await using edge = new TunnelAgent(
    `tcp://127.0.0.1:${hub.port}`,
    `[{ name: web, kind: http, local: ${service.port} }]`,
  );
  await edge.reached("web", "up");
  await using one = await Visitor.at(hub.publicPort);
  one.socket.write("GET");
  await hub.metricBecomes("trunkline_visitor_connections", 1);
  const refused = await Visitor.at(hub.publicPort).then((visitor) => visitor.closed, (error) => error.code);
  assert.equal(refused, "ECONNRESET");
});
