import assert from "node:assert/strict";
import { TunnelClient, type TunnelStatus, type WantedTunnel } from "../../src/agent/tunnel_client.ts";
import { Backoff } from "../../src/limits/backoff.ts";
import type { RegisterTunnel, UnregisterTunnel } from "../../src/wire/frame_payloads.ts";
import { FakeTime } from "../helpers/fake_time.ts";

const DB: WantedTunnel = { name: "db", kind: "tcp", localAddr: "127.0.0.1:5432" };
const WEB: WantedTunnel = { name: "web", kind: "http", subdomain: "shop", localAddr: "127.0.0.1:80" };

/** A connection on which what is asked is kept. */
class FakeSender {
  readonly asked: RegisterTunnel[] = [];
  readonly back: UnregisterTunnel[] = [];

  register(request: RegisterTunnel): void {
    this.asked.push(request);
  }

  unregister(request: UnregisterTunnel): void {
    this.back.push(request);
  }

  /** The last request for a tunnel. */
  last(name: string): RegisterTunnel {
    const request = this.asked.findLast((one) => one.name === name);
    assert.ok(request !== undefined);
    return request;
  }
}

function setUp(...wanted: WantedTunnel[]) {
  const changes: string[] = [];
  const client = new TunnelClient({
    onChange: ({ wanted: { name }, state: { kind } }: TunnelStatus) => changes.push(`${name} ${kind}`),
    createBackoff: () => new Backoff({ random: () => 1, transient: { initialMs: 1000, maxMs: 1000 } }),
  });
  client.update(wanted);
  const sender = new FakeSender();
  const up = (name: string, tunnelId: number, url: string) =>
    client.answered({ requestId: sender.last(name).requestId, ok: true, tunnelId, url });
  const refuse = (name: string, code: string) =>
    client.answered({ requestId: sender.last(name).requestId, ok: false, code, message: "no" });
  return { client, sender, changes, up, refuse };
}

Deno.test("Tunnel client: asks for everything on each connection, for what the hub chose by name", () => {
  const { client, sender, changes, up } = setUp(DB, WEB);
  assert.equal(client.find(1), undefined);
  client.connected(sender);
  assert.deepEqual(
    sender.asked.map(({ name, kind, subdomain, remotePort }) => [name, kind, subdomain, remotePort]),
    [
      ["db", "tcp", undefined, undefined],
      ["web", "http", "shop", undefined],
    ],
  );
  up("db", 1, "tcp://hub.example:20007");
  up("web", 2, "https://shop.hub.example");
  assert.deepEqual([client.find(1)?.name, client.find(2)?.name], ["db", "web"]);
  client.disconnected();
  assert.equal(client.find(1), undefined, "a number is good for one connection");
  client.connected(sender);
  assert.equal(sender.last("db").remotePort, 20007);
  assert.deepEqual([sender.last("web").subdomain, sender.last("web").hostname], ["shop", undefined]);
  assert.equal(changes.filter((change) => change === "db waiting").length, 1);
});

Deno.test("Tunnel client: another connection of the same agent is asked too, and nothing is lost meanwhile", () => {
  const { client, sender, changes, up } = setUp(DB);
  client.connected(sender);
  up("db", 1, "tcp://hub.example:20007");
  client.connected(sender);
  assert.equal(client.find(1)?.name, "db");
  up("db", 1, "tcp://hub.example:20007");
  assert.deepEqual(changes, ["db asked", "db up"]);
  client.connected(sender);
  up("db", 9, "tcp://hub.example:20007");
  assert.deepEqual([client.find(1), client.find(9)?.name], [undefined, "db"]);
});

Deno.test("Tunnel client: what it had and somebody else has, it asks for anew without a name", () => {
  const { client, sender, up, refuse } = setUp(DB);
  client.connected(sender);
  up("db", 1, "tcp://hub.example:20007");
  client.disconnected();
  client.connected(sender);
  refuse("db", "port_taken");
  assert.equal(sender.last("db").remotePort, undefined);
  assert.equal(client.statuses[0]?.state.kind, "asked");
});

