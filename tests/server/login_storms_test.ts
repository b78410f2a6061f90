/** Very many logins at once: with the provider of their keys away, with keys that change, with keys that do not come. */
import assert from "node:assert/strict";
import { newSigningKey } from "../helpers/jwt.ts";
import { OpenIdProvider } from "../helpers/openid_provider.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { AttackScene, authenticate, bearer, knockText } from "./attacks/scene.ts";

const STORM = 5000;
/** All of them are one account. */
const MANY = ["limits.default.connections=0"];
/** Longer than keys are not loaded again after a failure or a rotation. */
const PAUSE_MS = 60_000;
/** Connections that are opened side by side, fewer than what may wait to be accepted. */
const SIDE_BY_SIDE = 250;

/** Keys that sign quickly: so many tokens are made. */
function quickProvider(): OpenIdProvider {
  return new OpenIdProvider([newSigningKey("EdDSA", "first")]);
}

/** Many connections that were sent a request for a WebSocket, each with a token of its own. */
class Storm implements Disposable {
  readonly clients: RawClient[] = [];

  static async start(scene: AttackScene, count: number): Promise<Storm> {
    const storm = new Storm();
    while (storm.clients.length < count) {
      const rest = Math.min(SIDE_BY_SIDE, count - storm.clients.length);
      const first = storm.clients.length;
      const knock = async (_: unknown, at: number) => {
        const client = await RawClient.connect(scene.hub.port);
        storm.clients.push(client);
        await client.write(knockText([bearer(scene.token({ sub: `user-${first + at}` }))], "/"));
      };
      await Promise.all(Array.from({ length: rest }, knock));
    }
    return storm;
  }

  /** How often each status came, once all have one. */
  async statuses(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const client of this.clients) {
      const status = (await client.readHead()).split(" ")[1] ?? "none";
      counts[status] = (counts[status] ?? 0) + 1;
    }
    return counts;
  }

  [Symbol.dispose](): void {
    for (const client of this.clients) client[Symbol.dispose]();
  }
}

Deno.test(`Login storm: ${STORM} log in by the keys from before while the provider is down`, async () => {
  await using scene = await AttackScene.start({ provider: quickProvider(), set: MANY });
  const { provider, hub, clock } = scene;
  const asked = provider.asked.keys;
  assert.equal(asked, 1);
  provider.mode = "down";
  // The keys are old enough for a look whether there are new ones.
  clock.pass(10 * PAUSE_MS);
  using storm = await Storm.start(scene, STORM);
  assert.deepEqual(await storm.statuses(), { "101": STORM });
  assert.equal(await hub.metric('trunkline_tenant_connections{tenant="red"}'), STORM);
  // It is looked for again after pauses that double: how often depends on how long all that takes.
  assert.ok(provider.asked.discovery + provider.asked.keys <= asked + 20, "the provider is stormed too");
});

Deno.test("Login storm: keys that change lose no connection, and cost one look", async () => {
  await using scene = await AttackScene.start({ provider: quickProvider() });
  const { provider, clock, hub } = scene;
  await using client = await scene.connect("text", { token: scene.token() });
  using before = await Storm.start(scene, 500);
  assert.deepEqual(await before.statuses(), { "101": 500 });
  const old = scene.token({ sub: "late" });
  provider.keys.splice(0, Infinity, newSigningKey("EdDSA", "second"));
  clock.pass(PAUSE_MS);
  const asked = provider.asked.keys;
  using after = await Storm.start(scene, 500);
  assert.deepEqual(await after.statuses(), { "101": 500 });
  assert.equal(provider.asked.keys, asked + 1);
  assert.equal(await authenticate(client, { token: scene.token() }), "success");
  clock.pass(PAUSE_MS);
  assert.equal(await authenticate(client, { token: old }), "UNAUTHORIZED");
  assert.equal(await hub.metric('trunkline_connections{transport="websocket"}'), 1000);
  assert.equal(await hub.metric('trunkline_security_events_total{kind="expired"}'), 0);
});

Deno.test("Login storm: those for whom there is no room are told to come later", async () => {
  await using scene = await AttackScene.start({ server: { loginGate: { maxRunning: 0, maxWaiting: 0 } } });
  using storm = await Storm.start(scene, 20);
  for (const client of storm.clients) {
    assert.match(
      await client.readText(),
      /^HTTP\/1\.1 503 .*\r\nRetry-After: \d+\r\n.*Too many log in at once/s,
    );
  }
  await using message = await scene.connect("text");
  const { error } = await message.request("system.authenticate", { token: scene.token() });
  assert.deepEqual([error.code, error.details.reason], ["SERVICE_UNAVAILABLE", "overloaded"]);
  await using line = await scene.greet();
  assert.equal((await line.ask({ type: "auth", token: scene.token() }))?.["code"], "overloaded");
});
