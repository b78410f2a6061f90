import assert from "node:assert/strict";
import { type Demo, startDemo } from "../../examples/demo/demo.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { testConfig } from "../helpers/test_hub.ts";

async function withDemo(set: readonly string[], action: (demo: Demo) => Promise<void>): Promise<void> {
  const demo = await startDemo({
    config: testConfig(set),
    logger: new MemoryLogger(),
    page: { host: "127.0.0.1", port: 0 },
  });
  try {
    await action(demo);
  } finally {
    await demo.stop();
  }
}

Deno.test("Demo site: /stats gives the hub's numbers", () =>
  withDemo([], async ({ pageUrl }) => {
    const response = await fetch(`${pageUrl}stats`);
    assert.equal(response.status, 200);
    const stats = await response.json();
    assert.equal(stats.messagesSent, 0);
    assert.equal(stats.connections, 0);
    assert.equal(stats.dropped.drop_oldest, 0);
  }));

Deno.test("Demo site: /stats is 503 and says why when metrics are off", () =>
  withDemo(["metrics.enabled=false"], async ({ pageUrl, metricsUrl }) => {
    assert.equal(metricsUrl, null);
    const response = await fetch(`${pageUrl}stats`);
    assert.equal(response.status, 503);
    assert.match(await response.text(), /set metrics\.enabled to true/);
  }));

Deno.test("Demo site: pages and workers are isolated and load nothing from elsewhere", () =>
  withDemo([], async ({ pageUrl, topicsUrl, loadUrl, relayUrl }) => {
    for (const url of [pageUrl, topicsUrl, loadUrl, `${pageUrl}load/slow_tab.js`]) {
      const response = await fetch(url);
      await response.body?.cancel();
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("Cross-Origin-Opener-Policy"), "same-origin");
      assert.equal(response.headers.get("Cross-Origin-Embedder-Policy"), "require-corp");
      const policy = response.headers.get("Content-Security-Policy") ?? "";
      assert.match(policy, /default-src 'self'/);
      assert.match(policy, /worker-src 'self'/);
      assert.ok(policy.includes(new URL(relayUrl).origin));
    }
  }));

Deno.test("Demo site: every file that a page or worker names is served", () =>
  withDemo([], async ({ pageUrl, topicsUrl, loadUrl }) => {
    const waiting = [pageUrl, topicsUrl, loadUrl];
    const seen = new Set(waiting);
    for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
      const response = await fetch(url);
      const text = await response.text();
      assert.equal(response.status, 200, url);
      for (const [, name = ""] of text.matchAll(/"((?:\.{0,2}\/)+[a-z_/]*\.(?:js|css))"/g)) {
        const named = new URL(name, url).href;
        if (!seen.has(named)) waiting.push(named);
        seen.add(named);
      }
    }
    assert.ok(seen.size >= 20, `found only ${[...seen].join(" ")}`);
  }));

Deno.test("Demo site: anything else is not found", () =>
  withDemo([], async ({ pageUrl }) => {
    for (const path of ["demo.ts", "load/", "load/..%2fdemo.ts", "stats/", "browser/app.js"]) {
      const response = await fetch(`${pageUrl}${path}`);
      await response.body?.cancel();
      assert.equal(response.status, 404, path);
    }
  }));
