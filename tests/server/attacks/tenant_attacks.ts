/** Attacks of one tenant on another, and of somebody on the identity of somebody else. */
import assert from "node:assert/strict";
import type { BrokerClient, Received, Transport } from "../../broker/broker_client.ts";
import type { Json } from "../../helpers/jwt.ts";
import { WsClient } from "../../helpers/ws_client.ts";
import { type Attack, type AttackScene, authenticate, outcomeOf, TOKENS } from "./scene.ts";

const UNKNOWN_ID = "00000000-0000-4000-8000-00000000dead";

/** What came, one word each. */
function payloadsOf(
  messages: readonly Received[],
  // deno-lint-ignore no-explicit-any -- what a message holds is what the attack is about
  wordOf: (payload: any) => string,
): string {
  return messages.map(({ payload }) => wordOf(JSON.parse(payload))).join();
}

interface Sides {
  readonly scene: AttackScene;
  /** The attacker: an administrator of its tenant. */
  readonly red: BrokerClient;
  /** A service of the other tenant. */
  readonly blue: BrokerClient;
}

function across(name: string, act: (sides: Sides) => Promise<string>, expected: string) {
  return (transport: Transport): Attack => ({
    name: `${name} (${transport})`,
    expected,
    act: async (scene) => {
      await using red = await scene.connect(transport, { token: TOKENS.redAdmin });
      await using blue = await scene.connect("text", { token: TOKENS.blue });
      await blue.subscribe("blue.#");
      await blue.request("system.service.register", { name: "blue-service", description: "" });
      return await act({ scene, red, blue });
    },
  });
}

/** What is answered about a service of the other tenant, where that is what is answered about one that never was. */
function aboutService(topic: string) {
  return across(`${topic} of another tenant's service`, async ({ red, blue }) => {
    const about = async (serviceId: string) => {
      const payload = await red.request(topic, { serviceId });
      delete payload.error?.timestamp;
      return JSON.stringify(payload).replaceAll(serviceId, "<id>");
    };
    const [foreign, unknown] = [await about(blue.serviceId), await about(UNKNOWN_ID)];
    assert.equal(foreign, unknown);
    assert.equal((await blue.request("system.heartbeat")).status, "success");
    return outcomeOf(JSON.parse(foreign));
  }, "INVALID_REQUEST");
}

/** What a list shows that must not hold anything of the other tenant. */
function listing(topic: string, payload: Record<string, unknown> = {}) {
  return across(`${topic} ${JSON.stringify(payload)} beside another tenant`, async ({ red, blue }) => {
    const text = JSON.stringify(await red.request(topic, payload));
    return text.includes("blue") || text.includes(blue.serviceId) ? text : "nothing of it";
  }, "nothing of it");
}

const CROSSINGS = [
  aboutService("system.service.subscriptions"),
  aboutService("system.control.disconnect"),
  listing("system.service.list"),
  listing("system.topic.list"),
  listing("system.topic.subscriptions"),
  listing("system.topic.presence", { topic: "blue.ask" }),
  listing("system.metrics"),
  listing("system.metrics", { paramFilter: { tenant: "blue" } }),
  across(
    "publish to another tenant's topic",
    async ({ red }) => outcomeOf(await red.publish("blue.news")),
    "NO_ROUTE_FOUND",
  ),
  across(
    "request to another tenant's service",
    async ({ red }) => outcomeOf((await red.ask("request:blue.ask:1.0.0")).payload),
    "NO_ROUTE_FOUND",
  ),
  across("answer a request of another tenant", async ({ scene, red, blue }) => {
    await using caller = await scene.connect("text", { token: TOKENS.blue });
    caller.send(`request:blue.ask:1.0.0:${UNKNOWN_ID}`, "?");
    const target = (await blue.next()).header.split(":")[3];
    const outcome = outcomeOf((await red.askAs(`response:blue.ask:1.0.0:${target}`, "forged")).payload);
    blue.send(`response:blue.ask:1.0.0:${target}`, '"true"');
    assert.equal((await caller.answer(UNKNOWN_ID)).payload, "true");
    return outcome;
  }, "INVALID_REQUEST_ID"),
  across("tap the messages of another tenant", async ({ red, blue }) => {
    await red.subscribe("system.message", { action: "publish" });
    await blue.publish("blue.secret", "theirs");
    await red.publish("red.open", "own");
    return payloadsOf(await red.settle(), ({ payload }) => payload);
  }, "own"),
  across("follow the log of another tenant", async ({ scene, red, blue }) => {
    await red.request("system.log.subscribe", { regex: "disconnects" });
    for (const [token, boss] of [[TOKENS.blue, blue], [TOKENS.reader, red]] as const) {
      await using victim = await scene.connect("text", { token });
      await boss.request("system.control.disconnect", { serviceId: victim.serviceId });
      await victim.rest();
    }
    return payloadsOf(await red.settle(), ({ fields: { tenant } }) => tenant);
  }, "red"),
  across("hear of another tenant's services", async ({ red, blue }) => {
    await red.subscribe("system.service.events", { action: "publish" });
    await blue.request("system.service.register", { name: "blue-again", description: "" });
    await red.request("system.service.register", { name: "own", description: "" });
    return payloadsOf(await red.settle(), ({ service: { name } }) => name);
  }, "own"),
  across("hear who is at another tenant's topic", async ({ red, blue }) => {
    await red.subscribe("system.topic.presence", { action: "publish" });
    for (const one of [blue, red]) await one.subscribe("present.here", { action: "publish" });
    const { members } = await red.request("system.topic.presence", { topic: "present.here" });
    // Events come a turn later; those of the other tenant would have come first.
    const events = [await red.next(), ...await red.settle()].map(({ payload }) => JSON.parse(payload));
    const seen = [...members, ...events.map(({ member }) => member)];
    return seen.map(({ serviceId }) => serviceId === red.serviceId ? "own" : "other").join();
  }, "own,own"),
] as const;

