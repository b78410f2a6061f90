/** What an agent does with a hub that refuses, goes away, falls silent, or speaks nonsense. */
import assert from "node:assert/strict";
import { Backoff } from "../../src/limits/backoff.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { RecordingStream } from "../helpers/echo_stream.ts";
import { until } from "../helpers/event_loop.ts";
import { FramesHub } from "../helpers/frames_hub.ts";
import { concat } from "../helpers/prefixed.ts";
import { ServerWebSocket } from "../helpers/server_websocket.ts";
import { freePort } from "../helpers/free_port.ts";
import { readHead, SocketServer, upgradeAnswer } from "../helpers/socket_server.ts";
import { RunningAgent, SLOW, streamTo } from "./running_agent.ts";

const urlOf = ({ port }: { port: number }) => `tcp://127.0.0.1:${port}`;
/** The delays of a program, without their jitter. */
const usual = () => new Backoff({ random: () => 0 });

Deno.test("Session: a refused login waits a minute at least, and is one log line", async () => {
  for (const code of ["invalid_token", "tenant_required", "name_taken", "rate_limit_exceeded"]) {
    await using hub = await FramesHub.open({
      onLogin: () => ({ ok: false, code, message: "said the test" }),
    });
    await using agent = new RunningAgent(urlOf(hub), { backoff: usual() });
    await agent.was("waiting");
    assert.deepEqual([agent.failure.cause, agent.failure.delayMs], ["refused", 60_000], code);
    assert.equal(agent.logger.lines.length, 1);
    assert.match(agent.warnings[0] ?? "", new RegExp(`it answered ${code} \\(said the test\\)`));
    assert.deepEqual(agent.states.map(({ kind }) => kind), ["dialling", "authenticating", "waiting"]);
  }
});

Deno.test("Session: a refusal stands, whatever comes in the same breath", async () => {
  await using hub = await FramesHub.open({
    onLogin: (request, end) => {
      end.answer({ ok: false, code: "invalid_token", message: "no" });
      end.answer(hub.admit(request));
      return null;
    },
  });
  await using agent = new RunningAgent(urlOf(hub), { backoff: SLOW });
  await agent.was("waiting");
  assert.deepEqual([agent.failure.cause, agent.link.connections], ["refused", 0]);
});

Deno.test("Session: a hub that cannot now is asked again soon, but not before it says", async () => {
  for (const code of ["server_unavailable", "overloaded"]) {
    await using hub = await FramesHub.open({
      onLogin: () => ({ ok: false, code, message: "busy", retryAfterMs: 7000 }),
    });
    await using agent = new RunningAgent(urlOf(hub), { backoff: usual() });
    await agent.was("waiting");
    assert.deepEqual([agent.failure.cause, agent.failure.delayMs], ["transient", 7000], code);
  }
});

Deno.test("Session: a hub that ends the login with an Error frame is believed", async () => {
  for (const [closeCode, cause] of [[4401, "refused"], [4429, "refused"], [4503, "transient"]] as const) {
    await using hub = await FramesHub.open({
      onLogin: (_request, end) => {
        end.close(closeCode, "go away", { retryAfterMs: 90_000 });
        return null;
      },
    });
    await using agent = new RunningAgent(urlOf(hub), { backoff: usual() });
    await agent.was("waiting");
    const { failure } = agent;
    assert.deepEqual([failure.cause, failure.askedMs, failure.isBlocked], [cause, 90_000, false]);
  }
});

Deno.test("Session: where only HTTP answers, a WebSocket is taken", async () => {
  await using hub = await FramesHub.open({ onlyHttp: true });
  await using agent = await RunningAgent.up(urlOf(hub));
  const { state } = agent.link;
  assert.equal(state.kind === "up" ? state.path : "", "websocket");
  assert.equal(agent.warnings.length, 1);
});

Deno.test("Session: the answer to the login never comes, or only half of it", async () => {
  for (const half of [false, true]) {
    await using hub = await FramesHub.open({
      onLogin: (request, end) => {
        if (half) end.writeHalf({ kind: "auth_response", response: hub.admit(request) });
        return null;
      },
    });
    await using agent = new RunningAgent(urlOf(hub), { backoff: SLOW, authTimeoutMs: 50 });
    await agent.was("waiting");
    assert.match(agent.warnings.join("\n"), /it did not answer in time/);
    const tried = agent.states.flatMap((state) => state.kind === "dialling" ? state.path : []);
    assert.deepEqual(tried, ["stream", "websocket"]);
    assert.equal(hub.ends.size, 0);
  }
});

Deno.test("Session: nonsense instead of an answer, and frames that a hub never sends, end the attempt", async () => {
  const garbage = new TextEncoder().encode("220 mail.example ESMTP\r\n");
  const notJson = concat(encodeFrame({ kind: "message", message: garbage, isText: false }).parts);
  notJson[1] = 0x02;
  const tunnel = { kind: "unregister_tunnel", request: { requestId: "1", tunnelId: 1 } } as const;
  const foreign = concat(encodeFrame(tunnel).parts);
  for (const bytes of [garbage, notJson, foreign]) {
    await using hub = await FramesHub.open({
      onLogin: (_request, end) => {
        end.write(bytes);
        return null;
      },
    });
    await using agent = new RunningAgent(urlOf(hub), { backoff: SLOW });
    await agent.was("waiting");
    assert.match(agent.warnings[0] ?? "", /what answers does not speak as a hub does/);
    assert.equal(hub.ends.size, 0);
  }
});

