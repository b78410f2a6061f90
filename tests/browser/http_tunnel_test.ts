/** A browser at a tunnel: it finds `*.localhost` by itself. */
import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { withService } from "../tunnel/http_scene.ts";
import { startBrowser } from "../helpers/browser.ts";
import { findChromium } from "../helpers/tools.ts";

const ASSETS = 100;
const FILE = "x".repeat(300_000);

const page = `<!doctype html><title>app</title>
<form method="post" action="/upload" enctype="multipart/form-data"><input type="file" name="f"><button>Send</button></form>
<a href="/file" download="file.txt">Download</a><p id="count"></p><p id="said"></p>
${Array.from({ length: ASSETS }, (_, at) => `<script src="/asset-${at}.js"></script>`).join("\n")}
<script>
  document.getElementById("count").textContent = window.assets;
  const socket = new WebSocket("ws://" + location.host + "/socket");
  socket.onopen = () => socket.send("hello");
  socket.onmessage = ({ data }) => document.getElementById("said").textContent = data;
</script>`;

/** The app of the test. */
async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/asset-")) {
    const script = `window.assets = (window.assets ?? 0) + 1; // ${"x".repeat(2000)}`;
    return new Response(script, { headers: { "content-type": "text/javascript" } });
  }
  if (pathname === "/socket") {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(`${data} back`);
    return response;
  }
  if (pathname === "/upload") {
    const file = (await request.formData()).get("f");
    return new Response(`got ${file instanceof File ? (await file.text()).length : "nothing"}`);
  }
  if (pathname === "/file") return new Response(FILE);
  return new Response(page, { headers: { "content-type": "text/html" } });
}

Deno.test({
  name: "HTTP tunnel in a browser: 100 assets, a WebSocket, an upload form and a download (needs chromium)",
  ignore: findChromium() === null,
  // The driver of the browser keeps pipes and timers of its own until the process ends.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, answer);
    const browser = await startBrowser();
    try {
      await withService(server.addr.port, async ({ port, hub }) => {
        const tab = await browser.newPage();
        await tab.goto(`http://app.localhost:${port}/`);
        assert.equal(await tab.locator("#count").innerText(), String(ASSETS));
        await tab.locator("#said", { hasText: "hello back" }).waitFor();
        const downloading = tab.waitForEvent("download");
        await tab.getByText("Download").click();
        const path = await (await downloading).path();
        assert.equal(await Deno.readTextFile(path), FILE);
        const buffer = Buffer.from(FILE);
        await tab.locator("input").setInputFiles({ name: "up.txt", mimeType: "text/plain", buffer });
        await tab.getByRole("button", { name: "Send" }).click();
        await tab.getByText(`got ${FILE.length}`).waitFor();
        assert.ok(await hub.metric('tunnel_requests_total{method="GET",status="2xx"}') >= ASSETS);
        await tab.close();
      });
    } finally {
      await browser.close();
      await server.shutdown();
    }
  },
});
