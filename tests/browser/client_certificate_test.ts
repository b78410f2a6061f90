/**
 * A real browser that has a client certificate, at a hub that lets nobody in without one. The browser's own store of
 * certificates asks a person which to show, so its driver shows it instead, on a way of its own to the hub.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Browser } from "playwright-core";
import { startBrowser } from "../helpers/browser.ts";
import { TestCertificate } from "../helpers/client_certificates.ts";
import { MutualScene } from "../helpers/mutual_tls.ts";
import { findChromium } from "../helpers/tools.ts";

const REQUEST = "request:nobody.answers:1.0.0:00000000-0000-4000-8000-000000000001\n{}";

/** In the page: opens a WebSocket to where the page is from, sends a request, and gives its answer. */
const ASK = `new Promise((resolve, reject) => {
  const socket = new WebSocket(location.origin.replace("https:", "wss:") + "/");
  socket.binaryType = "arraybuffer";
  socket.onopen = () => socket.send(${JSON.stringify(REQUEST)});
  socket.onmessage = ({ data }) => {
    const text = typeof data === "string" ? data : new TextDecoder().decode(data);
    if (text.startsWith("publish:system.initialize:")) return;
    socket.close();
    resolve(text);
  };
  socket.onclose = ({ code }) => reject(new Error("closed with " + code));
})`;

/** The status of a page of the hub, and what a script in it is answered. */
async function visit(
  browser: Browser,
  { origin, client }: { origin: string; client: TestCertificate },
): Promise<{ status: number | undefined; answer: string }> {
  const shown = { origin, cert: Buffer.from(client.cert), key: Buffer.from(client.key) };
  const context = await browser.newContext({ clientCertificates: [shown], ignoreHTTPSErrors: true });
  try {
    const page = await context.newPage();
    const status = (await page.goto(`${origin}/healthz`))?.status();
    return { status, answer: await page.evaluate<string>(ASK) };
  } finally {
    await context.close();
  }
}

Deno.test({
  name: "Client certificate: a browser logs in by it on a page that is listed by name alone (needs chromium)",
  ignore: findChromium() === null,
  // The driver of the browser keeps pipes and timers of its own until the process ends.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    await using scene = await MutualScene.start({ required: true });
    const origin = `https://localhost:${scene.hub.port}`;
    const client = await TestCertificate.make({ by: scene.authority });
    const browser = await startBrowser();
    try {
      const accepted = () => scene.hub.metric('trunkline_security_events_total{kind="login_accepted"}');
      const stranger = await visit(browser, { origin, client });
      assert.equal(stranger.status, 200, "the door is open to it");
      assert.match(stranger.answer, /UNAUTHORIZED/);
      assert.equal(await accepted(), 0);

      const listed = [...scene.settings, `hub.origins=["${origin}"]`];
      assert.equal((await scene.hub.reload(listed)).kind, "loaded");
      const { answer } = await visit(browser, { origin, client });
      assert.match(answer, /NO_ROUTE_FOUND/);
      assert.equal(await accepted(), 1);

      const unknown = await TestCertificate.make();
      await assert.rejects(visit(browser, { origin, client: unknown }));
      // A browser tries more than once.
      assert.ok(await scene.refused("untrusted") > 0);
    } finally {
      await browser.close();
    }
  },
});