Deno.test("Session: limits that would make the ends disagree are not accepted", async () => {
  for (
    const limits of [{ initialWindow: 0 }, { initialWindow: 2 ** 31 }, { initialWindow: 1.5 }, {
      maxPayload: -1,
    }]
  ) {
    await using hub = await FramesHub.open({ limits });
    await using agent = new RunningAgent(urlOf(hub), { backoff: SLOW });
    await agent.was("waiting");
    assert.match(agent.warnings[0] ?? "", /it offers /, JSON.stringify(limits));
    assert.equal(agent.count("up"), 0);
  }
});

Deno.test("Session: a second answer to the login ends the connection", async () => {
  await using hub = await FramesHub.open();
  await using agent = await RunningAgent.up(urlOf(hub), { backoff: SLOW });
  const { end } = hub;
  end.answer(hub.admit({ agentId: "edge", session: "s", features: [] }));
  await agent.was("waiting");
  assert.match(agent.warnings[0] ?? "", /nobody asked for/);
  assert.equal(end.ended?.code, 1002);
});

Deno.test("Session: another process with the same name takes over, and the old one stays away", async () => {
  await using hub = await FramesHub.open();
  await using old = await RunningAgent.up(urlOf(hub), { backoff: usual() });
  await using _new = await RunningAgent.up(urlOf(hub), { backoff: usual() });
  await old.was("waiting");
  assert.deepEqual([old.failure.cause, old.failure.delayMs], ["refused", 60_000]);
  assert.match(old.warnings[0] ?? "", /code 4409, Another process took over/);
  assert.equal(hub.ends.size, 1);
});

Deno.test("Session: a hub that goes away keeps its running streams and gets no new ones", async () => {
  await using hub = await FramesHub.open();
  await using agent = await RunningAgent.up(urlOf(hub), { backoff: usual() });
  const running = agent.openStream("echo");
  running.stream?.write(new Uint8Array([1]));
  await running.got(1);
  hub.end.transport.mux.goAway({ reason: "draining", retryAfterMs: 5000 });
  assert.ok(await hub.end.transport.mux.ping(5000) !== null);
  assert.equal(agent.link.openStream(streamTo("echo"), new RecordingStream()), "going_away");
  running.stream?.write(new Uint8Array([2]));
  await running.got(2);
  assert.equal(agent.link.state.kind, "up");
  running.stream?.end();
  assert.equal(await running.closedWith, null, "it ended as it should");
  await agent.was("waiting");
  assert.deepEqual([agent.failure.cause, agent.failure.delayMs], ["transient", 5000]);
  assert.match(agent.warnings[0] ?? "", /the hub goes away: draining/);
  await until(() => hub.ends.size === 0);
});

Deno.test("Session: a hub that goes away is left at once when nothing runs", async () => {
  await using hub = await FramesHub.open();
  await using agent = await RunningAgent.up(urlOf(hub));
  hub.end.transport.mux.goAway({ reason: "draining" });
  await agent.was("up", 2);
});

Deno.test("Session: heartbeats go both ways, and a quiet connection lives", async () => {
  await using hub = await FramesHub.open({ heartbeat: { intervalMs: 20, timeoutMs: 10_000 } });
  await using agent = await RunningAgent.up(urlOf(hub), { bounds: { heartbeatIntervalMs: 20 } });
  const heard = () => hub.end.transport.lastHeardMs;
  const before = heard();
  await until(() => heard() > before + 100);
  assert.ok((await agent.session.ping(5000) ?? -1) >= 0);
  assert.equal(agent.count("up"), 1);
});

Deno.test("Session: how a WebSocket was closed is believed too, with the time that it names", async () => {
  await using hub = await SocketServer.open(async (socket) => {
    socket.write(upgradeAnswer(await readHead(socket)));
    const stream = new ServerWebSocket(socket);
    stream.once("data", () => stream.sayClose(4503, "draining retry=1500"));
  });
  await using agent = new RunningAgent(`ws://127.0.0.1:${hub.port}`, { backoff: usual() });
  await agent.was("waiting");
  assert.deepEqual([agent.failure.cause, agent.failure.delayMs], ["transient", 1500]);
  assert.match(agent.warnings[0] ?? "", /it ended the connection \(4503, draining\)/);
});

Deno.test("Session: stop leaves nothing, whatever the state", async () => {
  await using hub = await FramesHub.open();
  await using silent = await FramesHub.open({ onLogin: () => null });
  await using deaf = await SocketServer.open(() => {});
  const urls = {
    dialling: `ws://127.0.0.1:${deaf.port}`,
    authenticating: urlOf(silent),
    up: urlOf(hub),
    waiting: `tcp://127.0.0.1:${freePort()}`,
  };
  for (const [kind, url] of Object.entries(urls)) {
    await using agent = new RunningAgent(url, { backoff: SLOW });
    await agent.was(kind);
    if (kind === "authenticating") await silent.tried(1);
    const running = kind === "up" ? agent.openStream("echo") : null;
    await agent.link.stop();
    await agent.link.stop();
    assert.equal(agent.link.state.kind, "stopped");
    assert.equal(agent.states.length, agent.states.findIndex((state) => state.kind === "stopped") + 1);
    assert.equal(running === null ? "link" : (await running.closedWith)?.origin, "link");
  }
  await until(() => hub.ends.size === 0);
});

Deno.test("Session: an agent that stops says so", async () => {
  await using hub = await FramesHub.open();
  await using agent = await RunningAgent.up(urlOf(hub));
  const { end } = hub;
  await agent.link.stop();
  await until(() => end.ended !== null);
  assert.deepEqual(end.ended, { code: 1000, reason: "The agent leaves" });
});
