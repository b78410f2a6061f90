/**
 * Text messages as a Trunkline hub speaks them: a line of fields with colons between them, a newline, and the
 * payload, for example `publish:sensors.a.temp:1.0.0:<id>\n21`.
 */

/** The WebSocket subprotocol of text messages. */
export const PROTOCOL = "trunkline.text.v1";

/**
 * The subprotocols to offer: that of text messages, and the token of `TRUNKLINE_TOKEN` behind `bearer.`, as browsers
 * have to show it too. Without `--allow-env=TRUNKLINE_TOKEN` no token is looked for.
 */
export function protocols(): string[] {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TRUNKLINE_TOKEN" });
  const token = state === "granted" ? Deno.env.get("TRUNKLINE_TOKEN") : undefined;
  if (token === undefined) return [PROTOCOL];
  const encoded = btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return [PROTOCOL, `bearer.${encoded}`];
}

/** A message of the hub. */
export interface TextMessage {
  /** `publish`, `response` to a message of ours, or `request`. */
  readonly action: string;
  readonly topic: string;
  readonly version: string;
  /**
   * Of a response: the id of the message that it answers, if the hub could read it. Of a request: the id to answer
   * it with; empty when nobody waits for an answer.
   */
  readonly id: string;
  /** Of a request: the id that whoever asks gave it. */
  readonly parentId: string;
  readonly payload: Uint8Array;
}

/** An error that the hub answered. */
export interface HubError {
  /** For programs, for example `NO_ROUTE_FOUND`. */
  readonly code: string;
  /** For people. */
  readonly message: string;
}

/** What a header says besides action and topic. */
export interface HeaderRest {
  readonly id?: string;
  /** Of a request: how long its answer may take, in milliseconds. */
  readonly timeoutMs?: number;
  readonly version?: string;
}

/** Writes a message. With an id it is answered, a publish without one is not. */
export function encode(
  action: "publish" | "request" | "response",
  topic: string,
  payload: string,
  { id = "", timeoutMs, version = "1.0.0" }: HeaderRest = {},
): string {
  // A colon or newline in the topic would change the fields of the message.
  if (/[:\n]/.test(topic)) {
    throw new Error(`Cannot use the topic ${JSON.stringify(topic)}: it has : or newline`);
  }
  const ids = timeoutMs === undefined ? id : `${id}::${timeoutMs}`;
  return `${action}:${topic}:${version}${ids === "" ? "" : `:${ids}`}\n${payload}`;
}

/** Takes a message apart. The hub sends text where the payload is text, bytes otherwise. */
export function decode(data: string | ArrayBuffer): TextMessage {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
  const end = bytes.indexOf(0x0a);
  const header = new TextDecoder().decode(bytes.subarray(0, end));
  const [action = "", topic = "", version = "", id = "", parentId = ""] = header.split(":");
  return { action, topic, version, id, parentId, payload: bytes.subarray(end + 1) };
}

/** The error in the payload of a response; `null` when it tells of success, or is whatever a service answered. */
export function errorIn({ payload }: TextMessage): HubError | null {
  try {
    const error = JSON.parse(new TextDecoder().decode(payload))?.error;
    return typeof error?.code === "string" ? error : null;
  } catch {
    return null;
  }
}

/** What others say must not control the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "\u{fffd}");
}
