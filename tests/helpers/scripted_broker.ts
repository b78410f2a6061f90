/** Just enough of a broker to stand in for one: subscriptions, publishes, requests; no rights, no limits. */
import { matchesTopic } from "../../src/core/topic.ts";
import { encodeErrorPayload, readJsonObject } from "../../src/wire/error_payload.ts";
import {
  encodeTextMessage,
  parseTextMessage,
  type TextHeader,
  type TextMessage,
} from "../../src/wire/text_message.ts";

/** One connection. */
export interface BrokerMember {
  send(message: Uint8Array): void;
}

interface Entry {
  readonly member: BrokerMember;
  readonly action: string;
  readonly pattern: string;
}

interface Open {
  readonly origin: BrokerMember;
  readonly target: BrokerMember;
  readonly header: TextHeader;
}

const SUCCESS = JSON.stringify({ status: "success" });

/** Routes between its members. */
export class ScriptedBroker {
  /** Names under which members registered. */
  readonly services: string[] = [];
  /** Topics whose subscriptions are refused. */
  readonly forbidden = new Set<string>();
  #entries: Entry[] = [];
  readonly #open = new Map<string, Open>();

  /** What is subscribed to at the moment, each `action pattern`. */
  get subscriptions(): string[] {
    return this.#entries.map(({ action, pattern }) => `${action} ${pattern}`).sort();
  }

  join(member: BrokerMember): void {
    member.send(encodeTextMessage({ action: "publish", topic: "system.initialize" }, "{}"));
  }

  leave(member: BrokerMember): void {
    this.#entries = this.#entries.filter((entry) => entry.member !== member);
    for (const [id, { origin, target, header }] of this.#open) {
      if (origin !== member && target !== member) continue;
      this.#open.delete(id);
      if (origin !== member) this.#fail(origin, header, "SERVICE_UNAVAILABLE");
    }
  }

  received(member: BrokerMember, bytes: Uint8Array): void {
    const message = parseTextMessage(bytes, { maxTimeoutMs: 1e9 });
    if (message.kind === "malformed") throw new Error(message.message);
    if (message.action === "publish") return this.#publish(member, message);
    if (message.action === "response") return this.#response(message);
    if (message.topicKey.startsWith("system.")) return this.#system(member, message);
    this.#request(member, message);
  }

  /** Publishes to all, as the hub does. */
  publish(topic: string, payload: Uint8Array | string): number {
    const header = { action: "publish", topic, requestId: crypto.randomUUID() } as const;
    const members = this.#members("publish", topic.toLowerCase());
    for (const member of members) member.send(encodeTextMessage(header, payload));
    return members.length;
  }

  #publish(member: BrokerMember, { topic, requestId, payload }: TextMessage): void {
    const count = this.publish(topic, payload);
    if (requestId === null) return;
    const header: TextHeader = { action: "response", topic, requestId };
    if (count > 0) member.send(encodeTextMessage(header, SUCCESS));
    else this.#fail(member, header, "NO_ROUTE_FOUND");
  }

  #request(origin: BrokerMember, { topic, topicKey, requestId, payload }: TextMessage): void {
    const header: TextHeader = { action: "response", topic, requestId };
    const [target] = this.#members("request", topicKey);
    if (target === undefined) return this.#fail(origin, header, "NO_ROUTE_FOUND");
    const id = crypto.randomUUID();
    this.#open.set(id, { origin, target, header });
    const request: TextHeader = { action: "request", topic, requestId: id, parentRequestId: requestId };
    target.send(encodeTextMessage(request, payload));
  }

  #response({ requestId, payload }: TextMessage): void {
    const open = this.#open.get(requestId ?? "");
    this.#open.delete(requestId ?? "");
    open?.origin.send(encodeTextMessage(open.header, payload));
  }

  #system(member: BrokerMember, { topic, topicKey, requestId, payload }: TextMessage): void {
    const { action = "both", topic: pattern, name } = readJsonObject(payload) ?? {};
    const key = String(pattern).toLowerCase();
    const header: TextHeader = { action: "response", topic, requestId };
    const isSame = (entry: Entry) =>
      entry.member === member && entry.action === action && entry.pattern === key;
    if (topicKey === "system.service.register") this.services.push(String(name));
    if (topicKey === "system.topic.subscribe" || topicKey === "system.topic.unsubscribe") {
      if (this.forbidden.has(key)) return this.#fail(member, header, "FORBIDDEN");
      this.#entries = this.#entries.filter((entry) => !isSame(entry));
      if (topicKey === "system.topic.subscribe") {
        this.#entries.push({ member, action: String(action), pattern: key });
      }
    }
    member.send(encodeTextMessage(header, SUCCESS));
  }

  #fail(member: BrokerMember, header: TextHeader, code: string): void {
    member.send(encodeTextMessage(header, encodeErrorPayload({ code, message: "said the stand-in" })));
  }

  #members(action: string, topic: string): BrokerMember[] {
    const found = this.#entries.filter((entry) =>
      entry.action === action && matchesTopic(entry.pattern, topic)
    );
    return [...new Set(found.map(({ member }) => member))];
  }
}
