import assert from "node:assert/strict";
import { MessageBroker, type MessageBrokerOptions } from "../../src/broker/message_broker.ts";
import type { Channel, PushResult } from "../../src/core/delivery.ts";
import { ANONYMOUS, LOCAL_OPERATOR, type Principal } from "../../src/core/principal.ts";
import type { Encoded, OutgoingMessage } from "../../src/core/transport.ts";
import type { Connection, ConnectionUser } from "../../src/hub/connection.ts";
import { until } from "../helpers/event_loop.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { newId } from "./broker_client.ts";
import { FakeClock, memoryStore } from "./fakes.ts";

const KIB = 1024;
const textOf = (encoded: Encoded) => new TextDecoder().decode(encoded.parts[0]?.subarray(4));

/** A broker with a clock that a test moves. */
function createBroker(clock: FakeClock, options: Partial<MessageBrokerOptions> = {}): MessageBroker {
  const limits = {
    maxPayloadBytes: 64 * KIB,
    maxTimeoutMs: 1000,
    maxMalformed: 20,
    maxSubscriptions: 10_000,
    ratePerService: 0,
  };
  return new MessageBroker({
    limits,
    topics: [],
    slowConsumer: "close",
    topicRates: [],
    ratePerTopic: 0,
    version: "0.0.0-test",
    heartbeatTimeoutMs: 60_000,
    heartbeatIntervalMs: 30_000,
    requestTimeoutMs: 1000,
    failover: false,
    maxOutstandingRequests: 100,
    onAnswered: () => {},
    clock,
    cachedClock: clock,
    logger: new MemoryLogger(),
    log: null,
    stopHub: () => {},
    multiTenant: false,
    readMetrics: () => Promise.resolve(new Map()),
    listTunnels: () => [],
    onLatency: () => {},
    store: memoryStore(),
    epochMs: Date.now(),
    logins: null,
    events: { record: () => {} },
    ...options,
  });
}

/** A connection as the broker sees it, without a wire. */
class FakeConnection {
  readonly id = newId();
  readonly kind = "text";
  readonly heldBytes = 0;
  readonly quota = null;
  readonly principal: Principal;
  readonly sent: string[] = [];
  closedWith: number | null = null;
  readonly #user: ConnectionUser;

  constructor(broker: MessageBroker, tenant = "default", principal = ANONYMOUS) {
    this.principal = { ...principal, subject: "someone", tenant };
    this.#user = broker.createSession();
    this.#user.arrived?.(this.#self);
    this.#user.opened(this.#self);
    this.sent.length = 0;
  }

  /** Hands over a message that came before its login; gives what it cost. */
  receiveEarly(header: string, payload = ""): number | undefined {
    return this.#user.receivedEarly?.(this.#self, new TextEncoder().encode(`${header}\n${payload}`), false);
  }

  /** The same from somebody who is logged in. */
  receive(header: string, payload = ""): number {
    return this.#user.received(this.#self, new TextEncoder().encode(`${header}\n${payload}`), true);
  }

  subscribe(topic: string): void {
    this.receive("request:system.topic.subscribe:1.0.0", JSON.stringify({ topic, action: "publish" }));
  }

  end(): void {
    this.#user.closing(this.#self);
  }

  /** The codes of the errors that it was sent since it was asked last. */
  takeErrors(): string[] {
    return this.sent.splice(0).map((message) => JSON.parse(message.split("\n")[1] ?? "").error?.code);
  }

  send(message: OutgoingMessage): PushResult {
    this.sent.push(textOf(message.encodedFor("text")));
    return "queued";
  }

  publish(message: OutgoingMessage, _channel: Channel): PushResult {
    return this.send(message);
  }

  loginRequest(parts: object): object {
    return parts;
  }

  close(code: number): void {
    this.closedWith = code;
    this.end();
  }

  get #self(): Connection {
    return this as unknown as Connection;
  }
}

