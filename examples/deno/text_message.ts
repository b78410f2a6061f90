/**
 * Text messages as a Trunkline hub speaks them: a line of fields with colons between them, a newline, and the
 * payload, for example `publish:sensors.a.temp:1.0.0:<id>\n21`.
 */

/** The WebSocket subprotocol of text messages. */
export const PROTOCOL = "trunkline.text.v1";

/** A message of the hub. */
export interface TextMessage {
  /** `publish`, `response` to a message of ours, or `request`. */
  readonly action: string;
  readonly topic: string;
  /** Of a response: the id of the message that it answers, if the hub could read it. */
  readonly id: string;
  readonly payload: Uint8Array;
}

/** An error that the hub answered. */
export interface HubError {
  /** For programs, for example `NO_ROUTE_FOUND`. */
  readonly code: string;
  /** For people. */
  readonly message: string;
}

/** Writes a message. With an id it is answered, a publish without one is not. */
export function encode(action: "publish" | "request", topic: string, id: string, payload: string): string {
  // A colon or newline in the topic would change the fields of the message.
  if (/[:\n]/.test(topic)) {
    throw new Error(`Cannot use the topic ${JSON.stringify(topic)}: it has : or newline`);
  }
  return `${action}:${topic}:1.0.0:${id}\n${payload}`;
}

/** Takes a message apart. The hub sends text where the payload is text, bytes otherwise. */
export function decode(data: string | ArrayBuffer): TextMessage {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
  const end = bytes.indexOf(0x0a);
  const [action = "", topic = "", , id = ""] = new TextDecoder().decode(bytes.subarray(0, end)).split(":");
  return { action, topic, id, payload: bytes.subarray(end + 1) };
}

/** The error in the payload of a response; `null` when it tells of success. */
export function errorIn({ payload }: TextMessage): HubError | null {
  const { error } = JSON.parse(new TextDecoder().decode(payload));
  return error ?? null;
}
