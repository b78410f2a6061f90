/** The configurations of docs/guide/behind-a-proxy.md, with the real proxies, in front of a hub with a tunnel. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { connect } from "node:tls";
// @ts-types="../../src/cli/ws_client_types.d.ts"
import { WebSocket } from "ws";
import { parse } from "yaml";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { Lines } from "../helpers/lines.ts";
import { findTool, Program, programOutput } from "../helpers/programs.ts";
import { freePort } from "../helpers/free_port.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { findOnPath } from "../helpers/tools.ts";

const HOST = "app.hub.example";
/** Where visitors come from: not where the proxy does. */
const VISITOR = "127.0.0.2";
const MIB = 1024 * 1024;
/** What a visitor says of itself, and no service may believe. */
const LIE = "203.0.113.99";
const CERTIFICATE = "/etc/ssl/hub.example.pem";
const KEY = "/etc/ssl/hub.example-key.pem";

/** The blocks of the guide in a language, in their order. */
function shown(language: string): string[] {
  const guide = Deno.readTextFileSync("docs/guide/behind-a-proxy.md");
  return [...guide.matchAll(/^```(\w+)\n(.*?)^```/gms)]
    .flatMap(([, name, text = ""]) => name === language ? [text] : []);
}

function oneOf(blocks: readonly string[], at: number): string {
  const block = blocks[at];
  assert.ok(block !== undefined, `the guide has no block ${at}`);
  return block;
}

/** Puts what the test has in the place of what the guide says; each has to be there. */
function adapted(text: string, places: Readonly<Record<string, string>>): string {
  let changed = text;
  for (const [from, to] of Object.entries(places)) {
    assert.ok(changed.includes(from), `the guide does not say ${from}`);
    changed = changed.replaceAll(from, to);
  }
  return changed;
}

/** An app that tells what it gets, sums uploads, tells events when they happen, and echoes on a WebSocket. */
function startApp() {
  const next = Promise.withResolvers<void>();
  const events = async function* () {
    yield "data: one\n\n";
    await next.promise;
    yield "data: two\n\n";
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    switch (new URL(request.url).pathname) {
      case "/upload":
        return new Response(sumOf(new Uint8Array(await request.arrayBuffer())));
      case "/events":
        return new Response(ReadableStream.from(events()).pipeThrough(new TextEncoderStream()), {
          headers: { "content-type": "text/event-stream" },
        });
      case "/socket": {
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.onmessage = ({ data }) => socket.send(data);
        return response;
      }
      default:
        return Response.json(Object.fromEntries(request.headers));
    }
  });
  return {
    port: server.addr.port,
    goOn: next.resolve,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function sumOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A folder with the certificates of the hub's domain, as proxies want them. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly certificates: TestCertificates;
  /** Certificate and key in one file. */
  readonly both = join(this.path, "both.pem");

  constructor(certificates: TestCertificates) {
    this.certificates = certificates;
    Deno.writeTextFileSync(this.both, certificates.cert + certificates.key);
  }

  write(name: string, text: string): string {
    const file = join(this.path, name);
    Deno.writeTextFileSync(file, text);
    return file;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
    this.certificates[Symbol.dispose]();
  }
}

/** What a test works with. */
interface ProxyScene {
  readonly folder: Folder;
  /** Where the hub takes visitors. */
  readonly hubPort: number;
  /** Where the proxy has to listen. */
  readonly port: number;
  /** Tries everything through the proxy. */
  readonly tryAll: (expected: { readonly http: string; readonly forwardedFor: string }) => Promise<void>;
}

/** A hub as the guide configures it, with a tunnel to the app. */
async function withHub(yaml: string, use: (scene: ProxyScene) => Promise<void>): Promise<void> {
  using folder = new Folder(await TestCertificates.create("hub.example", "*.hub.example"));
  const { certPath, keyPath } = folder.certificates;
  const settings: Record<string, unknown> = parse(
    yaml.replaceAll(KEY, keyPath).replaceAll(CERTIFICATE, certPath),
  ).public;
  const set = Object.entries(settings).map(([key, value]) => `public.${key}=${JSON.stringify(value)}`);
  await using app = startApp();
  await using hub = await TestHub.start([...set, "public.listen=127.0.0.1:0"]);
  await using edge = new TunnelAgent(
    `tcp://127.0.0.1:${hub.port}`,
    `[{ name: web, kind: http, local: ${app.port}, subdomain: app }]`,
  );
  await edge.reached("web", "up");
  const port = freePort();
  await use({
    folder,
    hubPort: hub.publicPort,
    port,
    tryAll: async ({ http, forwardedFor }) => {
      await tryFields({ port, folder, http, forwardedFor });
      await tryUpload(port, folder);
      await tryEvents(port, folder, app.goOn);
      await tryWebSocket(port, folder);
    },
  });
}

function curlArguments(port: number, { certificates }: Folder): string[] {
  const place = ["--resolve", `${HOST}:${port}:127.0.0.1`, "--interface", VISITOR];
  return ["--silent", "--show-error", "--max-time", "60", "--cacert", certificates.caPath, ...place];
}

