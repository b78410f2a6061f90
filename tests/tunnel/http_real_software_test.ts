/** Programs of others as visitors of HTTP tunnels and behind them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { findOnPath } from "../helpers/tools.ts";
import { freePort } from "../helpers/free_port.ts";
import { Program, programOutput } from "../helpers/programs.ts";
import { HOST, withService } from "./http_scene.ts";

const MIB = 1024 * 1024;
const SUM = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** A folder that is gone with its scope. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** An app as people write it, with uploads, downloads, events and a WebSocket. */
function startApp() {
  const chunk = crypto.getRandomValues(new Uint8Array(64 * 1024));
  const download = () => {
    let left = 256 * MIB / chunk.length;
    return new ReadableStream({
      pull(controller) {
        if (left-- > 0) controller.enqueue(chunk);
        else controller.close();
      },
    });
  };
  const events = () =>
    new ReadableStream({
      start(controller) {
        for (let at = 0; at < 3; at++) controller.enqueue(new TextEncoder().encode(`data: ${at}\n\n`));
        controller.close();
      },
    });
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/upload":
        return new Response(SUM(new Uint8Array(await request.arrayBuffer())));
      case "/download":
        return new Response(download());
      case "/events":
        return new Response(events(), { headers: { "content-type": "text/event-stream" } });
      case "/socket": {
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.onmessage = ({ data }) => socket.send(`${data} back`);
        return response;
      }
      default:
        return new Response(`${request.method} ${pathname} ${await request.text()}`);
    }
  });
  const expected = createHash("sha256");
  for (let at = 0; at < 256 * MIB / chunk.length; at++) expected.update(chunk);
  return {
    port: server.addr.port,
    downloadSum: expected.digest("hex"),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Arguments of curl that lead the host to the public port. */
function toHost(port: number): string[] {
  return ["--silent", "--show-error", "--max-time", "60", "--resolve", `${HOST}:${port}:127.0.0.1`];
}

Deno.test({
  name: "Real software: curl with every method, an upload, a download and events of an app (needs curl)",
  ignore: findOnPath("curl") === null,
  fn: async () => {
    await using app = startApp();
    using folder = new Folder();
    await withService(app.port, async ({ port }) => {
      const url = `http://${HOST}:${port}`;
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        const data = method === "GET" || method === "OPTIONS" ? [] : ["--data", "a body"];
        const text = await programOutput("curl", [...toHost(port), "--request", method, ...data, `${url}/x`]);
        assert.equal(text, `${method} /x ${data[1] ?? ""}`);
      }
      const head = await programOutput("curl", [...toHost(port), "--head", `${url}/x`]);
      assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
      const file = join(folder.path, "up");
      const bytes = crypto.getRandomValues(new Uint8Array(65_536));
      const big = new Uint8Array(20 * MIB);
      for (let at = 0; at < big.length; at += bytes.length) big.set(bytes, at);
      Deno.writeFileSync(file, big);
      // With a body of this size curl waits for 100 Continue; chunked is another way in.
      const sized = await programOutput("curl", [...toHost(port), "--upload-file", file, `${url}/upload`]);
      assert.equal(sized, SUM(big));
      const chunked = ["--header", "Transfer-Encoding: chunked", "--upload-file", file];
      assert.equal(await programOutput("curl", [...toHost(port), ...chunked, `${url}/upload`]), SUM(big));
      const down = join(folder.path, "down");
      await programOutput("curl", [...toHost(port), "--output", down, `${url}/download`]);
      const hash = createHash("sha256");
      using read = Deno.openSync(down);
      const buffer = new Uint8Array(MIB);
      for (let count = read.readSync(buffer); count !== null; count = read.readSync(buffer)) {
        hash.update(buffer.subarray(0, count));
      }
      assert.equal(hash.digest("hex"), app.downloadSum);
      const events = await programOutput("curl", [...toHost(port), "--no-buffer", `${url}/events`]);
      assert.equal(events, "data: 0\n\ndata: 1\n\ndata: 2\n\n");
    });
  },
});

Deno.test({
  name: "Real software: nginx with files, ranges and compression (needs nginx) (needs curl)",
  ignore: findOnPath("nginx") === null || findOnPath("curl") === null,
  fn: async () => {
    using folder = new Folder();
    const local = freePort();
    const text = "a line of text that is compressed well\n".repeat(5000);
    Deno.writeTextFileSync(join(folder.path, "file.txt"), text);
    const config = `daemon off; pid ${folder.path}/pid; error_log stderr;
      events {}
      http {
        access_log off; gzip on; gzip_types text/plain; types { text/plain txt; }
        client_body_temp_path ${folder.path}/b; proxy_temp_path ${folder.path}/p;
        fastcgi_temp_path ${folder.path}/f; uwsgi_temp_path ${folder.path}/u; scgi_temp_path ${folder.path}/s;
        server { listen 127.0.0.1:${local}; root ${folder.path}; }
      }`;
    const file = join(folder.path, "nginx.conf");
    Deno.writeTextFileSync(file, config);
    const args = ["-c", file, "-p", folder.path, "-g", Deno.uid() === 0 ? "user root;" : ""];
    await using _nginx = await Program.start("nginx", { args, port: local });
    await withService(local, async ({ port }) => {
      const url = `http://${HOST}:${port}/file.txt`;
      assert.equal(await programOutput("curl", [...toHost(port), url]), text);
      assert.equal(await programOutput("curl", [...toHost(port), "--compressed", url]), text);
      const heads = await programOutput("curl", [
        ...toHost(port),
        "--compressed",
        "--dump-header",
        "-",
        "--output",
        "/dev/null",
        url,
      ]);
      assert.match(heads, /Content-Encoding: gzip/i);
      const part = await programOutput("curl", [...toHost(port), "--range", "10-19", url]);
      assert.equal(part, text.slice(10, 20));
      const missing = await programOutput("curl", [
        ...toHost(port),
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        `${url}x`,
      ]);
      assert.equal(missing, "404");
    });
  },
});

Deno.test({
  name: "Real software: git clones a repository (needs git)",
  ignore: findOnPath("git") === null,
  fn: async () => {
    using folder = new Folder();
    const [origin, bare, clone] = ["origin", "bare.git", "clone"].map((name) => join(folder.path, name));
    const git = (args: readonly string[]) =>
      programOutput("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args]);
    await git(["init", "--quiet", origin ?? ""]);
    for (let at = 0; at < 20; at++) {
      Deno.writeTextFileSync(join(origin ?? "", `file-${at}`), `${at}\n`.repeat(1000));
    }
    await git(["-C", origin ?? "", "add", "."]);
    await git(["-C", origin ?? "", "commit", "--quiet", "--message", "files"]);
    await git(["clone", "--quiet", "--bare", origin ?? "", bare ?? ""]);
    await git(["-C", bare ?? "", "update-server-info"]);
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
      try {
        return new Response(await Deno.readFile(join(folder.path, new URL(request.url).pathname)));
      } catch {
        return new Response("no", { status: 404 });
      }
    });
    try {
      await withService(server.addr.port, async ({ port }) => {
        const config = ["-c", `http.curloptResolve=${HOST}:${port}:127.0.0.1`];
        await git([...config, "clone", "--quiet", `http://${HOST}:${port}/bare.git`, clone ?? ""]);
        assert.equal(Deno.readTextFileSync(join(clone ?? "", "file-7")), "7\n".repeat(1000));
      });
    } finally {
      await server.shutdown();
    }
  },
});
