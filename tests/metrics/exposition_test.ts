/** Checks the monitoring address over real HTTP. */

import assert from "node:assert/strict";
import { TrunklineError } from "../../src/core/errors.ts";
import { type Exposition, startExposition } from "../../src/metrics/exposition.ts";
import { Health } from "../../src/metrics/health.ts";
import { createMetrics, type Metrics } from "../../src/metrics/metrics.ts";

interface Setup {
  readonly exposition: Exposition;
  readonly health: Health;
  readonly errors: unknown[];
  request(path: string, init?: RequestInit): Promise<{ status: number; type: string | null; body: string }>;
}

async function withExposition(
  options: { path?: string; metrics?: Metrics },
  run: (setup: Setup) => Promise<void>,
): Promise<void> {
  const health = new Health();
  const errors: unknown[] = [];
  const exposition = startExposition({
    listen: { host: "127.0.0.1", port: 0 },
    path: options.path ?? "/metrics",
    metrics: options.metrics ?? createMetrics([health]),
    health,
    onError: (error) => errors.push(error),
  });
  try {
    await run({
      exposition,
      health,
      errors,
      async request(path, init) {
        const response = await fetch(`http://127.0.0.1:${exposition.address.port}${path}`, init);
        return {
          status: response.status,
          type: response.headers.get("content-type"),
          body: await response.text(),
        };
      },
    });
  } finally {
    await exposition.stop();
  }
}

Deno.test("startExposition: serves the metrics in the text format", async () => {
  await withExposition({}, async ({ health, request }) => {
    health.set("listener", true);
    const { status, type, body } = await request("/metrics");
    assert.equal(status, 200);
    assert.equal(type, "text/plain; version=0.0.4; charset=utf-8");
    assert.ok(body.includes('trunkline_component_up{component="listener"} 1\n'));
  });
});

Deno.test("startExposition: takes the configured path as it is, not as a pattern", async () => {
  await withExposition({ path: "/:a/*" }, async ({ request }) => {
    assert.equal((await request("/:a/*")).status, 200);
    assert.equal((await request("/x/y")).status, 404);
    assert.equal((await request("/metrics")).status, 404);
  });
});

Deno.test("startExposition: /healthz answers while the process lives", async () => {
  await withExposition({}, async ({ request }) => {
    const { status, body } = await request("/healthz");
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body), { status: "ok" });
  });
});

Deno.test("startExposition: /readyz follows the health", async () => {
  await withExposition({}, async ({ health, request }) => {
    assert.equal((await request("/readyz")).status, 503);
    health.setPhase("running");
    health.set("listener", true);
    const { status, body } = await request("/readyz");
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body), {
      status: "ok",
      phase: "running",
      components: { listener: { status: "up" } },
    });
    health.setPhase("draining");
    assert.equal((await request("/readyz")).status, 503);
  });
});

Deno.test("startExposition: everything else is 404", async () => {
  await withExposition({}, async ({ request }) => {
    for (const path of ["/", "/metrics/", "/Metrics", "/api"]) {
      assert.equal((await request(path)).status, 404);
    }
    assert.equal((await request("/metrics", { method: "POST" })).status, 404);
  });
});

Deno.test("startExposition: metrics that cannot be rendered are a 500 that gives nothing away", async () => {
  const metrics = createMetrics([{
    samples() {
      throw new Error("inner detail");
    },
  }]);
  await withExposition({ metrics }, async ({ errors, request }) => {
    const { status, body } = await request("/metrics");
    assert.equal(status, 500);
    assert.ok(!body.includes("inner detail"));
    assert.match(String(errors[0]), /inner detail/);
  });
});

Deno.test("startExposition: a port in use is an error that names metrics.listen", async () => {
  await withExposition({}, ({ exposition, health }) => {
    const { port } = exposition.address;
    assert.throws(
      () =>
        startExposition({
          listen: { host: "127.0.0.1", port },
          path: "/m",
          metrics: createMetrics([]),
          health,
        }),
      (error) =>
        error instanceof TrunklineError && error.code === "address_in_use" &&
        error.message.startsWith(`Cannot listen on 127.0.0.1:${port} for metrics: `) &&
        error.message.includes("metrics.listen"),
    );
    return Promise.resolve();
  });
});

Deno.test("startExposition: an address that the machine does not have is an error that names metrics.listen", () => {
  const options = { path: "/m", metrics: createMetrics([]), health: new Health() };
  assert.throws(
    () => startExposition({ listen: { host: "192.0.2.1", port: 0 }, ...options }),
    (error) =>
      error instanceof TrunklineError && error.code === "listen_failed" &&
      error.message.includes("metrics.listen"),
  );
});

Deno.test({
  name: "startExposition: a missing permission is an error that names the flag",
  permissions: { net: false, read: true, env: true },
  fn() {
    const options = { path: "/m", metrics: createMetrics([]), health: new Health() };
    assert.throws(
      () => startExposition({ listen: { host: "::1", port: 9090 }, ...options }),
      (error) =>
        error instanceof TrunklineError && error.code === "permission_missing" &&
        error.message.includes("--allow-net=[::1]:9090"),
    );
  },
});

Deno.test("startExposition: stop ends although a client keeps its connection open", async () => {
  const exposition = startExposition({
    listen: { host: "127.0.0.1", port: 0 },
    path: "/metrics",
    metrics: createMetrics([]),
    health: new Health(),
  });
  const idle = await Deno.connect({ hostname: "127.0.0.1", port: exposition.address.port });
  const halfRequest = await Deno.connect({ hostname: "127.0.0.1", port: exposition.address.port });
  await halfRequest.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: x\r\n"));
  await exposition.stop();
  idle.close();
  halfRequest.close();
});
