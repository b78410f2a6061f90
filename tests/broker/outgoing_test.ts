import assert from "node:assert/strict";
import { ExchangedMessage, HubMessage } from "../../src/broker/outgoing.ts";
import { concat } from "../helpers/prefixed.ts";
import { decoderOf } from "../wire/frames.ts";

const header = { action: "publish", topic: "a.b", requestId: null } as const;

Deno.test("Outgoing messages: a text message goes as one Message frame, encoded once", () => {
  const large = new Uint8Array(5000).fill(0xff);
  const messages = [
    { message: new HubMessage(header, "{}"), payload: new TextEncoder().encode("{}"), isText: true },
    { message: new ExchangedMessage(header, large, false), payload: large, isText: false },
  ];
  for (const { message, payload, isText } of messages) {
    const encoded = message.encodedFor("frames");
    assert.equal(message.encodedFor("frames"), encoded);
    const { decoder, sink } = decoderOf();
    const bytes = concat(encoded.parts);
    assert.equal(encoded.bytes, bytes.length);
    assert.equal(decoder.feed(bytes), bytes.length);
    const text = concat([new TextEncoder().encode("publish:a.b:1.0.0\n"), payload]);
    assert.deepEqual(sink.frames, [{ kind: "message", message: text, isText }]);
  }
});
