/** A message client with a hub that is a test. */
import assert from "node:assert/strict";
import { MessageClient, type MessageClientOptions } from "../../src/agent/message_client.ts";
import type { MessageSender, SendOptions } from "../../src/agent/message_sender.ts";
import type { TrunklineError } from "../../src/core/errors.ts";
import { encodeErrorPayload } from "../../src/wire/error_payload.ts";
import {
  encodeTextMessage,
  parseTextMessage,
  type TextHeader,
  type TextMessage,
} from "../../src/wire/text_message.ts";
import { turn } from "./fake_hub.ts";

/** A connection that keeps what is sent. */
export class FakeSender implements MessageSender {
  maxPayloadBytes: number | null = 1000;
  /** How many messages it takes. */
  room = Infinity;
  readonly sent: TextMessage[] = [];
  readonly options: SendOptions[] = [];

  /** How often it was told that too much waits. */
  overflows = 0;

  overflow(): void {
    this.overflows++;
  }

  send(bytes: Uint8Array, options: SendOptions): boolean {
    if (this.room === 0) return false;
    this.room--;
    const message = parseTextMessage(bytes, { maxTimeoutMs: 1e9 });
    assert.ok(message.kind === "message", "the client sends well-formed messages");
    this.sent.push(message);
    this.options.push(options);
    return true;
  }
}

/** Both. */
export class MessageScene {
  readonly client: MessageClient;
  readonly problems: TrunklineError[] = [];
  idle = 0;
  sender = new FakeSender();

  constructor(options: Partial<MessageClientOptions> = {}) {
    this.client = new MessageClient({
      onProblem: (error) => this.problems.push(error),
      onIdle: () => this.idle++,
      ...options,
    });
  }

  /** One that is connected. */
  static up(options: Partial<MessageClientOptions> = {}): MessageScene {
    const scene = new MessageScene(options);
    scene.client.connected(scene.sender);
    return scene;
  }

  /** The connection ends and another one begins. */
  reconnect(): FakeSender {
    this.client.disconnected();
    this.sender = new FakeSender();
    this.client.connected(this.sender);
    return this.sender;
  }

  /** Takes the next message that was sent. */
  async next(): Promise<TextMessage> {
    await turn();
    const message = this.sender.sent.shift();
    assert.ok(message, "nothing was sent");
    return message;
  }

  /** Says a message. */
  say(header: TextHeader, payload: Uint8Array | string = ""): void {
    this.client.received(encodeTextMessage(header, payload));
  }

  /** Answers a message. */
  answer({ topic, requestId }: TextMessage, payload: Uint8Array | string = '{"status":"success"}'): void {
    this.say({ action: "response", topic, requestId }, payload);
  }

  /** Answers it with an error. */
  fail(message: TextMessage, code: string, details: Record<string, unknown> = {}): void {
    this.answer(message, encodeErrorPayload({ code, message: "said the test", details }));
  }

  /** Answers the registration that was sent. */
  async letIn(): Promise<TextMessage> {
    const message = await this.next();
    assert.ok(message.topicKey.startsWith("system."), message.topic);
    this.answer(message);
    await turn();
    return message;
  }
}

/** A payload as text. */
export function textOf(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}
