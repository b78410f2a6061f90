import assert from "node:assert/strict";
import { systemClock } from "../../src/core/ports.ts";
import { ANONYMOUS } from "../../src/core/principal.ts";
import type { Login, LoginDesk, LoginOutcome, LoginRequest } from "../../src/hub/login.ts";
import { Agents } from "../../src/tunnel/agents.ts";
import type { Frame } from "../../src/wire/frame.ts";
import { EchoHub } from "../helpers/echo_hub.ts";
import { refuseTunnel } from "../helpers/no_tunnels.ts";
import { FramesClient } from "../helpers/frames_client.ts";
import { Inbox } from "../helpers/inbox.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";

const LIMITS = {
  maxStreams: 1,
  initialWindow: 16 * 1024,
  maxWindow: 16 * 1024,
  connectionWindow: 64 * 1024,
  maxPayload: 1024,
  heartbeatIntervalMs: 30_000,
  heartbeatTimeoutMs: 60_000,
};
const LOGIN: Frame = {
  kind: "auth_request",
  request: { token: "t", agentId: "edge", session: "s", features: ["messages"] },
};

/** A login that is decided when the test says so. */
interface Attempt {
  readonly request: LoginRequest;
  readonly decide: (outcome: LoginOutcome) => void;
}

class SlowDesk implements LoginDesk {
  readonly attempts = new Inbox<Attempt>();

  login(request: LoginRequest): Promise<LoginOutcome> {
    const { promise, resolve } = Promise.withResolvers<LoginOutcome>();
    this.attempts.push({ request, decide: resolve });
    return promise;
  }

  loginByCertificate(): null {
    return null;
  }

  async next(): Promise<Attempt> {
    const attempt = await this.attempts.next();
    assert.ok(attempt !== null);
    return attempt;
  }
}

/** An address for agents alone, and what happened to the messages of its connections. */
async function start() {
  const desk = new SlowDesk();
  const events: string[] = [];
  const agents = new Agents({
    clock: systemClock,
    logger: new MemoryLogger(),
    leaseMs: 60_000,
    limits: LIMITS,
    logins: desk,
    services: {
      accept: () => ({ code: 7, reason: "Nobody takes streams" }),
      register: refuseTunnel,
      unregister: refuseTunnel,
    },
    createMessages: () => ({
      maxMessageBytes: 1024,
      arrived: () => events.push("arrived"),
      opened: () => events.push("opened"),
      renewed: () => events.push("renewed"),
      received: () => events.push("received"),
      closing: () => events.push("closing"),
    }),
  });
  const hub = await EchoHub.start({
    logins: desk,
    transports: ["frames"],
    framesUser: () => agents.createSession(null, null),
  });
  return { hub, desk, agents, events };
}

function loginOf(subject: string, isRevoked = () => false): Login {
  const login: Login = {
    principal: { ...ANONYMOUS, subject },
    reevaluate: () => isRevoked() ? { kind: "ended", reason: "revoked" } : { kind: "holds", login },
  };
  return login;
}

Deno.test("Agent session: who is gone before its login is decided leaves nothing behind", async () => {
  const { hub, desk, agents, events } = await start();
  await using _hub = hub;
  const client = await FramesClient.connect({ port: hub.port });
  await client.send(LOGIN);
  const { request, decide } = await desk.next();
  assert.deepEqual([request.token, request.via, request.ip, request.isGone()], [
    "t",
    "frame",
    "127.0.0.1",
    false,
  ]);
  client.reset();
  await hub.connections.empty();
  assert.ok(request.isGone());
  decide({ kind: "accepted", login: loginOf("one") });
  await client[Symbol.asyncDispose]();
  assert.deepEqual([agents.size, [...agents.links].length, agents.stats.admitted, events], [0, 0, 0, []]);
});

