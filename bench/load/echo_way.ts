/**
 * The ways on which something that a client sends comes back to it: a WebSocket of the relay, the broker over a length
 * prefix or over frames (the client is subscribed to what it publishes), an HTTP tunnel, a TCP tunnel to an echo. On
 * each, what is sent and what comes back have always the same length, so that a load only counts bytes.
 */
import { encodeFrame, encodeMessageFrame } from "../../src/wire/frame.ts";
import { encodeLengthPrefixed } from "../../src/wire/length_prefix.ts";
import { clientFrame, concat } from "./raw_websocket.ts";
import { connect, type LoadTarget, openWebSocket, writeAll } from "./web_socket.ts";

/** The names of the ways. */
export type EchoWayName = "websocket" | "text" | "frames" | "http" | "tcp";

/** Where to connect, and how. */
export interface EchoTarget extends LoadTarget {
  /** @default websocket */
  readonly way?: EchoWayName;
  /** The host that visitors of an HTTP tunnel ask for. */
  readonly host?: string;
}

/** One client that is ready. */
export interface EchoClient {
  readonly connection: Deno.Conn;
  /** What is sent each time. */
  readonly sent: Uint8Array;
  /** Length of what comes back for it. */
  readonly echoBytes: number;
  /** Sent now and then, where the way needs a sign of life beside. */
  readonly sign: Uint8Array | null;
}

interface Wanted {
  /** Tells clients apart: letters and digits. */
  readonly name: string;
  readonly payloadBytes: number;
}

const NOTHING = new Uint8Array(0);
const READ_BYTES = 16 * 1024;
const ID_BYTES = 36;
const FRAME_HEADER_BYTES = 12;
const PREFIX_BYTES = 4;
const REQUEST_ID = "8d0f6f0e-6ad5-4a54-9a5e-0e8f0f6d5f11";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Opens a client whose messages come back to it alone. */
export function openEcho(target: EchoTarget, wanted: Wanted): Promise<EchoClient> {
  switch (target.way ?? "websocket") {
    case "websocket":
      return openRelay(target, wanted);
    case "text":
      return openBroker(target, wanted, { wrap: prefixed, headBytes: PREFIX_BYTES, hello: null });
    case "frames":
      return openBroker(target, wanted, {
        wrap: framed,
        headBytes: FRAME_HEADER_BYTES,
        hello: loginOf(wanted.name),
      });
    case "http":
      return openVisitor(target);
    case "tcp":
      return openStream(target, wanted);
  }
}

async function openRelay(target: EchoTarget, { name, payloadBytes }: Wanted): Promise<EchoClient> {
  const connection = await openWebSocket(target, `/relay/${name}`);
  const headBytes = payloadBytes < 126 ? 2 : 4;
  // A pong that nobody asked for: then no ping comes between the echoes.
  const sign = clientFrame(10, NOTHING);
  return {
    connection,
    sent: clientFrame(2, payloadOf(payloadBytes)),
    echoBytes: payloadBytes + headBytes,
    sign,
  };
}

interface Wrapping {
  readonly wrap: (message: Uint8Array) => Uint8Array;
  readonly headBytes: number;
  /** Has to be answered before anything else is sent. */
  readonly hello: Uint8Array | null;
}

async function openBroker(
  target: EchoTarget,
  { name, payloadBytes }: Wanted,
  { wrap, headBytes, hello }: Wrapping,
): Promise<EchoClient> {
  const connection = await connect(target);
  if (hello !== null) {
    await writeAll(connection, hello);
    await readUntil(connection, (text) => text.includes('"ok":true'));
  }
  const topic = `fair.${name}`;
  const subscribe = `request:system.topic.subscribe:1.0.0:${REQUEST_ID}\n{"topic":"${topic}"}`;
  await writeAll(connection, wrap(encoder.encode(subscribe)));
  await readUntil(
    connection,
    (text) => text.includes(`system.topic.subscribe:1.0.0:${REQUEST_ID}`) && text.endsWith("}"),
  );
  const head = encoder.encode(`publish:${topic}:1.0.0\n`);
  const sent = wrap(concat([head, payloadOf(payloadBytes)]));
  // What comes back names the message.
  return { connection, sent, echoBytes: headBytes + head.length + 1 + ID_BYTES + payloadBytes, sign: null };
}

async function openVisitor(target: EchoTarget): Promise<EchoClient> {
  const connection = await connect(target);
  const sent = encoder.encode(`GET /hello HTTP/1.1\r\nHost: ${target.host}\r\nAccept: */*\r\n\r\n`);
  await writeAll(connection, sent);
  const answer = await readUntil(connection, (text) => {
    const end = text.indexOf("\r\n\r\n") + 4;
    return end >= 4 && text.length === end + Number(/Content-Length: (\d+)/i.exec(text)?.[1]);
  });
  if (!answer.startsWith("HTTP/1.1 200")) throw new Error(`Cannot visit: ${answer.split("\r\n")[0]}`);
  return { connection, sent, echoBytes: answer.length, sign: null };
}

async function openStream(target: EchoTarget, { payloadBytes }: Wanted): Promise<EchoClient> {
  const connection = await connect(target);
  const sent = payloadOf(payloadBytes);
  await writeAll(connection, sent);
  await readUntil(connection, (text) => text.length === payloadBytes);
  return { connection, sent, echoBytes: payloadBytes, sign: null };
}

async function readUntil(connection: Deno.Conn, isThere: (text: string) => boolean): Promise<string> {
  const buffer = new Uint8Array(READ_BYTES);
  for (let text = "";;) {
    const bytes = await connection.read(buffer);
    if (bytes === null) throw new Error(`Cannot open a client: the server closed after "${text}"`);
    text += decoder.decode(buffer.subarray(0, bytes));
    if (isThere(text)) return text;
  }
}

const payloadOf = (bytes: number) => new Uint8Array(bytes).fill(120);
const prefixed = (message: Uint8Array) => concat(encodeLengthPrefixed(NOTHING, message).parts);
const framed = (message: Uint8Array) =>
  concat(encodeMessageFrame(NOTHING, { payload: message, isText: true }).parts);

function loginOf(name: string): Uint8Array {
  const request = { agentId: name, session: `session-of-${name}`, features: ["messages"] };
  return concat(encodeFrame({ kind: "auth_request", request }).parts);
}