/** When what was put off to the end of the turn has happened. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

Deno.test("Session: a message costs its deliveries, its answer, and the search for its subscribers", () => {
  const broker = createBroker(new FakeClock());
  const subscribers = Array.from({ length: 10 }, () => new FakeConnection(broker));
  for (const subscriber of subscribers) subscriber.subscribe("a");
  const publisher = new FakeConnection(broker);
  const search = 2 + 10;
  assert.equal(publisher.receive("publish:a:1.0.0"), 10 + search);
  assert.equal(publisher.receive("publish:a:1.0.0"), 10, "the route is known");
  assert.equal(publisher.receive(`publish:a:1.0.0:${newId()}`), 10 + 1);
});

Deno.test("Session: a search through thousands of wildcards costs as much as thousands of deliveries", () => {
  const broker = createBroker(new FakeClock());
  const attacker = new FakeConnection(broker);
  for (let bits = 0; bits < 4096; bits++) {
    const levels = Array.from({ length: 12 }, (_, i) => (bits >> i) % 2 === 0 ? "a" : "+");
    attacker.subscribe([...levels, "z"].join("."));
  }
  for (const action of ["publish", "request"]) {
    for (let i = 0; i < 3; i++) {
      const cost = attacker.receive(`${action}:${"a.".repeat(12)}${action}${i}:1.0.0`);
      assert.ok(cost > 8000, `a cost of ${cost}`);
    }
  }
});

Deno.test("Session: twenty malformed messages in each minute are borne, for ever", () => {
  const clock = new FakeClock();
  const connection = new FakeConnection(createBroker(clock));
  for (let minute = 0; minute < 5; minute++, clock.ms += 60_000) {
    for (let i = 0; i < 20; i++) connection.receive("malformed");
  }
  clock.ms -= 1;
  assert.equal(connection.closedWith, null);
  connection.receive("malformed");
  assert.equal(connection.closedWith, 1008);
  assert.equal(connection.takeErrors().length, 101);
});

Deno.test("Session: after the malformed message that is one too many nothing is handled", () => {
  const connection = new FakeConnection(createBroker(new FakeClock()));
  connection.subscribe("a");
  connection.sent.length = 0;
  for (let i = 0; i < 30; i++) connection.receive("malformed");
  assert.equal(connection.closedWith, 1008);
  assert.equal(connection.receive("publish:a:1.0.0"), 0);
  assert.equal(connection.sent.length, 21);
});

Deno.test("Session: a rate gives its burst, then one message for each time that it says", () => {
  const clock = new FakeClock();
  const limits = {
    maxPayloadBytes: 100,
    maxTimeoutMs: 1000,
    maxMalformed: 20,
    maxSubscriptions: 10,
    ratePerService: 10,
  };
  const connection = new FakeConnection(createBroker(clock, { limits }));
  const publish = () => {
    connection.receive(`publish:a:1.0.0:${newId()}`);
    return connection.takeErrors();
  };
  for (let i = 0; i < 10; i++) assert.deepEqual(publish(), ["NO_ROUTE_FOUND"]);
  assert.deepEqual(publish(), ["RATE_LIMITED"]);
  clock.ms += 99;
  assert.deepEqual(publish(), ["RATE_LIMITED"]);
  clock.ms += 1;
  assert.deepEqual(publish(), ["NO_ROUTE_FOUND"]);
  assert.deepEqual(publish(), ["RATE_LIMITED"]);
  connection.receive(`request:system.heartbeat:1.0.0:${newId()}`, "{}");
  assert.deepEqual(connection.takeErrors(), [undefined], "the hub's own topics are not limited");
});

Deno.test("Session: who sends without ids over a rate is told once a second", () => {
  const clock = new FakeClock();
  const connection = new FakeConnection(createBroker(clock, { ratePerTopic: 1 }));
  const flood = () => {
    for (let i = 0; i < 100; i++) connection.receive("publish:a:1.0.0");
    return connection.takeErrors();
  };
  assert.deepEqual(flood(), ["RATE_LIMITED"]);
  clock.ms += 999;
  assert.deepEqual(flood(), []);
  clock.ms += 1;
  assert.deepEqual(flood(), ["RATE_LIMITED"]);
});

Deno.test("Session: tenants share nothing: no messages, no rates, no services", () => {
  const broker = createBroker(new FakeClock(), { ratePerTopic: 1 });
  const [red, blue] = [new FakeConnection(broker, "red"), new FakeConnection(broker, "blue")];
  blue.subscribe("#");
  blue.sent.length = 0;
  red.receive(`publish:a:1.0.0:${newId()}`);
  assert.deepEqual(red.takeErrors(), ["NO_ROUTE_FOUND"]);
  red.receive(`publish:a:1.0.0:${newId()}`);
  assert.deepEqual(red.takeErrors(), ["RATE_LIMITED"]);
  assert.deepEqual(blue.sent, []);
  blue.receive("publish:a:1.0.0");
  assert.equal(blue.sent.splice(0).length, 1, "the rate of its own topic is untouched");
  const asked = JSON.stringify({ serviceId: blue.id });
  red.receive(`request:system.service.subscriptions:1.0.0:${newId()}`, asked);
  assert.deepEqual(red.takeErrors(), ["INVALID_REQUEST"]);
  red.receive(`request:system.topic.list:1.0.0:${newId()}`, "{}");
  assert.match(red.sent.pop() ?? "", /\{"topics":\[\],"status":"success"\}$/);
});

Deno.test("Session: what a tenant looked up stays counted when its last connection goes", () => {
  const broker = createBroker(new FakeClock());
  const connection = new FakeConnection(broker, "red");
  for (let i = 0; i < 3; i++) connection.receive("publish:a:1.0.0");
  assert.deepEqual(broker.routeLookups, { hits: 2, misses: 1 });
  connection.subscribe("b");
  assert.equal(broker.subscriptionCount, 1);
  connection.end();
  assert.equal(broker.subscriptionCount, 0);
  assert.deepEqual(broker.routeLookups, { hits: 2, misses: 1 });
  new FakeConnection(broker, "red").receive("publish:a:1.0.0");
  assert.deepEqual(broker.routeLookups, { hits: 2, misses: 2 });
});

Deno.test("Session: an answer that comes after the end is not sent", async () => {
  const asked = Promise.withResolvers<Map<string, []>>();
  const broker = createBroker(new FakeClock(), { readMetrics: () => asked.promise });
  const connection = new FakeConnection(broker);
  connection.receive(`request:system.metrics:1.0.0:${newId()}`, "{}");
  connection.end();
  asked.resolve(new Map());
  await endOfTurn();
  assert.deepEqual(connection.sent, []);
  assert.equal(connection.receive("publish:a:1.0.0"), 0);
});

Deno.test("Session: an administrator sees and ends nothing of another tenant", () => {
  const logger = new MemoryLogger();
  let stops = 0;
  const broker = createBroker(new FakeClock(), { multiTenant: true, logger, stopHub: () => stops++ });
  const admin = new FakeConnection(broker, "a", LOCAL_OPERATOR);
  const [own, other] = [new FakeConnection(broker, "a"), new FakeConnection(broker, "b")];
  admin.subscribe("system.message");
  admin.subscribe("system.topic.presence");
  const answers: string[] = [];
  const ask = (topic: string, payload: unknown) => {
    admin.receive(`request:${topic}:1.0.0:${newId()}`, JSON.stringify(payload));
    answers.push(...admin.takeErrors());
  };
  admin.sent.length = 0;
  for (const one of [own, other]) {
    one.subscribe("work");
    one.receive("publish:work:1.0.0", "hello");
  }
  const shown = admin.sent.splice(0);
  assert.equal(shown.length, 1);
  assert.equal(JSON.parse(shown[0]?.split("\n")[1] ?? "").from, own.id);
  ask("system.control.disconnect", { serviceId: other.id });
  ask("system.control.disconnect", { serviceId: own.id });
  ask("system.control.drain", {});
  assert.deepEqual(answers, ["INVALID_REQUEST", undefined, "FORBIDDEN"]);
  assert.deepEqual([other.closedWith, own.closedWith, stops], [null, 1008, 0]);
  assert.deepEqual(logger.lines.map(({ fields }) => fields["tenant"]), ["a", "a"]);
});

Deno.test("Session: who is told of a message, a service or a presence costs who caused it", () => {
  const broker = createBroker(new FakeClock(), {
    topics: [{ pattern: "chat.#", slowConsumer: null, presence: true }],
  });
  const watchers = Array.from({ length: 50 }, () => new FakeConnection(broker, "default", LOCAL_OPERATOR));
  const client = new FakeConnection(broker);
  const costs = () => [
    client.receive("publish:nobody:1.0.0"),
    client.receive("request:system.service.register:1.0.0", '{"name":"x","description":""}'),
    client.receive("request:system.topic.subscribe:1.0.0", '{"topic":"chat.a"}'),
    client.receive("request:system.topic.unsubscribe:1.0.0", '{"topic":"chat.a"}'),
  ];
  for (const cost of costs()) assert.ok(cost < 10, `a cost of ${cost} with nobody who watches`);
  for (const watcher of watchers) {
    for (const topic of ["message", "service.events", "topic.presence"]) watcher.subscribe(`system.${topic}`);
  }
  for (const cost of costs()) assert.ok(cost >= watchers.length, `a cost of ${cost} with watchers`);
});

Deno.test("Session: a login that fails inside the hub is answered and logged, and the next one is looked at", async () => {
  const logger = new MemoryLogger();
  let asked = 0;
  const logins = {
    login: () => {
      asked++;
      return Promise.reject(new RangeError("Invalid time value"));
    },
    loginByCertificate: () => null,
  };
  const connection = new FakeConnection(createBroker(new FakeClock(), { logger, logins }));
  for (let time = 1; time <= 2; time++) {
    connection.receiveEarly(`request:system.authenticate:1.0.0:${newId()}`, JSON.stringify({ token: "x" }));
    await until(() => connection.sent.length > 0);
    assert.deepEqual(connection.takeErrors(), ["INTERNAL_ERROR"]);
    assert.equal(asked, time);
  }
  const errors = logger.lines.filter(({ level }) => level === "error");
  assert.deepEqual(errors[0]?.fields, { topic: "system.authenticate", error: "Invalid time value" });
});

Deno.test("Session: before the login a payload is as bounded, and a version as checked, as after it", () => {
  const connection = new FakeConnection(createBroker(new FakeClock()));
  const payload = JSON.stringify({ token: "x", pad: "x".repeat(64 * KIB) });
  for (const version of ["1.0.0", "2.0.0"]) {
    connection.receiveEarly(`request:system.authenticate:${version}:${newId()}`, payload);
    connection.receiveEarly(
      `request:system.authenticate:${version === "1.0.0" ? "0.1.0" : version}:${newId()}`,
      "{}",
    );
    assert.deepEqual(connection.takeErrors(), ["PAYLOAD_TOO_LARGE", "VERSION_NOT_SUPPORTED"]);
  }
});
