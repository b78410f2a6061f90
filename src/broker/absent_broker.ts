/**
 * Who takes the text messages of an agent on a hub whose broker is off: says so to whoever wants an answer, so that
 * the agent's tunnels go on. A flood of messages that nobody reads the answers of ends by the bounds of the outbox.
 */
import type { Connection, ConnectionUser } from "../hub/connection.ts";
import { parseTextMessage } from "../wire/text_message.ts";
import { type BrokerError, encodeError } from "./broker_error.ts";
import { HubMessage } from "./outgoing.ts";

const OFF: BrokerError = {
  code: "SERVICE_UNAVAILABLE",
  message: "Cannot take messages: the broker of this hub is off (broker.enabled)",
};

/** Answers every message that has an id with an error. */
export class AbsentBroker implements ConnectionUser {
  readonly maxMessageBytes: number;
  readonly #maxTimeoutMs: number;

  constructor({ maxMessageBytes, maxTimeoutMs }: { maxMessageBytes: number; maxTimeoutMs: number }) {
    this.maxMessageBytes = maxMessageBytes;
    this.#maxTimeoutMs = maxTimeoutMs;
  }

  opened(): void {}

  received(connection: Connection, data: Uint8Array): number {
    const message = parseTextMessage(data, { maxTimeoutMs: this.#maxTimeoutMs });
    const { requestId } = message;
    if (requestId === null) return 1;
    const isMessage = message.kind === "message";
    const header = isMessage
      ? { action: "response", topic: message.topic, version: message.version, requestId } as const
      : { action: "response", topic: "system.error", requestId } as const;
    connection.send(new HubMessage(header, encodeError(OFF)), "request");
    return 1;
  }

  closing(): void {}
}
