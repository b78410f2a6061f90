/** What an agent takes over of a changed configuration, and that it is all or nothing. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { AgentReload } from "../../src/cli/agent_reload.ts";
import { StreamCode } from "../../src/core/stream_codes.ts";
import { agentConfig, TunnelAgent } from "../agent/tunnel_agent.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { visit } from "../helpers/http_visit.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { TcpService } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { echoed, member, tokenOf } from "../tunnel/connect_scene.ts";
import { fixedService, HOST, withService } from "../tunnel/http_scene.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const LOGINS = [
  "auth.mode=required",
  `auth.tokens=${
    JSON.stringify([
      { token: tokenOf("edge"), subject: "edge", account: "acme", permissions: { tunnel: ["*"] } },
      { token: tokenOf("may"), subject: "may", account: "acme", permissions: { connect: ["edge:*:*"] } },
    ])
  }`,
];

/** A running agent, and the configuration that its next reload reads. */
function reloadOf({ agent }: TunnelAgent, first: readonly string[]) {
  const logger = new MemoryLogger();
  const file = { set: first };
  const reload = new AgentReload(agentConfig(first), {
    readConfig: () => ({ ok: true, config: agentConfig(file.set), sources: new Map() }),
    prepare: (config) => agent.prepare(config),
    logger,
  });
  const read = (set: readonly string[]) => {
    file.set = set;
    reload.run();
    return logger.lines.at(-1);
  };
  return { read };
}

Deno.test("Agent reload: an authority that cannot be used keeps everything, what others may reach included", async () => {
  const { service } = await fixedService(OK);
  await using _service = service;
  await using echo = await TcpService.echo();
  using own = await TestCertificates.create();
  await using hub = await TestHub.start(LOGINS);
  const url = `tcp://127.0.0.1:${hub.port}`;
  const web = `{ name: web, kind: http, local: ${service.port}, subdomain: app }`;
  await using edge = new TunnelAgent(url, `[${web}]`, { token: tokenOf("edge") });
  await edge.reached("web", "up");
  await using spoke = await member(hub, "may");
  const target = ["edge", "127.0.0.1", echo.port] as const;
  const base = [`hub.url=${url}`];
  const { read } = reloadOf(edge, [...base, `tunnels=[${web}]`]);

  const elsewhere = web.replace(`${service.port}`, "1");
  const two = `{ name: two, kind: http, local: "https://127.0.0.1:2", ca: ${own.caPath} }`;
  const next = [...base, `tunnels=[${elsewhere}, ${two}]`, `allow=["127.0.0.1:${echo.port}"]`];
  Deno.writeTextFileSync(own.caPath, "nonsense");
  for (let times = 0; times < 2; times++) {
    assert.match(read(next)?.message ?? "", /going on as before/);
    assert.equal(await echoed(spoke, target), StreamCode.notAllowed);
    assert.equal((await visit(hub.publicPort, { host: HOST })).text, "ok");
    assert.equal(edge.state("two"), undefined);
  }

  Deno.writeTextFileSync(own.caPath, own.ca);
  assert.deepEqual(read(next)?.fields, { changed: ["tunnels", "allow"] }, "it is told as what it is");
  assert.equal(await echoed(spoke, target), "there and back");
  assert.equal((await visit(hub.publicPort, { host: HOST })).status, 502);
});

Deno.test("Agent reload: what is not taken over as a whole is told, and counts as changed at the next reading", () => {
  const logger = new MemoryLogger();
  let isBroken = true;
  const config = agentConfig(["logging.level=debug"]);
  const reload = new AgentReload(agentConfig([]), {
    readConfig: () => ({ ok: true, config, sources: new Map() }),
    prepare: () => () => {
      if (isBroken) throw new Error("it broke");
    },
    logger,
  });
  reload.run();
  isBroken = false;
  reload.run();
  assert.deepEqual(logger.lines.map(({ level, fields }) => [level, fields]), [
    ["error", { changed: ["logging.level"], cause: "it broke" }],
    ["info", { changed: ["logging.level"] }],
  ]);
});

Deno.test("Agent reload: another authority in the same file holds from then on; what stays as it was is used on", async () => {
  using before = await TestCertificates.create();
  using after = await TestCertificates.create();
  const server = createServer({ cert: before.cert, key: before.key }, (_request, response) => {
    response.end("over TLS");
  });
  let accepted = 0;
  server.on("secureConnection", () => accepted++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const local = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await withService(local, async ({ port, edge, hub }) => {
    const said = async () => (await visit(port, { host: HOST })).text;
    const tunnel = `{ name: web, kind: http, local: "${local}", subdomain: app, ca: ${before.caPath} }`;
    const config = [`hub.url=tcp://127.0.0.1:${hub.port}`, `tunnels=[${tunnel}]`];
    const { read } = reloadOf(edge, config);
    assert.equal(await said(), "over TLS");
    read(config);
    assert.equal(await said(), "over TLS");
    assert.equal(accepted, 1);

    server.setSecureContext({ cert: after.cert, key: after.key });
    Deno.writeTextFileSync(before.caPath, after.ca);
    assert.deepEqual(read(config)?.fields, { changed: [] });
    assert.equal(await said(), "over TLS");
    assert.equal(accepted, 2);
  }, { more: `, ca: ${before.caPath}` });
  server.close();
  server.closeAllConnections();
  await once(server, "close");
});
