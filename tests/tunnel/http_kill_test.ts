/** A hub that is gone without a word. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { AgentProcess } from "../cli/agent_process.ts";
import { visit } from "../helpers/http_visit.ts";
import { DenoProcess, taskArguments } from "../helpers/process.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { HOST } from "./http_scene.ts";

const MIB = 1024 * 1024;

Deno.test({
  name:
    "HTTP faults: a hub that is killed in an upload: the visitor sees it, the agent is back, the next one works",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const [hubPort, publicPort] = [freePort(), freePort()];
    const settings = [
      `hub.listen=127.0.0.1:${hubPort}`,
      `public.listen=127.0.0.1:${publicPort}`,
      "metrics.enabled=false",
    ];
    const args = [...await taskArguments("start"), ...settings.flatMap((one) => ["--set", one])];
    const arrived = Promise.withResolvers<void>();
    const cut = Promise.withResolvers<void>();
    // It answers what is whole, and that is only a request with a small body.
    await using service = await TcpService.start((socket) => {
      let bytes = 0;
      socket.on("data", (chunk: Uint8Array) => {
        bytes += chunk.length;
        if (bytes > MIB) arrived.resolve();
        const text = Buffer.from(chunk).toString("latin1");
        if (text.endsWith("small body")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      });
      socket.on("end", () => socket.end());
      socket.on("close", () => bytes > MIB ? cut.resolve() : undefined);
    });
    const url = `tcp://127.0.0.1:${hubPort}`;
    const agentArgs = ["http", `${service.port}`, "--subdomain", "app", "--agent-id", "edge", "--url", url];
    await using killed = new DenoProcess(args);
    await killed.nextLine();
    await using agent = await AgentProcess.start(agentArgs);
    const { url: address } = await agent.next("tunnel", "up");
    await using visitor = await Visitor.at(publicPort);
    visitor.socket.write(`PUT / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: ${1024 * MIB}\r\n\r\n`);
    const chunk = new Uint8Array(64 * 1024);
    const more = () => {
      while (!visitor.socket.destroyed && visitor.socket.write(chunk));
    };
    visitor.socket.on("drain", more);
    visitor.socket.on("end", () => visitor.socket.end());
    more();
    await arrived.promise;
    killed.kill("SIGKILL");
    await visitor.closed;
    assert.equal(visitor.text, "", "no answer, and no end of one");
    await cut.promise;
    await killed.ended();
    await using _again = new DenoProcess(args);
    assert.equal((await agent.next("tunnel", "up")).url, address);
    const { text } = await visit(publicPort, { host: HOST, method: "POST", body: "a small body" });
    assert.equal(text, "ok");
    assert.equal(await agent.stop(), 0);
  },
});
