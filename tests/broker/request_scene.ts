/** Hubs, services and callers over each transport, for tests of requests over real sockets. */
import assert from "node:assert/strict";
import { TestCertificates } from "../helpers/certificates.ts";
import { CutProxy } from "../helpers/cut_proxy.ts";
import { TestHub } from "../helpers/test_hub.ts";
import {
  BrokerClient,
  type ConnectOptions,
  newId,
  type Reachable,
  type Received,
  type Transport,
} from "./broker_client.ts";

/** How many ask at a time. */
export const CALLERS = 100;
/** The metric of those who wait. */
export const OUTSTANDING = "trunkline_broker_requests_outstanding";

/** A transport as it is called outside. */
export const WIRES: Readonly<Record<string, { readonly transport: Transport; readonly isTls: boolean }>> = {
  ws: { transport: "websocket", isTls: false },
  wss: { transport: "websocket", isTls: true },
  tcp: { transport: "text", isTls: false },
  tls: { transport: "text", isTls: true },
};

/** A hub, and connections to it over one of the transports. */
export class Scene implements AsyncDisposable {
  readonly hub: TestHub;
  readonly transport: Transport;
  readonly options: ConnectOptions;
  readonly #stack: AsyncDisposableStack;
  readonly #proxies: CutProxy[] = [];

  private constructor(
    hub: TestHub,
    { transport, ca, stack }: { transport: Transport; ca: string | undefined; stack: AsyncDisposableStack },
  ) {
    this.hub = hub;
    this.transport = transport;
    this.options = { ca };
    this.#stack = stack;
  }

  static async start(wire: string, set: readonly string[] = []): Promise<Scene> {
    const { transport, isTls } = WIRES[wire] ?? assert.fail(wire);
    const stack = new AsyncDisposableStack();
    const certificates = isTls ? stack.use(await TestCertificates.create()) : undefined;
    const hub = stack.use(await TestHub.start([...certificates?.settings ?? [], ...set]));
    return new Scene(hub, { transport, ca: certificates?.ca, stack });
  }

  async connect(to: Reachable = this.hub): Promise<BrokerClient> {
    return this.#stack.use(await BrokerClient.connect(to, this.transport, this.options));
  }

  /** Who answers to `work`, when the test says so. */
  async service(to: Reachable = this.hub, priority = 0): Promise<BrokerClient> {
    const service = await this.connect(to);
    await service.subscribe("work", { action: "request", priority });
    return service;
  }

  /** A way to the hub that can be cut. */
  async proxy(): Promise<CutProxy> {
    const proxy = this.#stack.use(await CutProxy.open(this.hub.port));
    this.#proxies.push(proxy);
    return proxy;
  }

  async callers(count: number): Promise<BrokerClient[]> {
    return await Promise.all(Array.from({ length: count }, () => this.connect()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A client behind one that is stalled would wait for the hub's goodbye.
    for (const proxy of this.#proxies) proxy.cut();
    await this.#stack.disposeAsync();
  }
}

/** The same test over every transport. */
export function testEach(name: string, run: (wire: string) => Promise<void>): void {
  for (const wire of Object.keys(WIRES)) Deno.test(`Requests: ${name} (${wire})`, () => run(wire));
}

/** The id to answer a request with. */
export function targetIdOf({ header }: Received): string {
  const [action, , , targetId = ""] = header.split(":");
  assert.equal(action, "request", header);
  return targetId;
}

/** The next message that is no question for a sign of life; those are answered. */
export async function nextAlive(client: BrokerClient): Promise<Received> {
  for (;;) {
    const message = await client.next();
    if (!message.header.startsWith("request:system.heartbeat:")) return message;
    client.send(`response:system.heartbeat:1.0.0:${targetIdOf(message)}`, "{}");
  }
}

/** Sends one request for each caller; they wait at the service when this is over. */
export async function askAll(callers: readonly BrokerClient[], service: BrokerClient): Promise<Received[]> {
  for (const caller of callers) caller.send(`request:work:1.0.0:${newId()}`, "do it");
  return await service.take(callers.length);
}
