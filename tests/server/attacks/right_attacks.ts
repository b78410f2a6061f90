/** Attacks of somebody who is logged in and wants more than it may: other topics, patterns that escape, administration. */
import { newId, type Transport } from "../../broker/broker_client.ts";
import { type Attack, type AttackScene, outcomeOf, TOKENS } from "./scene.ts";

type Act = (
  client: Awaited<ReturnType<AttackScene["connect"]>>,
) => Promise<{ error?: { code: string }; status?: string }>;

const FORBIDDEN = "FORBIDDEN";

function as(token: string, transport: Transport) {
  return (name: string, act: Act, expected: string): Attack => ({
    name: `${name} (${transport})`,
    expected,
    act: async (scene) => {
      await using client = await scene.connect(transport, { token });
      return outcomeOf(await act(client));
    },
  });
}

/** Patterns to which somebody may not subscribe who may subscribe to `a.+` and `news.today`. */
const ESCAPES: readonly string[] = [
  "#",
  "+",
  "+.#",
  "+.x",
  "+.+",
  "a",
  "a.#",
  "A.#",
  "a.b.#",
  "a.+.#",
  "a.+.+",
  "a.b.c",
  "+.today",
  "news.+",
  "news.#",
  "NEWS.today.late",
  "b.+",
  "system.#",
  "SYSTEM.#",
  "System.+",
  "system.log",
  "system.LOG",
  "system.message",
  "system.+.#",
  "system.service.events",
];
/** What is no pattern at all. */
const BROKEN: readonly string[] = ["a.#.b", "a.*", "a..b", "a.b ", "a.+x", "#.a", "", "ａ.b", "a.b\u0000"];
const ADMINISTRATION: readonly string[] = [
  "system.control.drain",
  "SYSTEM.Control.Drain",
  "system.control.reload",
  "system.control.log_level",
  "system.control.disconnect",
  "system.control.anything",
  "system.log.subscribe",
  "system.log.unsubscribe",
  "system.message",
  "system.message.anything",
];

function readerAttacks(transport: Transport): readonly Attack[] {
  const attack = as(TOKENS.reader, transport);
  const subscribe = (topic: string, action: string): Act => (client) =>
    client.request("system.topic.subscribe", { topic, action });
  const publish = (topic: string): Act => (client) => client.publish(topic, "x");
  const request = (header: string): Act => async (client) => (await client.ask(header, "{}")).payload;
  return [
    ...ESCAPES.map((one) => attack(`subscribe to ${one}`, subscribe(one, "publish"), FORBIDDEN)),
    ...BROKEN.map((one) =>
      attack(`subscribe to ${JSON.stringify(one)}`, subscribe(one, "publish"), "INVALID_REQUEST")
    ),
    attack("subscribe to both where only one is allowed", subscribe("a.b", "both"), FORBIDDEN),
    attack("serve where only subscribing is allowed", subscribe("a.b", "request"), FORBIDDEN),
    attack("serve what it may ask for", subscribe("calc", "request"), FORBIDDEN),
    ...["a", "a.b.c", "A.B.C", "news.tomorrow", "News", "calc", "b"].map((topic) =>
      attack(`publish to ${topic}`, publish(topic), FORBIDDEN)
    ),
    ...["system.log", "SYSTEM.message", "system.service.events", "system"].map((topic) =>
      attack(`publish to ${topic}`, publish(topic), FORBIDDEN)
    ),
    ...["calc.x", "Calculator", "a.b", "news.today"].map((topic) =>
      attack(`request to ${topic}`, request(`request:${topic}:1.0.0`), FORBIDDEN)
    ),
    ...ADMINISTRATION.map((topic) => attack(topic, request(`request:${topic}:1.0.0`), FORBIDDEN)),
    attack(
      "administration of another version",
      request("request:system.control.drain:2.0.0"),
      "VERSION_NOT_SUPPORTED",
    ),
    attack("an answer to a request that nobody sent", request("response:calc:1.0.0"), "INVALID_REQUEST_ID"),
  ];
}

/** Of an administrator of a tenant, which is not one of the hub. */
function tenantAdminAttacks(transport: Transport): readonly Attack[] {
  const attack = as(TOKENS.redAdmin, transport);
  return [
    ...["drain", "reload"].map((what) =>
      attack(
        `${what} by a tenant's administrator`,
        (client) => client.request(`system.control.${what}`),
        FORBIDDEN,
      )
    ),
    attack(
      "change the log of all tenants",
      (client) => client.request("system.control.log_level", { level: "debug" }),
      FORBIDDEN,
    ),
  ];
}

/** Of somebody who did not log in. */
function strangerAttacks(transport: Transport): readonly Attack[] {
  const before = (name: string, header: string, payload = "{}"): Attack => ({
    name: `${name} before a login (${transport})`,
    expected: "UNAUTHORIZED",
    act: async (scene) => {
      await using client = await scene.connect(transport);
      return outcomeOf((await client.ask(header, payload)).payload);
    },
  });
  return [
    before("publish", "publish:a.b:1.0.0"),
    before("request", "request:calc:1.0.0"),
    before("respond", "response:calc:1.0.0"),
    before("subscribe", "request:system.topic.subscribe:1.0.0", '{"topic":"a.b"}'),
    before("register", "request:system.service.register:1.0.0", '{"name":"x","description":""}'),
    before("list", "request:system.service.list:1.0.0"),
    before("measure", "request:system.metrics:1.0.0"),
    before("drain", "request:system.control.drain:1.0.0"),
    before("publish to the topic of logins", "publish:system.authenticate:1.0.0"),
    {
      name: `a flood before a login (${transport})`,
      expected: "UNAUTHORIZED",
      act: async (scene) => {
        await using client = await scene.connect(transport);
        for (let at = 0; at < 500; at++) client.send(`publish:a.b:1.0.0:${newId()}`, "x");
        const answers = await client.take(500);
        const codes = new Set(answers.map(({ payload }) => outcomeOf(JSON.parse(payload))));
        return [...codes].join();
      },
    },
  ];
}

/** The attacks on rights over one transport. */
export function rightAttacks(transport: Transport): readonly Attack[] {
  return [...readerAttacks(transport), ...tenantAdminAttacks(transport), ...strangerAttacks(transport)];
}
