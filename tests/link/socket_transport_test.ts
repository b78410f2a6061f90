import assert from "node:assert/strict";
import { JsonLinesTransport } from "../../src/link/json_lines_transport.ts";
import { TextTransport } from "../../src/link/text_transport.ts";
import { WebSocketTransport } from "../../src/link/websocket_transport.ts";
import { encodeMessageFrame } from "../../src/wire/frame.ts";
import { connectLink, LinkClient, type LinkClientOptions } from "../helpers/link_client.ts";
import { concat, prefixed } from "../helpers/prefixed.ts";
import { encodeClientFrame } from "../helpers/raw_client.ts";
import { framesPair } from "./frames_pair.ts";
import { bytesOf } from "./mux_pair.ts";
import { connectPair } from "./pair.ts";

const REASON = "An error of this end";

/** Bytes, whatever they mean. */
class PlainClient extends LinkClient {
  static async connect(options: LinkClientOptions): Promise<PlainClient> {
    return new PlainClient(await connectLink(options));
  }
}

const kinds = {
  websocket: {
    create: WebSocketTransport,
    message: encodeClientFrame({ opcode: 1, payload: "x" }),
  },
  text: { create: TextTransport, message: prefixed("x") },
  json: { create: JsonLinesTransport, message: bytesOf("{}\n") },
} as const;

for (const kind of ["websocket", "text", "json"] as const) {
  Deno.test(`Socket transport: an error of whoever takes messages ends that connection alone (${kind})`, async () => {
    const { create: Kind, message } = kinds[kind];
    const ends = {
      kind,
      create: (options: ConstructorParameters<typeof Kind>[0]) => new Kind(options),
      connect: PlainClient.connect,
    };
    await using pair = await connectPair(ends, {});
    const error = new RangeError("Maximum call stack size exceeded");
    pair.owner.error = error;
    await pair.client.write(concat([message, message, message]));
    pair.client.finish(message);
    await pair.owner.closed;
    assert.deepEqual(pair.owner.events, [`closing 1011 ${REASON}`, "closed"]);
    assert.deepEqual(pair.failures, [error], "it is told once");
  });
}

Deno.test("Socket transport: an error of whoever takes messages ends that connection alone (frames)", async () => {
  await using pair = await framesPair();
  const error = new RangeError("Maximum call stack size exceeded");
  pair.hub.owner.error = error;
  const frame = encodeMessageFrame(new Uint8Array(0), { payload: bytesOf("x"), isText: true });
  pair.spoke.transport.outbox.push("request", frame);
  await Promise.all([pair.hub.owner.closed, pair.spoke.owner.closed]);
  for (const { owner } of [pair.hub, pair.spoke]) {
    assert.deepEqual(owner.events, [`closing 1011 ${REASON}`, "closed"]);
  }
  assert.deepEqual(pair.hub.failures, [error]);
});