Deno.test("Agent session: a login that is revoked before its place is certain is refused", async () => {
  const { hub, desk, agents, events } = await start();
  await using _hub = hub;
  await using client = await FramesClient.connect({ port: hub.port });
  await client.send(LOGIN);
  (await desk.next()).decide({ kind: "accepted", login: loginOf("one", () => true) });
  const answer = await client.find("auth_response");
  assert.deepEqual(answer?.response, { ok: false, code: "invalid_token", message: "The login was revoked" });
  assert.equal((await client.find("error"))?.error.closeCode, 4401);
  client.finish();
  assert.deepEqual([agents.size, agents.stats.admitted, events], [0, 0, []]);
});

for (
  const [code, word, closeCode] of [
    ["unavailable", "server_unavailable", 4503],
    ["overloaded", "overloaded", 4503],
    ["rate_limited", "rate_limit_exceeded", 4429],
    ["tenant_required", "tenant_required", 4401],
    ["invalid_tenant", "invalid_tenant", 4401],
  ] as const
) {
  Deno.test(`Agent session: ${code} is told as ${word}, then the connection ends with ${closeCode}`, async () => {
    const { hub, desk } = await start();
    await using _hub = hub;
    await using client = await FramesClient.connect({ port: hub.port });
    await client.send(LOGIN);
    (await desk.next()).decide({ kind: "refused", code, message: "No", retryAfterMs: 700 });
    const answer = await client.find("auth_response");
    assert.deepEqual(answer?.response, { ok: false, code: word, message: "No", retryAfterMs: 700 });
    const last = await client.find("error");
    assert.deepEqual([last?.error.closeCode, last?.error.retryAfterMs], [closeCode, 700]);
    client.finish();
  });
}

Deno.test("Agent session: messages hear of a connection in order, and of its renewal", async () => {
  const { hub, desk, events } = await start();
  await using _hub = hub;
  const client = await FramesClient.connect({ port: hub.port });
  await client.send(LOGIN);
  (await desk.next()).decide({ kind: "accepted", login: loginOf("one") });
  await client.find("auth_response");
  await client.send({ kind: "message", message: Uint8Array.of(1), isText: false }, LOGIN);
  const renewal = await desk.next();
  assert.equal(renewal.request.renews?.principal.subject, "one");
  renewal.decide({ kind: "accepted", login: loginOf("one") });
  await client.find("auth_response");
  client.reset();
  await hub.connections.empty();
  await client[Symbol.asyncDispose]();
  assert.deepEqual(events, ["arrived", "opened", "received", "renewed", "closing"]);
});

Deno.test("Agent session: one renewal is looked at at a time, the others are refused at once", async () => {
  const { hub, desk } = await start();
  await using _hub = hub;
  await using client = await FramesClient.connect({ port: hub.port });
  await client.send(LOGIN);
  (await desk.next()).decide({ kind: "accepted", login: loginOf("one") });
  await client.find("auth_response");
  await client.send(LOGIN, LOGIN);
  const { decide } = await desk.next();
  const refused = await client.find("auth_response");
  assert.ok(refused !== null && !refused.response.ok);
  assert.equal(refused.response.code, "protocol_error");
  decide({ kind: "accepted", login: loginOf("one") });
  assert.equal((await client.find("auth_response"))?.response.ok, true);
  assert.equal(desk.attempts.length, 0);
});

Deno.test("Agent session: who asks and asks without reading the answers is ended, and little is kept", async () => {
  const { hub, desk, agents } = await start();
  await using _hub = hub;
  await using client = await FramesClient.connect({ port: hub.port });
  await client.send(LOGIN);
  (await desk.next()).decide({ kind: "accepted", login: loginOf("one") });
  await client.find("auth_response");
  client.pause();
  const [connection] = hub.connections.connections.values();
  assert.ok(connection !== undefined);
  const request = { requestId: "r".repeat(64), kind: "http" } as const;
  let most = 0;
  while (connection.state.name === "open") {
    await client.send(...new Array<Frame>(2000).fill({ kind: "register_tunnel", request }));
    most = Math.max(most, connection.heldBytes);
  }
  const { state } = connection;
  assert.equal("code" in state ? state.code : null, 4413);
  assert.ok(most < 4 * 1024 * 1024, `${most} bytes were kept`);
  assert.equal(agents.size, 0);
});
