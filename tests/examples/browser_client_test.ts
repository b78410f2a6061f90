import assert from "node:assert/strict";
import { HubError, Trunkline } from "../../examples/browser/trunkline.js";
import { StandInHub } from "./stand_in_hub.ts";

const SUCCESS = '{"status":"success"}';
const REFUSED = '{"error":{"code":"FORBIDDEN","message":"Not for you"}}';

/** A client under test, what it told, and the hub that the test plays. */
class Scene implements AsyncDisposable {
  readonly hub = new StandInHub();
  readonly messages: unknown[] = [];
  readonly gaps: unknown[] = [];
  readonly errors: HubError[] = [];
  readonly client: Trunkline;
  state = "";
  stateText = "";
  #wake: (() => void) | null = null;

  constructor() {
    this.client = new Trunkline(this.hub.url, {
      onMessage: (message: unknown) => this.#happened(() => this.messages.push(message)),
      onGap: (gap: unknown) => this.#happened(() => this.gaps.push(gap)),
      onError: (error: HubError) => this.#happened(() => this.errors.push(error)),
      onState: ({ state, text }: { state: string; text: string }) =>
        this.#happened(() => [this.state, this.stateText] = [state, text]),
    });
  }

  /** Waits until what the client told makes this true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((wake) => this.#wake = wake);
  }

  async becomes(state: string): Promise<void> {
    await this.until(() => this.state === state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.becomes("closed");
    await this.hub[Symbol.asyncDispose]();
  }

  #happened(note: () => void): void {
    note();
    this.#wake?.();
  }
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HubError && error.code === code;
}

Deno.test("Browser client: answers a heartbeat request", async () => {
  await using scene = new Scene();
  const peer = await scene.hub.accept();
  await scene.becomes("open");
  peer.send("request:system.heartbeat:1.0.0:an-id\n{}");
  assert.equal(await peer.next(), `response:system.heartbeat:1.0.0:an-id\n${SUCCESS}`);
});

Deno.test("Browser client: takes messages and gaps, and leaves the hub's notices out", async () => {
  await using scene = new Scene();
  const peer = await scene.hub.accept();
  await scene.becomes("open");
  const published = scene.client.publish("a.b", "x");
  const id = await peer.nextId("publish:a.b:1.0.0:");
  peer.send("publish:system.initialize:1.0.0:1\n{}");
  peer.send("publish:a.b:1.0.0:2\nfirst\nsecond");
  peer.send('publish:system.topic.gap:1.0.0:3\n{"topic":"a.b","dropped":4}');
  peer.send(`response:a.b:1.0.0:${id}\n${SUCCESS}`);
  await published;
  assert.deepEqual(scene.messages, [{ topic: "a.b", id: "2", payload: "first\nsecond" }]);
  assert.deepEqual(scene.gaps, [{ topic: "a.b", dropped: 4 }]);
});

Deno.test("Browser client: an error without an id is for whoever waits", async () => {
  await using scene = new Scene();
  const peer = await scene.hub.accept();
  await scene.becomes("open");
  const refused = assert.rejects(scene.client.publish("a.b", "x"), hasCode("FORBIDDEN"));
  await peer.next();
  peer.send(`response:system.error:1.0.0\n${REFUSED}`);
  await refused;
});

Deno.test("Browser client: a subscription made without a connection is taken when there is one", async () => {
  await using scene = new Scene();
  await assert.rejects(scene.client.publish("a.b", "x"), hasCode("NOT_CONNECTED"));
  const early = scene.client.subscribe("A.+");
  const again = scene.client.subscribe("a.+", { group: "g" });
  const ended = scene.client.subscribe("c.d");
  await scene.client.unsubscribe("C.D");
  await ended;
  const peer = await scene.hub.accept();
  const id = await peer.nextId("request:system.topic.subscribe:1.0.0:");
  peer.send(`response:system.topic.subscribe:1.0.0:${id}\n${SUCCESS}`);
  await Promise.all([early, again]);
});

Deno.test("Browser client: subscribes again after the time that the hub named, and tells of a refusal", async () => {
  await using scene = new Scene();
  const subscribed = scene.client.subscribe("a.b", { group: "g" });
  const first = await scene.hub.accept();
  const request = await first.next();
  assert.deepEqual(JSON.parse(request.split("\n")[1] ?? ""), { action: "publish", topic: "a.b", group: "g" });
  first.send(`response:system.topic.subscribe:1.0.0:${request.split("\n")[0]?.split(":")[3]}\n${SUCCESS}`);
  await subscribed;
  const lost = assert.rejects(scene.client.publish("a.b", "x"), hasCode("CONNECTION_LOST"));
  first.close(4503, "stopping retry=0");
  await lost;
  const second = await scene.hub.accept();
  const id = await second.nextId("request:system.topic.subscribe:1.0.0:");
  second.send(`response:system.topic.subscribe:1.0.0:${id}\n${REFUSED}`);
  await scene.until(() => scene.errors.length > 0);
  assert.deepEqual(scene.errors.map(({ code }) => code), ["FORBIDDEN"]);
});

Deno.test("Browser client: does not come back when its login was refused", async () => {
  await using scene = new Scene();
  const peer = await scene.hub.accept();
  await scene.becomes("open");
  peer.close(4401, "unauthorized retry=0");
  await scene.becomes("closed");
  assert.equal(scene.stateText, "closed with 4401: unauthorized retry=0");
});
