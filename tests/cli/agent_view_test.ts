/** What a person and a script see of an agent. */
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import { AgentLines } from "../../src/cli/agent_lines.ts";
import { AgentScreen } from "../../src/cli/agent_screen.ts";
import { AgentView } from "../../src/cli/agent_view.ts";
import { FirstTry } from "../../src/cli/first_try.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { MemoryIo } from "./memory_io.ts";

/** A screen as a terminal would show it: what was written over is gone. */
function shown(text: string): string[] {
  const lines: string[] = [""];
  // deno-lint-ignore no-control-regex
  for (const part of text.split(/(\x1b\[\d*[FJ]|\n)/)) {
    // deno-lint-ignore no-control-regex
    const up = /^\x1b\[(\d+)F$/.exec(part);
    if (up !== null) lines.splice(Math.max(0, lines.length - 1 - Number(up[1])), Infinity, "");
    else if (part === "\n") lines.push("");
    else if (part !== "\x1b[J") lines[lines.length - 1] += part;
  }
  return lines;
}

/** Runs an agent with a tunnel that is up and one that is refused until both are known. */
async function withAgent(use: (agent: Agent) => Promise<void> | void): Promise<void> {
  await using hub = await TestHub.start(["public.enabled=false"]);
  await using echo = await TcpService.echo();
  const tunnels = `[{ name: db, kind: tcp, local: ${echo.port} }, { name: taken, kind: http, local: 1 }]`;
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${hub.port}`, tunnels);
  await edge.reached("db", "up");
  await edge.reached("taken", "refused");
  await use(edge.agent);
}

Deno.test("Agent lines: each change is told once, as text and as JSON", async () => {
  await withAgent((agent) => {
    const [text, json] = [new MemoryIo(), new MemoryIo()];
    const options = { hub: "tcp://hub:1", agentId: "edge" };
    const [asText, asJson] = [
      new AgentLines(text, { ...options, json: false }),
      new AgentLines(json, { ...options, json: true }),
    ];
    for (let times = 0; times < 2; times++) for (const lines of [asText, asJson]) lines.changed(agent);
    assert.equal(text.lines[0], "Connected to tcp://hub:1 as edge");
    assert.match(text.lines[1] ?? "", /^Tunnel db: tcp:\/\/127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+$/);
    assert.equal(text.lines.length, 2, "what goes wrong is in the log");
    const events = json.lines.map((line) => JSON.parse(line));
    assert.deepEqual(events.map(({ event, state, name }) => [event, state, name]), [
      ["connected", undefined, undefined],
      ["tunnel", "up", "db"],
      ["tunnel", "refused", "taken"],
    ]);
    assert.equal(events[2].code, "unsupported_kind");
    agent.update({ tunnels: [], allow: [], services: [] });
    asText.changed(agent);
    asJson.changed(agent);
    assert.deepEqual(text.lines.slice(2), ["Tunnel db is gone"]);
    assert.deepEqual(json.lines.slice(3).map((line) => JSON.parse(line)), [
      { event: "tunnel", state: "gone", name: "db" },
    ]);
  });
});

Deno.test("Agent screen: a block at the end of the log that is written over and leaves nothing", async () => {
  await withAgent(async (agent) => {
    const { promise: drawn, resolve } = Promise.withResolvers<void>();
    let text = "";
    const terminal = {
      columns: 60,
      hasColours: false,
      write: (part: string) => {
        text += part;
        if (part.includes("taken")) resolve();
      },
    };
    const screen = new AgentScreen(terminal, {
      hub: "tcp://hub:1",
      agentId: "edge",
      now: () => performance.now(),
      more: () => ["one more line"],
    });
    try {
      screen.changed(agent);
      await drawn;
      screen.log.write("a line of the log\n");
      const [log, head, hub, db, taken, more, end] = shown(text);
      assert.equal(log, "a line of the log");
      assert.match(head ?? "", /^trunkline +\S+ {2}agent edge; Ctrl-C stops it$/);
      assert.match(hub ?? "", /^hub +tcp:\/\/hub:1 {2}connected for \d+s, 1 connection/);
      assert.match(db ?? "", /^db +tcp:\/\/127\.0\.0\.1:\d+ -> 127/);
      assert.match(taken ?? "", /^taken +HTTP tunnels are switched off here/);
      assert.match(more ?? "", /^ +one more line$/);
      assert.equal(end, "");
      assert.ok(shown(text).every((line) => line.length < 60), "what is too long is cut");
    } finally {
      screen.close();
    }
    assert.deepEqual(shown(text), ["a line of the log", ""]);
  });
});

Deno.test("Agent view: a block for who watches, lines behind a pipe, nothing for who wants quiet", async () => {
  await withAgent((agent) => {
    const options = { hub: "tcp://hub:1", agentId: "edge" };
    const terminal = { columns: 80, hasColours: true };
    const linesOf = (io: MemoryIo, modes: { json?: boolean; quiet?: boolean }): [number, boolean] => {
      const view = new AgentView(io, { ...options, json: false, quiet: false, ...modes });
      view.changed(agent);
      const isScreen = view.log !== null;
      view.close();
      return [io.lines.length, isScreen];
    };
    assert.deepEqual(linesOf(new MemoryIo({ terminal, isTerminal: true }), {}), [0, true]);
    assert.deepEqual(linesOf(new MemoryIo({ terminal }), {}), [2, true]);
    assert.deepEqual(linesOf(new MemoryIo(), {}), [2, false]);
    assert.deepEqual(linesOf(new MemoryIo({ terminal, isTerminal: true }), { json: true }), [3, false]);
    assert.deepEqual(linesOf(new MemoryIo({ terminal, isTerminal: true }), { quiet: true }), [0, false]);
  });
});

Deno.test("First try: fails with what is wrong at first, and not with what comes later", async () => {
  await withAgent(async (agent) => {
    const refused = new FirstTry(() => assert.fail("one tunnel is refused"));
    refused.changed(agent);
    await assert.rejects(refused.failed, { code: "refused", message: /^The hub refuses the tunnel taken: / });
    agent.update({ tunnels: [], allow: [], services: [] });
    let succeeded = 0;
    const good = new FirstTry(() => succeeded++);
    good.changed(agent);
    good.changed(agent);
    assert.equal(succeeded, 1);
  });
  const waiting = Promise.withResolvers<void>();
  await using lost = new TunnelAgent(`tcp://127.0.0.1:${freePort()}`, "[]", {
    onState: ({ kind }) => kind === "waiting" && waiting.resolve(),
  });
  await waiting.promise;
  const first = new FirstTry(() => assert.fail("there is no hub"));
  first.changed(lost.agent);
  await assert.rejects(first.failed, { code: "unreachable", message: /^Cannot reach the hub/ });
});