const ROOM_ATTACKS: readonly Attack[] = [{
  name: "a relay room of the same name in another tenant",
  expected: "own",
  act: async ({ hub }) => {
    await using red = await WsClient.connect(hub.url("/relay/room"), { token: TOKENS.redAdmin });
    await using blue = await WsClient.connect(hub.url("/relay/room"), { token: TOKENS.blue });
    blue.send("theirs");
    assert.equal(await blue.next(), "theirs");
    red.send("own");
    return String(await red.next());
  },
}];

/** A login that is renewed by a token that it must not be renewed by. */
function renewal(name: string, tokenOf: (scene: AttackScene) => string, more: Record<string, unknown> = {}) {
  return (transport: Transport): Attack => ({
    name: `renew by ${name} (${transport})`,
    expected: "UNAUTHORIZED",
    act: async (scene) => {
      await using client = await scene.connect(transport, { token: scene.token() });
      const outcome = await authenticate(client, { token: tokenOf(scene), ...more });
      assert.equal(outcomeOf(await client.publish("a.b")), "NO_ROUTE_FOUND", "its own login is gone");
      assert.equal(outcomeOf(await client.publish("b")), "FORBIDDEN", "it has rights of somebody else");
      return outcome;
    },
  });
}

const seconds = () => Math.floor(Date.now() / 1000);

const RENEWALS = [
  renewal("the token of another subject", (scene) => scene.token({ sub: "somebody" })),
  renewal("the token of the same subject in another tenant", (scene) => scene.token({ tenant_id: "blue" })),
  renewal("the token of an administrator of the tenant", () => TOKENS.redAdmin),
  renewal("the token of another tenant", () => TOKENS.blue),
  renewal("the token of the hub's operator", () => TOKENS.operator),
  renewal("a token that has run out", (scene) => scene.token({ exp: seconds() - 60 })),
  renewal("a token that does not hold yet", (scene) => scene.token({ nbf: seconds() + 60 })),
  renewal("a token of another audience", (scene) => scene.token({ aud: "else" })),
  renewal("a token without a tenant", (scene) => scene.token({ tenant_id: undefined })),
  renewal("a guess", () => "open-sesame"),
  renewal("an own token with another tenant beside it", (scene) => scene.token(), { tenant: "blue" }),
  renewal("a subject in other letters", (scene) => scene.token({ sub: "User" })),
  renewal("a subject with a space behind it", (scene) => scene.token({ sub: "user " })),
];

/** A first login whose tenant is not what somebody says beside it. */
function claim(name: string, { tenant, claims = {} }: { tenant?: string; claims?: Json }) {
  return (transport: Transport): Attack => ({
    name: `log in with ${name} (${transport})`,
    expected: "UNAUTHORIZED",
    act: async (scene) => {
      await using client = await scene.connect(transport);
      return await authenticate(client, { token: scene.token(claims), tenant });
    },
  });
}

const CLAIMS = [
  claim("another tenant", { tenant: "blue" }),
  claim("the hub's own tenant", { tenant: "default" }),
  claim("the tenant in capitals", { tenant: "RED" }),
  claim("no tenant in the token", { tenant: "red", claims: { tenant_id: undefined } }),
  claim("no tenant at all", { claims: { tenant_id: undefined } }),
];

function line(name: string, lines: (scene: AttackScene) => readonly unknown[], expected: string): Attack {
  return {
    name: `${name} (JSON line)`,
    expected,
    act: async (scene) => {
      await using client = await scene.greet();
      let last: Readonly<Record<string, unknown>> | null = null;
      for (const one of lines(scene)) last = await client.ask(JSON.stringify(one));
      return String(last?.["code"] ?? last?.["status"]);
    },
  };
}

const TUNNEL = { type: "tunnel_info", tunnel_id: "t", local_port: 1, remote_host: "h", remote_port: 1 };

const LINE_ATTACKS: readonly Attack[] = [
  line("another tenant", (s) => [{ type: "auth", token: s.token(), tenant_id: "blue" }], "invalid_tenant"),
  line(
    "the hub's tenant",
    (s) => [{ type: "auth", token: s.token(), tenant_id: "default" }],
    "invalid_tenant",
  ),
  line("an empty tenant", (s) => [{ type: "auth", token: s.token(), tenant_id: "" }], "invalid_tenant"),
  line(
    "a list of tenants",
    (s) => [{ type: "auth", token: s.token(), tenant_id: ["red"] }],
    "invalid_tenant",
  ),
  line("no tenant", (s) => [{ type: "auth", token: s.token({ tenant_id: undefined }) }], "tenant_required"),
  line("a tunnel before the login", () => [TUNNEL], "invalid_token"),
  line("a list of tokens", (s) => [{ type: "auth", token: [s.token()] }], "unknown_message_type"),
  line("another subject", (s) => [
    { type: "auth", token: s.token() },
    { type: "auth", token: s.token({ sub: "somebody" }) },
  ], "invalid_token"),
  line("the same subject in another tenant", (s) => [
    { type: "auth", token: s.token() },
    { type: "auth", token: s.token({ tenant_id: "blue" }) },
  ], "invalid_token"),
];

/** The attacks across tenants and identities. */
export const TENANT_ATTACKS: readonly Attack[] = [
  ...(["websocket", "text"] as const).flatMap((transport) =>
    [...CROSSINGS, ...RENEWALS, ...CLAIMS].map((attack) => attack(transport))
  ),
  ...ROOM_ATTACKS,
  ...LINE_ATTACKS,
];
