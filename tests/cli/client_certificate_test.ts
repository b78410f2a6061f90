/** `trunkline agent` and the commands, with certificates of `trunkline certs` and no token. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { runCerts } from "../../src/cli/certs.ts";
import { freePort, TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { AgentProcess } from "./agent_process.ts";
import { run, startSub } from "./commands.ts";

/** A folder of `trunkline certs`, what it said, and a hub that is set up as it says. */
class CertsScene implements AsyncDisposable {
  readonly hub: TestHub;
  readonly #folder: string;

  private constructor(hub: TestHub, folder: string) {
    this.hub = hub;
    this.#folder = folder;
  }

  static async start(settings: readonly string[] = []): Promise<CertsScene> {
    const folder = await Deno.makeTempDir({ prefix: "trunkline-certs-" });
    const said: string[] = [];
    const io = { out: (line: string) => said.push(line), err: (line: string) => assert.fail(line) };
    assert.equal(await runCerts({ out: folder, clientName: "edge one", days: 2 }, io), 0);
    const yaml = said.slice(said.findIndex((line) => line.includes("To let clients log in")) + 1);
    const { hub: { tls }, auth } = parse(yaml.slice(0, yaml.indexOf("and try it:")).join("\n"));
    const [{ permissions, ...entry }] = auth.certificates;
    const certificates = [{ ...entry, permissions: { ...permissions, tunnel: ["*"] } }];
    const hub = await TestHub.start([
      ...Object.entries(tls).map(([key, value]) => `hub.tls.${key}=${value}`),
      `auth.mode=${auth.mode}`,
      `auth.certificates=${JSON.stringify(certificates)}`,
      ...settings,
    ]);
    return new CertsScene(hub, folder);
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

  Deno.test({
    name: `Client certificate: an agent comes in with nothing else and runs a tunnel (${scheme})`,
    ignore: Deno.build.os === "windows",
    fn: async () => {
      await using scene = await CertsScene.start();
      await using echo = await TcpService.echo();
      const port = await freePort();
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
