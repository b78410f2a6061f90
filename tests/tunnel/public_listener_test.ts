/** The address of visitors, with whoever prepares their connections being the test's own. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/core/ports.ts";
import { Flusher } from "../../src/link/flusher.ts";
import { PlainSocket } from "../../src/link/gated_socket.ts";
import { PublicListener, type PublicListenerOptions } from "../../src/tunnel/public_listener.ts";
import { Visitor } from "../helpers/tcp_echo.ts";

/** Who counts, and how much. */
class Counted {
  total = 0;
  readonly byIp = new Map<string, number>();
  readonly enter = () => ++this.total > 0;
  readonly leave = () => void this.total--;
  readonly leaveIp = (ip: string) => void this.byIp.set(ip, (this.byIp.get(ip) ?? 0) - 1);

  enterIp(ip: string): boolean {
    if ((this.byIp.get(ip) ?? 0) > 0) return false;
    this.byIp.set(ip, 1);
    return true;
  }
}

async function listening(
  prepare: PublicListenerOptions["prepare"],
): Promise<{ listener: PublicListener; admission: Counted; faults: string[] } & AsyncDisposable> {
  const admission = new Counted();
  const faults: string[] = [];
  const limits = {
    headerTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    responseTimeoutMs: 60_000,
    sendTimeoutMs: 60_000,
  };
  const listener = await PublicListener.listen({
    host: "127.0.0.1",
    port: 0,
    keepAliveMs: 1000,
    settings: {
      protocol: "http",
      maxBodyBytes: 0,
      bodyBytesPerSecond: 0,
      exchangeIdleMs: 0,
      isTrusted: () => false,
      ...limits,
    },
    ports: {
      clock: systemClock,
      wallClock: systemClock,
      flusher: new Flusher(1024),
      route: () => ({ kind: "answer", answer: { status: 404, message: "Nobody" } }),
      record: () => {},
      endedSlow: () => {},
    },
    admission,
    prepare,
    onError: () => {},
    onFault: (reason) => faults.push(reason),
  });
  const dispose = async () => {
    listener.stopAccepting();
    listener.destroyAll();
    await listener.empty();
  };
  return { listener, admission, faults, [Symbol.asyncDispose]: dispose };
}

Deno.test("Public listener: a connection that cannot be prepared ends alone, and is told of", async () => {
  await using scene = await listening(() => Promise.reject(new Error("no handle")));
  for (const times of [1, 2]) {
    await using visitor = await Visitor.at(scene.listener.port);
    visitor.socket.on("end", () => visitor.socket.end());
    await visitor.closed;
    assert.deepEqual(scene.faults, Array(times).fill("no handle"));
  }
  await scene.listener.empty();
  assert.equal(scene.admission.total, 0);
});

Deno.test("Public listener: each counts for the address that is known of it, as long as it is there", async () => {
  const named = ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.1"];
  await using scene = await listening((raw, enter) => {
    const peer = { ip: named.shift() ?? "", port: 1 };
    const socket = { link: new PlainSocket(raw), peer, local: { ip: "192.0.2.9", port: 80 } };
    return Promise.resolve(enter(peer.ip) ? socket : null);
  });
  const ask = async (visitor: Visitor) => {
    visitor.socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await visitor.got(1);
    return visitor.text.slice(0, 12);
  };
  const one = await Visitor.at(scene.listener.port);
  assert.equal(await ask(one), "HTTP/1.1 404");
  await using other = await Visitor.at(scene.listener.port);
  assert.equal(await ask(other), "HTTP/1.1 404");
  // It may be reset before it knows that it is connected.
  const again = Visitor.at(scene.listener.port).then(({ closed }) => closed, ({ code }) => code);
  assert.equal(await again, "ECONNRESET");
  await one[Symbol.asyncDispose]();
  while (scene.admission.byIp.get("192.0.2.1") !== 0) await new Promise((passed) => setImmediate(passed));
  await using later = await Visitor.at(scene.listener.port);
  assert.equal(await ask(later), "HTTP/1.1 404");
});