/** Who visits is told, and nobody believes what visitors say. */
async function tryFields(
  { port, folder, http, forwardedFor }: {
    readonly port: number;
    readonly folder: Folder;
    readonly http: string;
    readonly forwardedFor: string;
  },
): Promise<void> {
  const lies = ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "X-Request-Id"];
  const fields = [...lies.map((name) => `${name}: ${LIE}`), `Forwarded: for=${LIE}`];
  const output = await programOutput("curl", [
    ...curlArguments(port, folder),
    ...fields.flatMap((field) => ["--header", field]),
    "--write-out",
    "\n%{http_version}",
    `https://${HOST}:${port}/fields`,
  ]);
  const [text = "", version] = output.split("\n");
  assert.equal(version, http, text);
  const got = JSON.parse(text);
  assert.ok(!text.includes(LIE), text);
  assert.deepEqual(
    [got.host, got["x-forwarded-for"], got["x-forwarded-proto"], got["x-forwarded-host"], got["x-real-ip"]],
    [`${HOST}:${port}`, forwardedFor, "https", `${HOST}:${port}`, VISITOR],
  );
  assert.match(got["x-request-id"], /^[0-9a-f-]{32,36}$/);
}

async function tryUpload(port: number, folder: Folder): Promise<void> {
  const bytes = new Uint8Array(5 * MIB);
  for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  const file = join(folder.path, "upload");
  Deno.writeFileSync(file, bytes);
  const url = `https://${HOST}:${port}/upload`;
  for (const way of [[], ["--http1.1", "--header", "Transfer-Encoding: chunked"]]) {
    const args = [...curlArguments(port, folder), ...way, "--upload-file", file, url];
    assert.equal(await programOutput("curl", args), sumOf(bytes));
  }
}

/** The first event is there before the second one happens. */
async function tryEvents(port: number, folder: Folder, goOn: () => void): Promise<void> {
  const args = [...curlArguments(port, folder), "--no-buffer", `https://${HOST}:${port}/events`];
  const child = new Deno.Command(findTool("curl"), { args, stdin: "null", stdout: "piped" }).spawn();
  const lines = new Lines(child.stdout);
  assert.equal(await lines.next(), "data: one");
  goOn();
  assert.deepEqual(await lines.rest(), ["data: two"]);
  assert.equal((await child.status).code, 0);
}

async function tryWebSocket(port: number, { certificates }: Folder): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  const socket = new WebSocket(`ws://${HOST}:${port}/socket`, [], {
    perMessageDeflate: false,
    maxPayload: MIB,
    closeTimeout: 5000,
    headers: {},
    createConnection: () =>
      connect({
        port,
        host: "127.0.0.1",
        servername: HOST,
        ca: certificates.ca,
        ALPNProtocols: ["http/1.1"],
      }),
  });
  socket.on("open", () => socket.send(new TextEncoder().encode("through all of them"), { binary: false }));
  socket.on("message", (data) => resolve(String(data)));
  socket.on("error", reject);
  socket.on("close", () => closed.resolve());
  assert.equal(await promise, "through all of them");
  socket.close(1000);
  await closed.promise;
}

/** Other systems have one address of loopback only. */
function isMissing(proxy: string): boolean {
  return Deno.build.os !== "linux" || findOnPath(proxy) === null || findOnPath("curl") === null;
}

const [PLAIN, PROXIED] = [0, 1];

Deno.test({
  name: "Behind a proxy: nginx as the guide has it (needs nginx) (needs curl)",
  ignore: isMissing("nginx"),
  fn: async () => {
    await withHub(oneOf(shown("yaml"), PLAIN), async ({ folder, hubPort, port, tryAll }) => {
      const { certPath, keyPath } = folder.certificates;
      const block = adapted(oneOf(shown("nginx"), 0), {
        "listen 443 ": `listen 127.0.0.1:${port} `,
        [KEY]: keyPath,
        [CERTIFICATE]: certPath,
        "http://127.0.0.1:8080": `http://127.0.0.1:${hubPort}`,
      });
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map((name) => `${name}_temp_path ${folder.path}/${name};`).join(" ");
      const file = folder.write(
        "nginx.conf",
        `daemon off; pid ${folder.path}/pid; error_log stderr; events {}
         http { access_log off; ${temporary} ${block} }`,
      );
      const args = ["-c", file, "-p", folder.path, "-g", Deno.uid() === 0 ? "user root;" : ""];
      await using _nginx = await Program.start("nginx", { args, port });
      await tryAll({ http: "2", forwardedFor: `${VISITOR}, 127.0.0.1` });
    });
  },
});

for (
  const { name, yaml, http, forwardedFor } of [
    { name: "HTTP/2 in front", yaml: PLAIN, http: "2", forwardedFor: `${VISITOR}, 127.0.0.1` },
    { name: "with a PROXY header", yaml: PROXIED, http: "1.1", forwardedFor: VISITOR },
  ]
) {
  Deno.test({
    name: `Behind a proxy: HAProxy as the guide has it, ${name} (needs haproxy) (needs curl)`,
    ignore: isMissing("haproxy"),
    fn: async () => {
      await withHub(oneOf(shown("yaml"), yaml), async ({ folder, hubPort, port, tryAll }) => {
        const block = adapted(oneOf(shown("haproxy"), yaml), {
          "bind :443": `bind 127.0.0.1:${port}`,
          "server hub 127.0.0.1:8080": `server hub 127.0.0.1:${hubPort}`,
        });
        const file = folder.write("haproxy.cfg", block.replace(CERTIFICATE, folder.both));
        await using _haproxy = await Program.start("haproxy", { args: ["-f", file, "-db"], port });
        await tryAll({ http, forwardedFor });
      });
    },
  });
}
