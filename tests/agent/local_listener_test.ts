import assert from "node:assert/strict";
import { AgentLink } from "../../src/agent/agent_link.ts";
import { LocalListener } from "../../src/agent/local_listener.ts";
import { Flusher } from "../../src/link/flusher.ts";
import { JoiningServices } from "../helpers/joining_services.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { targetOf } from "./dialling.ts";

interface Scene {
  readonly listener: LocalListener;
  readonly link: AgentLink;
  readonly failures: string[];
}

/** A local port that leads to the agent `echo` of a hub. */
async function withListener(agent: string, use: (scene: Scene) => Promise<void>): Promise<void> {
  await using hub = await TestHub.start([], { frameServices: new JoiningServices() });
  const up = Promise.withResolvers<void>();
  const link = new AgentLink({
    target: targetOf(`tcp://127.0.0.1:${hub.port}`),
    identity: { agentId: "me", token: null, tenant: null },
    logger: new MemoryLogger(),
    onState: ({ kind }) => kind === "up" && up.resolve(),
  });
  const failures: string[] = [];
  const listener = await LocalListener.listen({
    host: "127.0.0.1",
    port: 0,
    target: { agent, host: "127.0.0.1", port: 1 },
    flusher: new Flusher(1024),
    openStream: (open, consumer) => link.openStream(open, consumer),
    onFailure: (reason) => failures.push(reason),
  });
  try {
    link.start();
    await up.promise;
    await use({ listener, link, failures });
  } finally {
    await listener.close();
    await link.stop();
  }
}

/** How a connection ends, which may be while it is made. */
async function resetOf({ port }: LocalListener): Promise<string | null> {
  try {
    await using visitor = await Visitor.at(port);
    return await visitor.closed;
  } catch (error) {
    return (error as { code?: string }).code ?? null;
  }
}

Deno.test("Local listener: a connection becomes a stream, and each way ends alone", async () => {
  await withListener("echo", async ({ listener, failures }) => {
    await using visitor = await Visitor.at(listener.port);
    visitor.socket.write("one");
    await visitor.got(3);
    visitor.socket.end(" two");
    await visitor.all;
    assert.deepEqual([visitor.text, await visitor.closed], ["one two", null]);
    assert.deepEqual(failures, []);
    const { total, failed, bytesRead, bytesWritten } = listener.stats;
    assert.deepEqual([total, failed, bytesRead, bytesWritten], [1, 0, 7, 7]);
  });
});

Deno.test("Local listener: what the hub refuses is reset, and why is told", async () => {
  await withListener("nobody", async ({ listener, failures }) => {
    assert.equal(await resetOf(listener), "ECONNRESET");
    assert.deepEqual(failures, ["No agent nobody"]);
    assert.equal(listener.stats.failed, 1);
  });
});

Deno.test("Local listener: without a connection to the hub nobody waits", async () => {
  await withListener("echo", async ({ listener, link, failures }) => {
    await link.stop();
    assert.equal(await resetOf(listener), "ECONNRESET");
    assert.deepEqual(failures, ["there is no connection to the hub now"]);
  });
});

Deno.test("Local listener: at its end those who are there have a while", async () => {
  await withListener("echo", async ({ listener }) => {
    await using patient = await Visitor.at(listener.port);
    patient.socket.write("a");
    await patient.got(1);
    const closed = listener.close(60_000);
    patient.socket.end("b");
    await patient.all;
    await closed;
    assert.equal(patient.text, "ab");
  });
  await withListener("echo", async ({ listener }) => {
    await using visitor = await Visitor.at(listener.port);
    visitor.socket.write("a");
    await visitor.got(1);
    await listener.close();
    assert.equal(await visitor.closed, "ECONNRESET");
  });
});

Deno.test("Local listener: a port that somebody has is an error", async () => {
  await using echo = await TcpService.echo();
  await assert.rejects(
    LocalListener.listen({
      host: "127.0.0.1",
      port: echo.port,
      target: { agent: "a", host: "h", port: 1 },
      flusher: new Flusher(1024),
      openStream: () => "offline",
      onFailure: () => {},
    }),
    { code: "address_in_use", message: `Cannot listen on 127.0.0.1:${echo.port}: another program has it` },
  );
});
