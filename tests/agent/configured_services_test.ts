/** Services of an agent's configuration, with a real hub, real commands and real HTTP. */
import assert from "node:assert/strict";
import type { AgentConfig } from "../../src/config/schema_agent.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { RunningAgent } from "./running_agent.ts";
import { agentConfig, TunnelAgent } from "./tunnel_agent.ts";

const ignore = Deno.build.os === "windows";

function servicesOf(yaml: string): AgentConfig["services"] {
  return agentConfig([`services=${yaml}`]).services;
}

/** A web service that does as it is told by the payload. */
function webService() {
  const seen: { topic: string | null; id: string | null }[] = [];
  const hanging = Promise.withResolvers<void>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    seen.push({
      topic: request.headers.get("trunkline-topic"),
      id: request.headers.get("trunkline-request-id"),
    });
    const text = await request.text();
    if (text === "hang") await hanging.promise;
    if (text === "broken") return new Response("what stands inside", { status: 500 });
    if (text === "elsewhere") return Response.redirect("http://127.0.0.1:1/");
    if (text === "long") return new Response(new Uint8Array(70_000));
    return new Response(text.toUpperCase());
  });
  return {
    seen,
    url: `http://127.0.0.1:${server.addr.port}/answer`,
    [Symbol.asyncDispose]: async () => {
      hanging.resolve();
      await server.shutdown();
    },
  };
}

/** Asks, until somebody serves it; an error as its code and message. */
async function ask(
  { link }: RunningAgent,
  topic: string,
  { payload = "", timeoutMs = 5000 }: { payload?: string; timeoutMs?: number } = {},
): Promise<string> {
  for (;;) {
    try {
      return new TextDecoder().decode(await link.messages.request(topic, payload, { timeoutMs }));
    } catch (error) {
      assert.ok(error instanceof TrunklineError);
      const { code } = error.details;
      if (code !== "NO_ROUTE_FOUND") return /it was (.*)$/.exec(error.message)?.[1] ?? error.message;
    }
  }
}

/** A hub, an agent with these services, and somebody who asks. */
async function withServices(
  yaml: string,
  use: (scene: { edge: TunnelAgent; user: RunningAgent; hub: TestHub }) => Promise<void>,
): Promise<void> {
  await using hub = await TestHub.start();
  const url = `tcp://127.0.0.1:${hub.port}`;
  await using edge = new TunnelAgent(url, "[]", { services: servicesOf(yaml) });
  await using user = await RunningAgent.up(url, { agentId: "user" });
  await use({ edge, user, hub });
}

Deno.test({
  name: "Configured services: a command gets the payload and prints the answer, or why there is none is told",
  ignore,
  fn: async () => {
    const yaml = `[
      { topic: up, exec: "tr a-z A-Z" },
      { topic: env, exec: 'printf %s "$TRUNKLINE_TOPIC"' },
      { topic: fails, exec: "echo a reason >&2; exit 3" },
      { topic: hangs, exec: "sleep 100" },
      { topic: floods, exec: "head -c 100000 /dev/zero" }]`;
    await withServices(yaml, async ({ edge, user }) => {
      assert.equal(await ask(user, "up", { payload: "hello" }), "HELLO");
      assert.equal(await ask(user, "env"), "env");
      assert.equal(await ask(user, "fails"), "INTERNAL_ERROR (The command ended with exit code 3: a reason)");
      assert.match(await ask(user, "hangs", { timeoutMs: 300 }), /^TIMEOUT \(/);
      assert.equal(
        await ask(user, "floods"),
        "INTERNAL_ERROR (The service gave more than the 65536 bytes of an answer)",
      );
      assert.deepEqual(edge.agent.counts.requests.get("up"), { name: "up", ok: 1, failed: 0 });
      assert.deepEqual(edge.agent.counts.requests.get("fails"), { name: "fails", ok: 0, failed: 1 });
      assert.ok(edge.agent.counts.errors.service >= 2);
    });
  },
});

Deno.test("Configured services: a URL is posted the payload, and only a good answer is one", async () => {
  await using web = webService();
  const yaml = `[{ topic: "web.#", url: "${web.url}" }, { topic: gone, url: "http://127.0.0.1:1/" }]`;
  await withServices(yaml, async ({ user, edge }) => {
    assert.equal(await ask(user, "web.a", { payload: "hello" }), "HELLO");
    assert.equal(web.seen[0]?.topic, "web.a");
    assert.match(web.seen[0]?.id ?? "", /^[0-9a-f-]{36}$/);
    const failed = "INTERNAL_ERROR (The service answered with status";
    assert.equal(await ask(user, "web.a", { payload: "broken" }), `${failed} 500)`);
    assert.equal(await ask(user, "web.a", { payload: "elsewhere" }), `${failed} 302)`);
    assert.match(
      await ask(user, "web.a", { payload: "long" }),
      /^INTERNAL_ERROR \(The service gave more than/,
    );
    assert.match(await ask(user, "web.a", { payload: "hang", timeoutMs: 200 }), /^TIMEOUT \(/);
    assert.equal(await ask(user, "gone"), "SERVICE_UNAVAILABLE (The service cannot be reached)");
    assert.equal(edge.agent.counts.requests.get("web.#")?.ok, 1, "counted by what the configuration says");
  });
});

Deno.test({
  name: "Configured services: another configuration leaves alone what stays as it was",
  ignore,
  fn: async () => {
    const folder = Deno.makeTempDirSync();
    const [begun, go] = [`${folder}/begun`, `${folder}/go`];
    const slow =
      `{ topic: slow, exec: "touch ${begun}; until test -e ${go}; do sleep 0.01; done; echo done" }`;
    try {
      await withServices(`[${slow}, { topic: a, exec: "echo one" }]`, async ({ edge, user }) => {
        assert.equal(await ask(user, "a"), "one\n");
        const answer = ask(user, "slow", { timeoutMs: 30_000 });
        while (!exists(begun)) await new Promise((resolve) => setTimeout(resolve, 5));
        const update = (yaml: string) =>
          edge.agent.update({ tunnels: [], allow: [], services: servicesOf(yaml) });
        update(`[${slow}, { topic: a, exec: "echo two" }, { topic: b, exec: "echo b" }]`);
        assert.equal(await ask(user, "b"), "b\n");
        while (await ask(user, "a") !== "two\n");
        update(`[{ topic: b, exec: "echo b" }]`);
        Deno.writeTextFileSync(go, "");
        assert.equal(await answer, "done\n", "what was begun is finished, also of a service that is gone");
        await assert.rejects(async () => {
          for (;;) await user.link.messages.request("slow", "");
        }, { details: { code: "NO_ROUTE_FOUND" } });
      });
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "Configured services: at its end an agent finishes what it began, and leaves no command behind",
  ignore,
  fn: async () => {
    const yaml =
      '[{ topic: quick, exec: "sleep 0.1; echo late" }, { topic: hangs, exec: "exec sleep 1000" }]';
    await withServices(yaml, async ({ edge, user }) => {
      while (await ask(user, "quick") !== "late\n");
      const last = ask(user, "quick");
      while (edge.agent.services.active === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await edge.agent.stop(10_000);
      assert.equal(await last, "late\n");
    });
    await withServices(yaml, async ({ edge, user }) => {
      await ask(user, "quick");
      const hanging = ask(user, "hangs", { timeoutMs: 60_000 });
      while (edge.agent.services.active === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await edge.agent.stop(50);
      assert.match(await hanging, /^SERVICE_UNAVAILABLE/);
    });
  },
});

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