Deno.test("Tunnel client: a refusal is asked again after a while, one that lasts much later", () => {
  using time = new FakeTime();
  const { client, sender, refuse } = setUp(DB);
  client.connected(sender);
  refuse("db", "port_taken");
  assert.deepEqual(client.statuses[0]?.state, {
    kind: "refused",
    code: "port_taken",
    message: "no",
    delayMs: 1000,
  });
  time.tick(1000);
  assert.equal(sender.asked.length, 2);
  refuse("db", "name_not_allowed");
  time.tick(59_000);
  assert.equal(sender.asked.length, 2, "nothing changes by asking");
  time.tick(60_000 * 10);
  assert.ok(sender.asked.length > 2);
  client.disconnected();
  time.tick(1e7);
  assert.equal(time.timers, 0, "without a connection nobody is asked");
});

Deno.test("Tunnel client: a tunnel that the hub takes back is refused, and asked for again", () => {
  using time = new FakeTime();
  const { client, sender, up, refuse } = setUp(DB);
  client.connected(sender);
  up("db", 1, "tcp://hub.example:20007");
  refuse("db", "name_not_allowed");
  assert.equal(client.find(1), undefined);
  client.disconnected();
  assert.equal(time.timers, 0);
});

Deno.test("Tunnel client: other tunnels are taken over, those that stay are not touched", () => {
  const { client, sender, up } = setUp(DB, WEB);
  client.connected(sender);
  up("db", 1, "tcp://hub.example:20007");
  up("web", 2, "https://shop.hub.example");
  client.update([DB, { ...WEB, subdomain: "other" }, { ...DB, name: "more" }]);
  assert.deepEqual(sender.asked.slice(2).map(({ name }) => name), ["web", "more"]);
  assert.deepEqual(sender.back.map(({ tunnelId }) => tunnelId), [2], "the old name is free at once");
  assert.equal(client.find(1)?.name, "db");
  client.update([{ ...DB, localAddr: "127.0.0.1:5433" }]);
  assert.equal(sender.back.length, 1, "what is not at the hub yet cannot be given back");
  up("db", 1, "tcp://hub.example:20007");
  client.update([DB]);
  assert.equal(sender.back.length, 1, "another service keeps the address");
  assert.deepEqual(client.statuses.map(({ wanted }) => wanted.name), ["db"]);
});

Deno.test("Tunnel client: what the hub grants and nobody wants any more is given back", () => {
  const { client, sender } = setUp(WEB);
  client.connected(sender);
  const { requestId } = sender.last("web");
  client.update([{ ...WEB, subdomain: "other" }]);
  client.answered({ requestId, ok: true, tunnelId: 7, url: "https://shop.hub.example" });
  assert.deepEqual(sender.back.map(({ tunnelId }) => tunnelId), [7]);
  const again = sender.last("web").requestId;
  client.update([]);
  client.update([{ ...WEB, subdomain: "other" }]);
  client.answered({ requestId: again, ok: true, tunnelId: 8, url: "https://other.hub.example" });
  assert.equal(sender.back.length, 1, "it is wanted again, and the hub has it once");
});

Deno.test("Tunnel client: at its end it gives all back and waits until the hub knows", async () => {
  const { client, sender, up } = setUp(DB, WEB);
  client.connected(sender);
  up("db", 1, "tcp://hub.example:20007");
  let hasLeft = false;
  const left = client.leave().then(() => hasLeft = true);
  assert.deepEqual(sender.back.map(({ tunnelId }) => tunnelId), [1]);
  await Promise.resolve();
  assert.equal(hasLeft, false);
  client.answered({ requestId: sender.back[0]?.requestId ?? "", ok: true, tunnelId: 1, url: "" });
  await left;
  client.connected(sender);
  assert.equal(sender.asked.length, 2, "nothing is asked for any more");
  const offline = setUp(DB);
  await offline.client.leave();
});
