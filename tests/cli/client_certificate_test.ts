/** `trunkline agent` and the commands, with certificates of `trunkline certs` and no token. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { runCerts } from "../../src/cli/certs.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { AgentProcess } from "./agent_process.ts";
import { run, startSub } from "./commands.ts";

/** A folder of `trunkline certs`, what it said, and a hub that is set up as it says. */
class CertsScene implements AsyncDisposable {
  readonly hub: TestHub;
  readonly #folder: string;

  private constructor(
    hub: TestHub,
    { folder, settings }: { folder: string; settings: readonly string[] },
  ) {
    this.hub = hub;
    this.#folder = folder;
    this.settings = settings;
  }

  /** What the hub is set up with. */
  readonly settings: readonly string[];

  static async start(settings: readonly string[] = []): Promise<CertsScene> {
    const folder = await Deno.makeTempDir({ prefix: "trunkline-certs-" });
    const said: string[] = [];
    const io = { out: (line: string) => said.push(line), err: (line: string) => assert.fail(line) };
    assert.equal(await runCerts({ out: folder, clientName: "edge one", days: 2 }, io), 0);
    const yaml = said.slice(said.findIndex((line) => line.includes("To let clients log in")) + 1);
    const { hub: { tls }, auth } = parse(yaml.slice(0, yaml.indexOf("and try it:")).join("\n"));
    const all = [
      ...Object.entries(tls).map(([key, value]) => `hub.tls.${key}=${value}`),
      `auth.mode=${auth.mode}`,
      `auth.certificates=${JSON.stringify(auth.certificates)}`,
      ...settings,
    ];
    return new CertsScene(await TestHub.start(all), { folder, settings: all });
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  /** The options of a command. */
  options(scheme: string, { isKnown = true } = {}): string[] {
    const shown = isKnown ? ["--cert", this.path("client.pem"), "--key", this.path("client-key.pem")] : [];
    return ["--url", `${scheme}://localhost:${this.hub.port}`, "--ca", this.path("ca.pem"), ...shown];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

for (const scheme of ["tls", "wss"]) {
  Deno.test(`Client certificate: commands log in with what certs makes, as it says (${scheme})`, async () => {
    await using scene = await CertsScene.start(["hub.tls.require_client_cert=true"]);
    const options = scene.options(scheme);
    const { io, ended } = await startSub(["news", "--count", "1", ...options]);
    const published = await run(["pub", "news", "hello", ...options]);
    assert.equal(published.code, 0, published.io.errors);
    assert.equal(await ended, 0, io.errors);
    assert.match(io.text, /hello/);
    const refused = await run(["pub", "news", "hello", ...scene.options(scheme, { isKnown: false })]);
    assert.equal(refused.code, 3);
    assert.match(refused.io.errors, /whether it wants a client certificate \(--cert, --key\)/);
  });

  Deno.test(`Client certificate: who is turned away for it, or loses its login, hears why (${scheme})`, async () => {
    await using scene = await CertsScene.start();
    await using other = await CertsScene.start();
    const foreign = ["--cert", other.path("client.pem"), "--key", other.path("client-key.pem")];
    const away = await run([
      "pub",
      "news",
      "hello",
      ...scene.options(scheme, { isKnown: false }),
      ...foreign,
    ]);
    assert.equal(away.code, 3);
    assert.match(away.io.errors, /whether the hub takes the certificate of --cert$/);
    const line = scene.hub.logger.lines.find(({ message }) => message.includes("for its certificate"));
    assert.deepEqual([line?.level, line?.fields["reason"]], ["info", "untrusted"]);

    const { io, ended } = await startSub(["news", ...scene.options(scheme)]);
    await scene.hub.reload([...scene.settings, "auth.revoked.subjects=[edge one]"]);
    assert.equal(await ended, 4);
    assert.match(io.errors, /The login was revoked\); it is the login of the certificate in --cert/);
    const refused = await run(["pub", "news", "hello", ...scene.options(scheme)]);
    assert.equal(refused.code, 4);
    assert.match(refused.io.errors, /certificate/);
    assert.ok(!refused.io.errors.includes("give a valid token"), refused.io.errors);
  });

  Deno.test({
    name: `Client certificate: an agent comes in with nothing else and runs a tunnel (${scheme})`,
    ignore: Deno.build.os === "windows",
    fn: async () => {
      await using scene = await CertsScene.start();
      await using echo = await TcpService.echo();
      const port = freePort();
      const file = scene.path("agent.yaml");
      await Deno.writeTextFile(
        file,
        `hub: { url: "${scheme}://localhost:${scene.hub.port}", ca: ca.pem, cert: client.pem, key: client-key.pem }
agent: { id: edge-1 }
metrics: { enabled: false }
tunnels: [{ name: a, kind: tcp, local: ${echo.port}, remote_port: ${port} }]
`,
      );
      await using agent = await AgentProcess.start(["agent", "-c", file]);
      assert.equal((await agent.next("connected"))["agent"], "edge-1");
      assert.equal(await agent.port(), port);
      await using visitor = await Visitor.at(port);
      visitor.socket.end("through");
      await visitor.all;
      assert.equal(visitor.text, "through");
      assert.equal(await agent.stop(), 0);
    },
  });
}

Deno.test("Client certificate: a token of somebody else does not replace the login by it, and hears so", async () => {
  const token = "token-of-somebody-else";
  await using scene = await CertsScene.start([`auth.tokens=[{ token: ${token}, subject: other }]`]);
  const { code, io } = await run(["pub", "news", "hello", "--token", token, ...scene.options("tls")]);
  assert.equal(code, 4);
  assert.match(
    io.errors,
    /already logged in by its certificate as edge one; a token of another subject cannot/,
  );
  assert.match(io.errors, /or leave --cert out$/);
});
