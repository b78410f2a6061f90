/** The client's opening handshake of a WebSocket for frames (RFC 6455, section 4.1). */
import { createHash } from "node:crypto";
import type { HubUrl } from "../config/hub_url.ts";
import { formatAddress } from "../config/units.ts";
import { TrunklineError } from "../core/errors.ts";
import type { GatedStream } from "../link/gated_socket.ts";
import { WebSocketStream } from "../link/websocket_stream.ts";
import type { HttpAnswer } from "../wire/http_answer.ts";
import type { DialTarget } from "./dial_target.ts";
import { ask } from "./read_answer.ts";
import { FILE_NAMES } from "./setting_names.ts";

/** The subprotocol of frames. */
export const FRAMES_PROTOCOL = "trunkline.frames.v1";

/** Where hubs take frames in a WebSocket. */
const FRAMES_PATH = "/agent";
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY_BYTES = 16;
const MS_PER_SECOND = 1000;
/** The longest WebSocket message: one of the longest messages with other frames around it. */
const MAX_MESSAGE_BYTES = 17 * 1024 * 1024;

/** The hub, and what texts call its settings. */
type HubPlace = Pick<DialTarget, "url" | "names">;

/** Shakes hands over a connection. Throws `refused` or `unreachable` where the answer is no agreement, else as `ask`. */
export async function upgrade(link: GatedStream, { url, names }: HubPlace): Promise<WebSocketStream> {
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64();
  const answer = await ask(link, [
    `GET ${url.path === "" ? FRAMES_PATH : url.path} HTTP/1.1`,
    `Host: ${formatAddress(url)}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Protocol: ${FRAMES_PROTOCOL}`,
  ]);
  if (answer.status !== 101) throw refusal(answer, { url, names: names ?? FILE_NAMES });
  const mistake = mistakeIn(answer, key);
  if (mistake !== null) throw unreachable(url, `what answers is no hub (${mistake})`);
  return new WebSocketStream({ link, head: answer.rest, maxMessageBytes: MAX_MESSAGE_BYTES });
}

/** What the answer does not agree to; `null` when it agrees. */
function mistakeIn({ fields }: HttpAnswer, key: string): string | null {
  const tokens = (name: string) =>
    (fields.get(name) ?? "").toLowerCase().split(",").map((token) => token.trim());
  if (!tokens("upgrade").includes("websocket") || !tokens("connection").includes("upgrade")) {
    return "it switches to something else than a WebSocket";
  }
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  if (fields.get("sec-websocket-accept") !== accept) return "its answer is not to this handshake";
  if (fields.get("sec-websocket-protocol") !== FRAMES_PROTOCOL) return `it does not speak ${FRAMES_PROTOCOL}`;
  if ((fields.get("sec-websocket-extensions") ?? "") !== "") {
    return "it uses extensions that nobody asked for";
  }
  return null;
}

function refusal(
  { status, fields }: HttpAnswer,
  { url, names }: Required<HubPlace>,
): TrunklineError {
  const details = { status, ...retryAfter(fields.get("retry-after")) };
  if (status === 401 || status === 403) {
    const message =
      `Cannot log in at ${url.text}: the hub refused with HTTP ${status}; see that ${names.token} is valid`;
    return new TrunklineError("refused", message, { details });
  }
  const why = status === 404
    ? "nobody takes frames at this path (HTTP 404); see that host, port and path are right"
    : status === 429 || status === 503
    ? `the hub takes nobody now (HTTP ${status})`
    : `what answers is no hub (HTTP ${status}); see that host, port and path are right`;
  return unreachable(url, why, details);
}

/** The wish of a `Retry-After` in seconds; its other form, a date, is not followed. */
function retryAfter(value: string | undefined): { retryAfterMs?: number } {
  return value !== undefined && /^\d{1,9}$/.test(value)
    ? { retryAfterMs: Number(value) * MS_PER_SECOND }
    : {};
}

function unreachable(url: HubUrl, why: string, details: Record<string, unknown> = {}): TrunklineError {
  return new TrunklineError("unreachable", `Cannot reach the hub at ${url.text}: ${why}`, { details });
}
